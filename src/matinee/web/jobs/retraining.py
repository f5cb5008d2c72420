"""Fits a new model to the base ratings and the visitors', and serves it only if it is not worse."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from filelock import FileLock
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.evaluation import evaluate
from matinee.evaluation.audience import n_trained_on
from matinee.models import Model, load, names_where
from matinee.ratings import Ratings, Rows
from matinee.ratings.ids import IdIndex
from matinee.ratings.splits import NewUsers
from matinee.web.jobs.held_out import is_held_out
from matinee.web.jobs.visitors_ratings import VisitorsRatings, item_id, visitors_ratings
from matinee.web.store.engine import Store
from matinee.web.store.visitor_ids import require_no_visitors, visitor_user


@dataclass(frozen=True)
class Retraining:
    """How a new model compares with the old one, and whether it replaced it.

    Attributes
    ----------
    metric : str
        "rmse", where less is better, or "ndcg", where more is better, for a model that predicts no ratings.
    old, new : float
        The metric on the same held-out ratings, which neither model has seen.
    margin : float
        How much worse the new model may be.
    swapped : bool
        Whether the new model replaced the old one.
    n_base, n_visitors : int
        How many ratings came from the base and from visitors.
    n_held_out : int
        How many ratings the models were compared on.
    n_unknown : int
        Visitors' ratings that were left out because the base cannot have items with such ids.
    """

    metric: str
    old: float
    new: float
    margin: float
    swapped: bool
    n_base: int
    n_visitors: int
    n_held_out: int
    n_unknown: int

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)

    def pairs(self) -> list[tuple[str, str]]:
        """All of it in words, as pairs of label and text."""
        verdict = "replaced the old model" if self.swapped else "is worse and was discarded"
        left_out = f", {self.n_unknown:,} left out" if self.n_unknown else ""
        return [
            ("ratings", f"{self.n_base:,} in the base, {self.n_visitors:,} by visitors{left_out}"),
            ("held out", f"{self.n_held_out:,}"),
            (f"{self.metric.upper()}, old", f"{self.old:.4f}"),
            (f"{self.metric.upper()}, new", f"{self.new:.4f}"),
            ("the new model", f"{verdict} (margin {self.margin:g})"),
        ]


def retrain(
    store: Store,
    path: Path,
    base: Ratings,
    *,
    margin: float = 0.005,
    item_features: pl.DataFrame | None = None,
) -> Retraining:
    """Fit the model in a file again, and replace it by the new model unless that is worse.

    The parameters are those of the model in the file. A hash of user and item decides which ratings are held
    out, the same in every run, so that no model made here has seen them. A model made elsewhere may have. For
    the comparison it is fitted again to its own ratings without the held-out ones. Both models answer as on
    the server: every user is folded in from the ratings that are not held out.

    Parameters
    ----------
    store : Store
        With the visitors' ratings.
    path : Path
        The model file. It is replaced in one step, and a server that watches it loads the new model.
    base : Ratings
    margin : float
        The new model may be worse by this much, in the units of the metric.
    item_features : DataFrame, optional
        For a `BayesianALS`, as in its ``fit``.

    Raises
    ------
    DataError
        If users of the base have ids reserved for visitors, or nothing is held out.
    ModelFileError
        If the file is not a model.
    """
    with FileLock(path.with_name(f".{path.name}.lock")):
        old = load(path)
        whole, n_visitors, n_unknown = with_visitors(base, store)
        held_out = is_held_out(whole)
        n_ratings, train, test = len(whole), whole.subset(~held_out), whole.subset(held_out)
        del whole, held_out  # for the fit needs the memory
        if len(test) == 0 or len(train) == 0:
            raise DataError(f"{n_ratings:,} ratings are too few to hold out a tenth of them")
        # The test ratings are for display. A fit that stopped by them would flatter the new model.
        shown = test if old.get_params().get("tolerance") is None else None
        new = _fit(old, train, item_features, shown)
        asked = NewUsers(train, test)
        # A model that joins others is shown for its lists; the stars come from one of its parts.
        metric = "rmse" if old.predicts_ratings and not old.parts else "ndcg"
        before = _quality(_without(old, test, item_features), asked, metric)
        after = _quality(new, asked, metric)
        is_good = after <= before + margin if metric == "rmse" else after >= before - margin
        if is_good:
            new.save(path)
    return Retraining(metric, before, after, margin, is_good, len(base), n_visitors, len(test), n_unknown)


def with_visitors(base: Ratings, store: Store) -> tuple[Ratings, int, int]:
    """The base and the visitors' ratings together, the number of the latter, and the number left out.

    Beside a base with weights, visitors' ratings count 1.
    """
    require_no_visitors(base.user_index)
    found = visitors_ratings(store)
    # The database stores items as text. A base with integer ids cannot have an item that is not an integer.
    ids = [item_id(name, strings=base.item_index.holds_strings) for name in found.names]
    can_be = np.array([item is not None for item in ids], dtype=bool)
    theirs = found if can_be.all() else found.keep(can_be[found.items])
    n_left_out = len(found) - len(theirs)
    del found
    if len(theirs) == 0:
        return Ratings(base.user_index, base.item_index, base.by_user), 0, n_left_out
    items = base.item_index.union(IdIndex.from_ids([item for item in ids if item is not None]))
    places = np.array([-1 if item is None else items.position(item) for item in ids], dtype=np.int32)
    own = base.by_user.renamed(items.positions(base.items))
    n_theirs = len(theirs)
    numbers, rows = _rows_of_visitors(theirs, places, len(items))
    del theirs
    visitors = [visitor_user(number, strings=base.user_index.holds_strings) for number in numbers.tolist()]
    both = Rows(
        np.concatenate([own.indptr, rows.indptr[1:] + own.indptr[-1]]),
        np.concatenate([own.columns, rows.columns]),
        np.concatenate([own.values, rows.values]),
        None if own.weights is None else np.concatenate([own.weights, np.ones_like(rows.values)]),
    )
    users = base.user_index.union(IdIndex.from_ids(visitors))
    order = np.empty(len(users), dtype=np.int64)
    order[users.positions(base.users)] = np.arange(base.n_users)
    order[users.positions(visitors)] = base.n_users + np.arange(len(visitors))
    return Ratings(users, items, both.pick(order)), n_theirs, n_left_out


def _rows_of_visitors(
    theirs: VisitorsRatings, places: NDArray[np.int32], n_items: int
) -> tuple[NDArray[np.int64], Rows]:
    """The numbers of the visitors, and a row of ratings for each, with items at these places."""
    numbers, counts = np.unique(theirs.visitors, return_counts=True)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    columns = places[theirs.items]
    # They are by visitor already, so this sorts each one's by item.
    order = np.argsort(theirs.visitors * n_items + columns, kind="stable")
    return numbers, Rows(indptr, columns[order], theirs.ratings[order])


def _fit(
    model: Model, train: Ratings, item_features: pl.DataFrame | None, validation: Ratings | None = None
) -> Model:
    new: Any = type(model)(**model.get_params())
    options = {"item_features": item_features} if item_features is not None else {}
    if options and not model.takes_features:
        able = names_where(lambda kind: kind.takes_features)
        raise DataError(f"only a model of kind {able} takes item features; leave out --movies")
    with warnings.catch_warnings():
        # The first fit of the model has already given these warnings.
        warnings.simplefilter("ignore")
        new.fit(train, validation, **options)
    fitted: Model = new
    return fitted


def _without(old: Model, test: Ratings, item_features: pl.DataFrame | None) -> Model:
    """The old model if it has not seen the test ratings; otherwise the same, fitted again without them."""
    if n_trained_on(old, test) == 0:
        return old
    fitted = Ratings(old.user_index_, old.item_index_, old.rated_)
    return _fit(old, fitted.subset(~is_held_out(fitted)), item_features)


def _quality(model: Model, asked: NewUsers, metric: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(evaluate(model, asked, progress=False), metric)
    return float(found)
