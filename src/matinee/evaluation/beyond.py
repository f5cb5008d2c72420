"""Beside accuracy: how diverse, surprising and fair lists are to a person's taste, for each person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.datasets.movies import Movies
from matinee.errors import DataError
from matinee.evaluation.audience import CHUNK, Answers, Positions, chunks
from matinee.evaluation.criteria import Criteria
from matinee.evaluation.list_metrics import auc_of_ranks, intra_list_diversity, miscalibration
from matinee.evaluation.ranking_metrics import Lists
from matinee.ratings import Ratings, Rows
from matinee.ratings.columns import whole_frame
from matinee.ratings.frames import check_names, is_frame
from matinee.ratings.ids import IdIndex

Doubles = NDArray[np.float64]


class PerList(NamedTuple):
    """A figure of each list, and who has one: what they add to its numerator and denominator."""

    values: Doubles
    counts: Doubles


@dataclass(frozen=True, eq=False)
class Beyond:
    """What figures beside accuracy are computed from.

    Attributes
    ----------
    popular : Answers or None
        The most popular of the same ratings; None if the ratings are not known.
    genres : ndarray of float64, shape (n_items, n_genres), or None
        1 where the item at a position is of the genre.
    auc : bool
        Whether to rank the whole catalogue for everybody.
    """

    popular: Answers | None
    genres: Doubles | None
    auc: bool

    def of_lists(
        self, answers: Answers, test: Ratings, people: Positions, lists: Lists, criteria: Criteria
    ) -> dict[str, PerList]:
        """The figures of the lists of some people of a test, by their positions in it."""
        profiles = answers.rated_by(people)
        found = {}
        if len(answers.model.rated_.columns):
            found["popularity_bias"] = _popularity(lists.best, profiles, answers.model.n_raters)
        if self.popular is not None:
            found["serendipity"] = self._serendipity(answers, people, lists, criteria)
        if self.genres is not None:
            found["diversity"] = _by_list(intra_list_diversity(lists.best, self.genres))
            found["miscalibration"] = _by_list(miscalibration(lists.best, *profiles[:2], self.genres))
        if self.auc:
            found["auc"] = _by_list(_auc(answers, test, people, criteria))
        return found

    def _serendipity(self, answers: Answers, people: Positions, lists: Lists, criteria: Criteria) -> PerList:
        assert self.popular is not None
        catalogue = self.popular.model.item_index_
        own = np.append(answers.model.item_index_.positions(catalogue.ids), -1)
        # Lists that are given may be longer than the catalogue of the training.
        popular = own[self.popular.best_items(people, min(lists.best.shape[1], len(catalogue)))]
        base = np.arange(len(people))[:, None] * len(answers.model.item_index_)
        # One number for each pair of person and item, so that all lists are searched at once.
        expected = np.isin(base + lists.best, (base + popular)[popular >= 0])
        hits = criteria.is_relevant(lists.ratings) & ~expected
        return PerList(hits.sum(axis=1) / float(criteria.k), np.ones(len(people)))


def genre_table(genres: Any, items: IdIndex) -> Doubles:
    """Which genres the items at each position have; 1 or 0, shape (n_items, n_genres).

    Parameters
    ----------
    genres : Movies, mapping of item to genres, or frame with the columns item and genres
        In a frame the genres are lists, or text with "|" between them.
    items : IdIndex

    Raises
    ------
    DataError
        For anything else, or if no item here has a genre.
    """
    listed = _genres_by_item(genres)
    names = sorted({name for each in listed.values() for name in each})
    places = {name: place for place, name in enumerate(names)}
    table = np.zeros((len(items), len(names)))
    positions = items.positions(list(listed))
    for position, each in zip(positions, listed.values(), strict=True):
        if position >= 0:
            table[position, [places[name] for name in each]] = 1.0
    if not table.any():
        raise DataError("genres has no genre of any item here; expected the genres of the items by their ids")
    return table


def _genres_by_item(genres: Any) -> dict[Any, list[str]]:
    if isinstance(genres, Movies):
        return {item: list(movie.genres) for item, movie in genres.items()}
    if is_frame(genres):
        whole = whole_frame(genres)
        check_names(["item", "genres"], whole.columns)
        of_items = whole["genres"].cast(pl.String).str.split("|") if _is_text(whole) else whole["genres"]
        return dict(zip(whole["item"].to_list(), map(_named, of_items.to_list()), strict=True))
    if isinstance(genres, Mapping):
        return {item: _named(each) for item, each in genres.items()}
    raise DataError(
        f"genres is of type {type(genres).__name__}; expected Movies, a mapping of item to a list of "
        "genres, or a frame with the columns item and genres"
    )


def _is_text(frame: pl.DataFrame) -> bool:
    return frame["genres"].dtype in (pl.String, pl.Categorical)


def _named(genres: Any) -> list[str]:
    if genres is None:
        return []
    if isinstance(genres, str) or not all(isinstance(name, str) for name in genres):
        raise DataError(f"the genres of an item are {genres!r}; expected a list of names")
    return [name for name in genres if name]


def _by_list(values: Doubles) -> PerList:
    has_one = ~np.isnan(values)
    return PerList(np.where(has_one, values, 0.0), has_one.astype(np.float64))


def _popularity(best: NDArray[np.int32], profiles: Rows, n_raters: Positions) -> PerList:
    """The mean number of raters of the items in each list, and of those in each profile; 0 without either."""
    raters = n_raters.astype(np.float64)
    places = (best >= 0).sum(axis=1)
    listed = np.where(best >= 0, raters[best], 0.0).sum(axis=1)
    owners = np.repeat(np.arange(profiles.n_rows), profiles.counts)
    rated = np.bincount(owners, raters[profiles.columns], minlength=profiles.n_rows)
    has_both = (places > 0) & (profiles.counts > 0)
    of_lists = np.divide(listed, places, out=np.zeros(len(best)), where=has_both)
    return PerList(of_lists, np.divide(rated, profiles.counts, out=np.zeros(len(best)), where=has_both))


def _auc(answers: Answers, test: Ratings, people: Positions, criteria: Criteria) -> Doubles:
    """How likely an item that is relevant to a person stands before one that is not, in the whole ranking."""
    items = answers.model.item_index_.positions(test.items)
    n_items = len(answers.model.item_index_)
    # The rankings of some people at a time, as each is as long as the catalogue.
    step, found = max(1, CHUNK // max(n_items, 1)), []
    for some in chunks(len(people), step):
        rated = test.by_user.pick(people[some])
        is_wanted = criteria.is_relevant(rated.values)
        owners = np.repeat(np.arange(rated.n_rows), rated.counts)[is_wanted]
        for place, ranking in enumerate(answers.best_items(people[some], n_items)):
            listed, wanted = ranking[ranking >= 0], items[rated.columns[is_wanted][owners == place]]
            found.append(auc_of_ranks(np.flatnonzero(np.isin(listed, wanted)), len(listed)))
    return np.array(found)
