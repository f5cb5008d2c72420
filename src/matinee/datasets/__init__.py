"""Sources of ratings: files of any kind, the datasets of GroupLens, and the built-in cinema."""

from matinee.datasets.loading import load_dataset, load_movies, load_users
from matinee.datasets.movies import Movie, Movies, read_movies
from matinee.datasets.readers import read_ratings
from matinee.datasets.users import read_users

__all__ = [
    "Movie",
    "Movies",
    "load_dataset",
    "load_movies",
    "load_users",
    "read_movies",
    "read_ratings",
    "read_users",
]
