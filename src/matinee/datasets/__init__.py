"""Where ratings come from: files of any kind, the GroupLens sets, and the built-in cinema."""

from matinee.datasets.loading import load_dataset, load_movies
from matinee.datasets.movies import Movie, Movies, read_movies
from matinee.datasets.readers import read_ratings

__all__ = ["Movie", "Movies", "load_dataset", "load_movies", "read_movies", "read_ratings"]
