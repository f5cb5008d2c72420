"""Answers that no model of ours gave: a frame of lists, or any object that recommends or predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.evaluation.audience import Mask, Positions
from matinee.ratings import Ratings, Rows
from matinee.ratings.columns import whole_frame
from matinee.ratings.frames import check_names, is_frame
from matinee.ratings.ids import IdArray, IdIndex
from matinee.solving.row_problem import Floats


@dataclass(frozen=True, eq=False)
class Trained:
    """The ratings that lists or an object were trained on, and the catalogue; it stands for a model.

    Attributes
    ----------
    user_index_ : IdIndex
    item_index_ : IdIndex
        All items of the training, of the test and of the lists.
    rated_ : Rows
        The ratings trained on; no entries if they are not known.
    predicts_ratings : bool
    is_known : bool
        Whether the ratings trained on are known.
    """

    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    predicts_ratings: bool
    is_known: bool

    @classmethod
    def of(cls, train: Ratings | None, test: Ratings, listed: IdIndex, *, predicts_ratings: bool) -> Trained:
        """What is known if these were the training and the test, and ``listed`` all items in lists."""
        items = test.item_index.union(listed, name="item")
        if train is None:
            return cls(test.user_index, items, Rows.empty(test.n_users), predicts_ratings, is_known=False)
        items = items.union(train.item_index, name="item")
        rated = train.by_user.renamed(items.positions(train.items))
        return cls(train.user_index, items, rated, predicts_ratings, is_known=True)

    @property
    def n_raters(self) -> Positions:
        """The number of users who rated each item in training; int64, shape (n_items,)."""
        counts: Positions = np.bincount(self.rated_.columns, minlength=len(self.item_index_))
        return counts


@dataclass(frozen=True, eq=False)
class ForeignAnswers:
    """Lists for the people of a test, and perhaps predictions, taken as they are given.

    Attributes
    ----------
    model : Trained
    users : ndarray, shape (n_users,)
        The ids of the users of the test.
    best : ndarray of int32, shape (n_users, width)
        The positions of the items in the list of each user of the test, the best first; −1 fills up.
    is_known : ndarray of bool, shape (n_users,)
        Who has a list.
    predict_pairs : callable or None
        From ids of users and of items to ratings.
    """

    model: Trained
    users: IdArray
    best: NDArray[np.int32]
    is_known: Mask
    predict_pairs: Callable[[Any, Any], Any] | None

    @classmethod
    def of(cls, given: Any, test: Ratings, train: Ratings | None, k: int) -> ForeignAnswers:
        """The answers of a frame of lists, or of an object with ``recommend`` or ``predict``.

        Raises
        ------
        DataError
            For anything else, a frame without the columns or with an item twice in a list, or an object that
            only predicts and whose training ratings are not given.
        """
        if is_frame(given):
            return cls._of_lists(lists_of_frame(given), test, train, k)
        check_answers(given)
        predict = getattr(given, "predict", None)
        if hasattr(given, "recommend"):
            found = cls._of_lists(_lists_of_object(given, test, k), test, train, k)
        else:
            found = cls._of_lists(_lists_of_predictions(given, test, train, k), test, train, k)
        model = replace(found.model, predicts_ratings=predict is not None)
        return replace(found, model=model, predict_pairs=predict)

    @classmethod
    def _of_lists(cls, lists: pl.DataFrame, test: Ratings, train: Ratings | None, k: int) -> ForeignAnswers:
        """From the columns user, item and place, from 0, in any order."""
        if len(lists):
            test.user_index.require_kind_of_ids(lists["user"].to_numpy(), name="user")
        users = test.user_index.positions(lists["user"]) if len(lists) else np.empty(0, dtype=np.int64)
        # Without a list there is no item either, whose ids would be of no kind.
        listed = IdIndex.from_ids(lists["item"], name="item") if len(lists) else test.item_index
        model = Trained.of(train, test, listed, predicts_ratings=False)
        shown = (users >= 0) & (lists["place"].to_numpy() < k)
        items = model.item_index_.positions(lists["item"]) if len(lists) else users
        places = lists["place"].to_numpy()[shown]
        best = np.full((test.n_users, int(places.max(initial=0)) + 1), -1, dtype=np.int32)
        best[users[shown], places] = items[shown]
        return cls(model, test.users, best, best[:, 0] >= 0, None)

    def predict(self, ratings: Ratings) -> Floats:
        """The prediction of each of the ratings, in their order."""
        assert self.predict_pairs is not None
        users, items = ratings.users[ratings.user_positions], ratings.items[ratings.by_user.columns]
        return _predicted(self.predict_pairs, users, items)

    def predicted_by_model(self, ratings: Ratings) -> Mask:
        """All: whether a prediction is a fallback is not known."""
        return np.ones(len(ratings), dtype=bool)

    def rated_by(self, people: Positions) -> Rows:
        """What people rated in the training, a row each."""
        return self.model.rated_.pick(self.model.user_index_.positions(self.users[people]))

    def best_items(self, people: Positions, width: int) -> NDArray[np.int32]:
        """Positions of the items listed for people, −1 where there are no more; shape (n, width)."""
        found = np.full((len(people), width), -1, dtype=np.int32)
        shared = min(width, self.best.shape[1])
        found[:, :shared] = self.best[people, :shared]
        return found


def check_answers(given: Any) -> None:
    """Raise a DataError unless it is an object with a method ``recommend`` or ``predict``."""
    answers = callable(getattr(given, "recommend", None)) or callable(getattr(given, "predict", None))
    if isinstance(given, type) or not answers:
        shown = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        raise DataError(
            "expected a model, such as matinee.ALS().fit(train), a frame with the columns user, item and "
            f"rank or score, or an object with recommend(user, n) or predict(users, items), got {shown}"
        )


def lists_of_frame(frame: Any) -> pl.DataFrame:
    """The columns user, item and place of a frame with a rank, or else a score."""
    whole = whole_frame(frame)
    check_names(["user", "item"], whole.columns)
    order = next((name for name in ("rank", "score") if name in whole.columns), None)
    if order is None:
        raise DataError(
            "the lists have neither a column rank nor score, so their order is not known; expected one, and "
            f"there are {', '.join(whole.columns)}"
        )
    lists = whole.select("user", "item", order)
    if not lists[order].dtype.is_numeric():
        raise DataError(f"the column {order} of the lists is of type {lists[order].dtype}; expected numbers")
    missing = lists.select(pl.any_horizontal(pl.all().is_null(), pl.col(order).cast(pl.Float64).is_nan()))
    if missing.to_series().any():
        row = int(missing.to_series().arg_max() or 0)
        raise DataError(f"row {row} of the lists lacks its user, item or {order}; expected all three")
    _check_distinct(lists, "item")
    if order == "rank":
        _check_distinct(lists, "rank")
    # Items of equal score are in the order of their ids, as in the lists of a model.
    ordered = lists.sort("user", order, "item", descending=[False, order == "score", False])
    place = pl.int_range(pl.len()).over("user")
    return ordered.select("user", "item", place=place)


def _check_distinct(lists: pl.DataFrame, name: str) -> None:
    repeated = lists.filter(lists.select("user", name).is_duplicated())
    if len(repeated):
        first = repeated.row(0, named=True)
        raise DataError(
            f"{name} {first[name]!r} is twice in the list of user {first['user']!r}; expected once"
        )


def _lists_of_object(given: Any, test: Ratings, k: int) -> pl.DataFrame:
    users = test.users[np.flatnonzero(test.by_user.counts)].tolist()
    return _in_order({user: _recommended(given, user, k) for user in users})


def _recommended(given: Any, user: Any, k: int) -> list[Any]:
    try:
        listed = list(given.recommend(user, k))
    except LookupError:
        # Nobody whom it knows, so nothing that it would show.
        return []
    items = [each[0] if isinstance(each, list | tuple) else each for each in listed]
    items = [each.item() if isinstance(each, np.generic) else each for each in items][:k]
    if not all(isinstance(each, int | str) for each in items):
        kinds = ", ".join(sorted({type(each).__name__ for each in items} - {"int", "str"}))
        raise DataError(
            f"recommend({user!r}, {k}) of {type(given).__name__} gave {kinds}; expected ids of items, or "
            "pairs of an id and a score"
        )
    if len(set(items)) < len(items):
        raise DataError(
            f"recommend({user!r}, {k}) of {type(given).__name__} gave an item twice; expected once"
        )
    return items


def _lists_of_predictions(given: Any, test: Ratings, train: Ratings | None, k: int) -> pl.DataFrame:
    """The best items of the training's catalogue by their predictions, without what the user rated there."""
    if train is None:
        raise DataError(
            f"{type(given).__name__} predicts but doesn't recommend; give train=, the ratings that it was "
            "trained on, so that their items can be ranked"
        )
    lists = {}
    for position in np.flatnonzero(test.by_user.counts):
        user, items = test.users[position], train.items
        row = train.user_index.position(user)
        if row >= 0:
            seen = train.by_user.columns[train.by_user.indptr[row] : train.by_user.indptr[row + 1]]
            items = np.delete(items, seen)
        scores = _predicted(given.predict, np.repeat(user, len(items)), items)
        lists[user.item()] = items[np.argsort(-scores, kind="stable")[:k]].tolist()
    return _in_order(lists)


def _in_order(lists: dict[Any, list[Any]]) -> pl.DataFrame:
    counts = [len(items) for items in lists.values()]
    return pl.DataFrame(
        {
            "user": pl.Series(np.repeat(np.array(list(lists)), counts)),
            "item": pl.Series([item for items in lists.values() for item in items], strict=False),
            "place": pl.Series([place for n in counts for place in range(n)], dtype=pl.Int64),
        }
    )


def _predicted(predict: Callable[[Any, Any], Any], users: Any, items: Any) -> Floats:
    found = np.asarray(predict(users, items))
    if found.shape != users.shape or found.dtype.kind not in "iuf":
        raise DataError(
            f"predict gave {found.dtype} of shape {found.shape} for {len(users):,} users and items; expected "
            f"numbers of shape {users.shape}"
        )
    if not np.isfinite(found).all():
        place = int(np.argmin(np.isfinite(found)))
        pair = f"user {users[place].item()!r} and item {items[place].item()!r}"
        raise DataError(f"predict gave {found[place]} for {pair}; expected a finite number")
    return found.astype(np.float32)
