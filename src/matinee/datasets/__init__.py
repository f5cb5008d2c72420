"""Sources of ratings: files of any kind, the datasets that others publish, and the built-in cinema."""

from matinee.datasets.loading import load_dataset, load_movies, load_users
from matinee.datasets.movie_files import read_movies
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.own_ratings import Export, read_export
from matinee.datasets.readers import read_ratings
from matinee.datasets.users import read_users

__all__ = [
    "Export",
    "Movie",
    "Movies",
    "load_dataset",
    "load_movies",
    "load_users",
    "read_export",
    "read_movies",
    "read_ratings",
    "read_users",
]
