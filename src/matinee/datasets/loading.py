"""Loads datasets by name: the built-in cinema, and those that others publish."""

from __future__ import annotations

from typing import Any

import polars as pl

from matinee.datasets.demo import demo_arrays, demo_films
from matinee.datasets.download import DatasetFiles, dataset_files
from matinee.datasets.movie_files import read_movies
from matinee.datasets.movies import Movie, Movies
from matinee.datasets.published import DATASETS, NAMES_IN_WORDS
from matinee.datasets.readers import read_ratings
from matinee.datasets.users import read_users
from matinee.errors import DataError
from matinee.ratings import Ratings

DEMO = "demo"
# For a model of the demo data. Found with other viewers of the same cinema: of 8, 10 and 12 factors and λ
# from 0.06 to 0.12, these have the lowest validation RMSE.
DEMO_PARAMETERS: dict[str, Any] = {"n_factors": 10, "regularization": 0.07}


def load_dataset(name: str, *, progress: bool | None = None) -> Ratings:
    """The ratings of a dataset.

    Parameters
    ----------
    name : str
        "demo" is the built-in cinema of simulated viewers, which needs no network. The others are found in
        the folder that the environment variable MATINEE_DATA names, or in the platform's cache folder;
        otherwise they are downloaded into the cache folder. MovieLens is "ml-100k", "ml-1m", "ml-10m",
        "ml-20m", "ml-25m", "ml-32m" and "ml-latest-small". "goodbooks-10k" and, by category, Amazon Reviews
        2023, as in "amazon-video-games", have stars. "lastfm-360k" has plays of artists. "steam" (who
        reviewed what), "mind-small" and "mind-large" (clicks on news) say what was seen, and count 1. "yelp"
        has stars, and has to be downloaded by hand.
    progress : bool, optional
        False shows no download bar, even on a terminal.

    Raises
    ------
    DataError
        For another name, or if the dataset cannot be found or downloaded; the message has the reason and the
        remedy.
    """
    if name != DEMO:
        return read_ratings(_files(name, progress).ratings)
    arrays = demo_arrays()
    return Ratings.from_arrays(
        arrays.users,
        arrays.items,
        arrays.values,
        timestamps=arrays.timestamps,
        registered_users=arrays.registered_users,
        registered_items=[film.item for film in demo_films()],
    )


def load_movies(name: str, *, progress: bool | None = None) -> Movies:
    """The films of a dataset, by item id; names and errors as in `load_dataset`."""
    if name != DEMO:
        if name in DATASETS and DATASETS[name].movies is None:
            telling = ", ".join(each for each, dataset in DATASETS.items() if dataset.movies is not None)
            raise DataError(f"{name} has no titles that are read; {telling} have")
        movies = _files(name, progress).movies
        assert movies is not None
        return read_movies(movies)
    return Movies(Movie(film.item, film.title, film.year, film.genres) for film in demo_films())


def load_users(name: str, *, progress: bool | None = None) -> pl.DataFrame:
    """What is known about the people of "ml-100k" or "ml-1m", as `read_users` gives it.

    Raises
    ------
    DataError
        For a dataset that says nothing about its people, and as in `load_dataset`.
    """
    silent = name == DEMO or (name in DATASETS and DATASETS[name].users is None)
    users = None if silent else _files(name, progress).users
    if users is None:
        telling = " and ".join(each for each, dataset in DATASETS.items() if dataset.users is not None)
        raise DataError(f"{name} says nothing about its people; {telling} do")
    return read_users(users)


def _files(name: str, progress: bool | None) -> DatasetFiles:
    if name not in DATASETS:
        raise DataError(f"there is no dataset {name!r}; expected one of {DEMO}, {NAMES_IN_WORDS}")
    return dataset_files(name, progress=progress)
