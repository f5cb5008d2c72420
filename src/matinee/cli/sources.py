"""Finds the ratings, movies, models and ids that are named on the command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl

from matinee.cli.output import complain, status
from matinee.cli.reading_options import Reading
from matinee.cli.wording import in_command_line
from matinee.datasets import (
    Movies,
    load_dataset,
    load_movies,
    load_users,
    read_movies,
    read_ratings,
    read_users,
)
from matinee.datasets.download import dataset_folder
from matinee.datasets.loading import DEMO
from matinee.datasets.own_ratings import links_beside
from matinee.datasets.published import DATASETS, NAMES_IN_WORDS
from matinee.errors import DataError
from matinee.models import Model, load
from matinee.ratings import Ratings
from matinee.ratings.ids import Id, IdIndex


def ratings_from(source: str, reading: Reading | None = None) -> Ratings:
    """The ratings of a dataset, or of a file; what was taken for granted is said on standard error."""
    is_dataset = _is_dataset(source)
    if is_dataset and reading:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in reading)
        raise DataError(f"{given} works with a file, and {source} is a dataset; leave it out")
    if source in DATASETS:
        dataset_folder(source)  # first, since a download shows a progress bar of its own
    with status(f"reading {source}"):
        ratings = load_dataset(source) if is_dataset else read_ratings(source, **(reading or {}))
    for note in ratings.notes if not is_dataset else ():
        complain(f"{source}: {in_command_line(note)}")
    return ratings


def ratings_for(model: Model, source: str, reading: Reading | None = None) -> Ratings:
    """The ratings of a dataset, or of a file, with ids that are text if those of the model are.

    Some of the ids of a table may all look like integers, although others of it do not.
    """
    ratings = ratings_from(source, reading)
    indices = {
        "user": (model.user_index_, ratings.user_index),
        "item": (model.item_index_, ratings.item_index),
    }
    as_text = [name for name, (own, given) in indices.items() if own.holds_strings > given.holds_strings]
    if not as_text:
        return ratings
    frame = ratings.to_frame().with_columns(pl.col(as_text).cast(pl.String))
    return Ratings.from_frame(frame, timestamp="timestamp" if "timestamp" in frame.columns else None)


def titles_from(source: str | None) -> Titles:
    """The titles of a dataset, or of a file; empty without a source."""
    if source is None:
        return Titles(Movies([]))
    return Titles(movies_from(source))


def movies_from(source: str) -> Movies:
    """The movies of a dataset, or of a file."""
    return load_movies(source) if _is_dataset(source) else read_movies(source)


def links_for(source: str | None) -> Path | None:
    """The file links.csv beside a list of movies, or of a dataset, if there is one."""
    if source is None or source == DEMO:
        return None
    return links_beside(dataset_folder(source) / "movies" if source in DATASETS else source)


def users_from(source: str) -> pl.DataFrame:
    """A table of what is known about the users of a dataset, or of a file."""
    return load_users(source) if _is_dataset(source) else read_users(source)


def movies_by_id_of(index: IdIndex, source: str | None) -> Movies | None:
    """The movies of a source, with the ids that a model has for them; None without a source."""
    if source is None:
        return None
    by_text = {str(item): movie for item, movie in movies_from(source).items()}
    known = ((item, by_text.get(str(item))) for item in index.ids.tolist())
    return Movies(replace(movie, item=item) for item, movie in known if movie is not None)


def model_from(path: Path) -> Model:
    """The model in a file."""
    with status(f"reading {path}"):
        return load(path)


def id_from(text: str, index: IdIndex) -> Id:
    """The id that the text stands for: an integer if the ids of the index are integers."""
    # No 64-bit integer is longer; Python refuses to make an int of thousands of digits.
    is_integer = re.fullmatch(r"[+-]?[0-9]{1,20}", text)
    return int(text) if is_integer and not index.holds_strings else text


def _is_dataset(source: str) -> bool:
    """Whether the source is the name of a dataset; raises a DataError if it only looks like one."""
    names = [DEMO, *DATASETS]
    if source not in names and re.fullmatch(r"[a-z0-9-]+", source) and not Path(source).exists():
        raise DataError(
            f"{source}: there is no such file, and no dataset of that name; datasets are {DEMO}, "
            f"{NAMES_IN_WORDS}"
        )
    return source in names


class Titles:
    """Titles by item; the ids may be integers in the model and strings in the file of movies.

    Parameters
    ----------
    movies : Movies
    """

    def __init__(self, movies: Movies) -> None:
        self._by_text = {str(item): str(movie) for item, movie in movies.items()}

    def __bool__(self) -> bool:
        return bool(self._by_text)

    def of(self, item: Id) -> str | None:
        """The title and year of an item; None if the title is not known."""
        return self._by_text.get(str(item))

    def beside(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with a column "title" after its column "item", if there are any titles."""
        if not self:
            return frame
        titles = frame["item"].cast(pl.String).replace_strict(self._by_text, default=None)
        place = frame.columns.index("item") + 1
        return frame.insert_column(place, titles.alias("title"))
