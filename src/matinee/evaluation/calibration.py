"""Lists with the genres that a person watches: re-ranked towards the shares of what they have rated."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import number, whole_number
from matinee.errors import DataError
from matinee.evaluation.audience import chunks
from matinee.evaluation.beyond import genre_table
from matinee.evaluation.foreign import lists_of_frame
from matinee.evaluation.list_metrics import divergence, normalised, profiles_of
from matinee.ratings import Ratings, check_ratings
from matinee.ratings.columns import whole_frame
from matinee.ratings.frames import check_names, is_frame
from matinee.ratings.ids import IdIndex

Doubles = NDArray[np.float64]
# Numbers of people, items to choose from and genres that are worked on at a time: 32 MB.
NUMBERS_AT_ONCE = 1 << 22


def calibrate(lists: Any, train: Ratings, genres: Any, *, n: int = 10, strength: float = 0.5) -> pl.DataFrame:
    """Lists of n chosen from longer ones, so that their genres are those that each person has rated.

    One place after another goes to the item of the greatest
    (1 − strength) · relevance − strength · divergence, as in Steck (2018). The relevance is the score,
    between 0 for the last and 1 for the first of the person's items; the divergence is that of the list with
    this item, as ``Evaluation.miscalibration`` measures it.

    Parameters
    ----------
    lists : frame with the columns user, item and score
        Longer lists than n, such as ``model.recommend_all(n=100)``; of pandas, polars or Arrow.
    train : Ratings
        What the people have rated.
    genres : Movies, mapping of item to a list of genres, or frame with the columns item and genres
    n : int
        The length of the new lists; a list of fewer items only changes its order.
    strength : float
        From 0, the order of the scores, to 1, the genres alone.

    Returns
    -------
    polars.DataFrame
        The columns user, rank (from 1), item and score, in the order of the ids. People who have rated
        nothing with a genre get the order of the scores.

    Raises
    ------
    DataError
        If lists is no frame, lacks a column or has an item twice in a list, no item has a genre, or another
        argument is out of its range.
    """
    n, strength = whole_number("n", n, least=1), number("strength", strength, least=0, most=1)
    check_ratings(train)
    frame = _by_place(lists)
    items = IdIndex.from_ids(frame["item"], name="item").union(train.item_index, name="item")
    shares = normalised(genre_table(genres, items))
    users = frame["user"].unique(maintain_order=True)
    rated = train.by_user.pick(train.user_index.positions(users)).renamed(items.positions(train.items))
    tastes = normalised(profiles_of(rated.indptr, rated.columns, shares))
    best = frame[_best_rows(frame, shares[items.positions(frame["item"])], tastes, n, strength)]
    ranks = (pl.int_range(pl.len()).over("user") + 1).cast(pl.Int32).alias("rank")
    return best.select("user", ranks, "item", "score")


def _best_rows(
    frame: pl.DataFrame, shares: Doubles, tastes: Doubles, n: int, strength: float
) -> NDArray[np.int64]:
    """The rows of a frame of lists that are chosen, in their new order."""
    lengths = frame.group_by("user", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    starts, width = np.cumsum(lengths) - lengths, int(lengths.max())
    scores = frame["score"].cast(pl.Float64).to_numpy()
    chosen = []
    for some in chunks(len(lengths), max(1, NUMBERS_AT_ONCE // (width * shares.shape[1]))):
        is_item = np.arange(width) < lengths[some, None]
        # The rows of each of some people; the first row of all fills short lists up.
        rows = np.where(is_item, starts[some, None] + np.arange(width), 0)
        picked = _chosen(scores[rows], shares[rows], is_item, tastes[some], n, strength)
        chosen.append(np.take_along_axis(rows, picked, axis=1)[_has_item(picked, is_item)])
    return np.concatenate(chosen)


def _has_item(picked: NDArray[np.int64], is_item: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the places of lists have an item: as many as there were to choose from."""
    return np.asarray(np.arange(picked.shape[1]) < is_item.sum(axis=1)[:, None])


def _by_place(lists: Any) -> pl.DataFrame:
    if not is_frame(lists):
        raise DataError(
            f"lists is of type {type(lists).__name__}; expected a frame with the columns user, item and score"
        )
    whole = whole_frame(lists)
    check_names(["user", "item", "score"], whole.columns)
    if whole.is_empty():
        raise DataError("lists has no rows; expected the lists to choose from")
    listed = whole.select("user", "item", "score")
    return lists_of_frame(listed).join(listed, on=["user", "item"], how="left", maintain_order="left")


def _chosen(
    scores: Doubles, shares: Doubles, is_item: NDArray[np.bool_], tastes: Doubles, n: int, strength: float
) -> NDArray[np.int64]:
    """The columns chosen for each person, one place after another; shape (n_people, min(n, width)).

    Parameters
    ----------
    scores, is_item : shape (n_people, width)
    shares : ndarray of float64, shape (n_people, width, n_genres)
    tastes : ndarray of float64, shape (n_people, n_genres)
    """
    low = np.where(is_item, scores, np.inf).min(axis=1, keepdims=True)
    high = np.where(is_item, scores, -np.inf).max(axis=1, keepdims=True)
    relevance = (scores - low) / np.where(high > low, high - low, 1.0)
    people, is_left = np.arange(len(scores)), is_item.copy()
    total, wanted = np.zeros_like(tastes), tastes[:, None, :]
    chosen = np.empty((len(scores), min(n, scores.shape[1])), dtype=np.int64)
    for place in range(chosen.shape[1]):
        with_each = normalised(total[:, None, :] + shares)
        worth = (1 - strength) * relevance - strength * divergence(wanted, with_each)
        # Of items that only rounding tells apart, the one of the higher score stands first in its row.
        worth = np.where(is_left, np.round(worth, 12), -np.inf)
        chosen[:, place] = picked = np.argmax(worth, axis=1)
        is_left[people, picked] = False
        total += shares[people, picked]
    return chosen
