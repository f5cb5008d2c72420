"""A description of ratings in numbers: printed as plain text, or given as a dictionary for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from matinee.html import html_table
from matinee.ratings.contexts import Contexts
from matinee.ratings.rows import Rows
from matinee.ratings.times import UNKNOWN_TIME, Timestamps

# Ratings with more distinct values than this (half-stars have 10) are shown as a histogram.
MAX_DISTINCT_VALUES = 20
HISTOGRAM_BINS = 10
BAR_WIDTH = 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Spread:
    """The minimum, the median and the maximum of some counts."""

    min: int
    median: float
    max: int


@dataclass(frozen=True)
class Bin:
    """The number of ratings from ``low`` to ``high``, or of one value if the two are equal."""

    low: float
    high: float
    count: int

    @property
    def label(self) -> str:
        """The value, or the range as text."""
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} – {self.high:g}"


@dataclass(frozen=True, repr=False)
class Description:
    """What `Ratings.describe` gives back; ``print`` shows it as a table.

    Attributes
    ----------
    n_ratings, n_users, n_items : int
        The number of ratings, and of users and items with or without ratings.
    n_users_without_ratings, n_items_without_ratings : int
    n_duplicates : int
        The number of ratings that were merged into another of the same (user, item) pair.
    sparsity : float
        The share of the users × items without a rating, from 0 to 1.
    min, max, mean, std : float
        Statistics of the ratings; NaN if there are none. ``std`` is that of the population.
    distribution : tuple of Bin
        The number of ratings of each value, or in ten bins of equal width if there are more than twenty
        values.
    per_user, per_item : Spread
        Ratings per user and per item, among those that have any.
    first_time, last_time : str or None
        The first and last rating, in ISO 8601, UTC; None if no time is known.
    notes : tuple of str
        What was taken for granted when the ratings were read, such as the unit of the timestamps.
    total_weight : float or None
        The sum of the weights; None if there are none.
    contexts : dict of str to int
        The contexts by name, and the number of values of each.
    """

    n_ratings: int
    n_users: int
    n_items: int
    n_users_without_ratings: int
    n_items_without_ratings: int
    n_duplicates: int
    sparsity: float
    min: float
    max: float
    mean: float
    std: float
    distribution: tuple[Bin, ...]
    per_user: Spread
    per_item: Spread
    first_time: str | None
    last_time: str | None
    notes: tuple[str, ...] = ()
    total_weight: float | None = None
    contexts: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries, ready for JSON; None in place of NaN."""
        whole = asdict(self)
        for name in ("min", "max", "mean", "std"):
            whole[name] = None if np.isnan(whole[name]) else whole[name]
        whole["distribution"], whole["notes"] = list(whole["distribution"]), list(whole["notes"])
        return whole

    def __str__(self) -> str:
        rows = self._rows()
        width = max(len(label) for label, _ in rows)
        return "\n".join([f"{label:<{width}}  {text}" for label, text in rows] + self._bars())

    def __repr__(self) -> str:
        return f"Description({self.n_ratings:,} ratings of {self.n_items:,} items by {self.n_users:,} users)"

    def _repr_html_(self) -> str:
        """Tables for a notebook, of the same figures as the text."""
        distribution = [[one.label, f"{one.count:,}", self._share_of(one)] for one in self.distribution]
        return html_table([], self._rows()) + html_table(["rating", "count", "share"], distribution)

    def _rows(self) -> list[tuple[str, str]]:
        return [*self._counts(), *self._ratings(), *self._times(), *self._of_contexts(), *self._noted()]

    def _share_of(self, one: Bin) -> str:
        return f"{one.count / self.n_ratings:.1%}"

    def _counts(self) -> list[tuple[str, str]]:
        weighing = "" if self.total_weight is None else f", of the weight {self.total_weight:,.6g} together"
        return [
            ("ratings", f"{self.n_ratings:,}{weighing}"),
            ("users", _with_silent(self.n_users, self.n_users_without_ratings)),
            ("movies", _with_silent(self.n_items, self.n_items_without_ratings)),
            ("sparsity", f"{self.sparsity:.2%}"),
            ("duplicates merged", f"{self.n_duplicates:,}"),
        ]

    def _ratings(self) -> list[tuple[str, str]]:
        return [
            ("rating", f"from {self.min:g} to {self.max:g}, mean {self.mean:.3f}, std {self.std:.3f}"),
            ("ratings per user", _spread_text(self.per_user)),
            ("ratings per movie", _spread_text(self.per_item)),
        ]

    def _times(self) -> list[tuple[str, str]]:
        if self.first_time is None or self.last_time is None:
            return [("time span", "not known")]
        return [("time span", f"{_day(self.first_time)} to {_day(self.last_time)}")]

    def _of_contexts(self) -> list[tuple[str, str]]:
        named = ", ".join(f"{name} ({n:,} values)" for name, n in self.contexts.items())
        return [("contexts", named)] if named else []

    def _noted(self) -> list[tuple[str, str]]:
        return [("note", note) for note in self.notes]

    def _bars(self) -> list[str]:
        labels = [one.label for one in self.distribution]
        if not labels:
            return []
        label_width = max(map(len, labels))
        count_width = max(len(f"{one.count:,}") for one in self.distribution)
        fullest = max(one.count for one in self.distribution)
        lines = ["", "distribution"]
        for label, one in zip(labels, self.distribution, strict=True):
            bar = "█" * round(BAR_WIDTH * one.count / fullest)
            line = f"  {label:>{label_width}}  {one.count:>{count_width},}  {self._share_of(one):>6}  {bar}"
            lines.append(line.rstrip())
        return lines


def describe(
    by_user: Rows,
    n_items: int,
    *,
    timestamps: Timestamps | None,
    sparsity: float,
    n_duplicates: int,
    notes: tuple[str, ...] = (),
    contexts: Contexts | None = None,
) -> Description:
    """The description of ratings given by user, of ``n_items`` items.

    Parameters
    ----------
    by_user : Rows
        A row per user; its columns are items.
    n_items : int
        The number of items, with or without ratings.
    timestamps : ndarray of int64, shape (n_ratings,), or None
        Unix seconds; `UNKNOWN_TIME` where not known.
    sparsity : float
    n_duplicates : int
    notes : tuple of str
    contexts : Contexts or None
    """
    values, per_user = by_user.values, by_user.counts
    per_item = np.bincount(by_user.columns, minlength=n_items)
    low, high, mean, std = _moments(values)
    first_time, last_time = _time_span(timestamps)
    return Description(
        n_ratings=len(values),
        n_users=by_user.n_rows,
        n_items=n_items,
        n_users_without_ratings=int((per_user == 0).sum()),
        n_items_without_ratings=int((per_item == 0).sum()),
        n_duplicates=n_duplicates,
        sparsity=sparsity,
        min=low,
        max=high,
        mean=mean,
        std=std,
        distribution=_distribution(values, low, high),
        per_user=_spread(per_user),
        per_item=_spread(per_item),
        first_time=first_time,
        last_time=last_time,
        notes=notes,
        total_weight=None if by_user.weights is None else by_user.total,
        contexts={}
        if contexts is None
        else dict(zip(contexts.names, map(len, contexts.values), strict=True)),
    )


def _moments(values: np.ndarray[Any, Any]) -> tuple[float, float, float, float]:
    if len(values) == 0:
        return (float("nan"),) * 4
    mean = float(values.mean(dtype=np.float64))
    # As float64, or squares of large ratings overflow.
    std = float(values.std(dtype=np.float64))
    return float(values.min()), float(values.max()), mean, std


def _distribution(values: np.ndarray[Any, Any], low: float, high: float) -> tuple[Bin, ...]:
    if len(values) == 0:
        return ()
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= MAX_DISTINCT_VALUES:
        pairs = zip(distinct.tolist(), counts.tolist(), strict=True)
        return tuple(Bin(value, value, count) for value, count in pairs)
    # The distinct values, weighted by their counts, are far fewer to sort into bins than all values.
    sums, edges = np.histogram(distinct.astype(np.float64), HISTOGRAM_BINS, range=(low, high), weights=counts)
    bounds = edges.tolist()
    return tuple(Bin(*one) for one in zip(bounds[:-1], bounds[1:], sums.astype(int).tolist(), strict=True))


def _spread(counts: np.ndarray[Any, Any]) -> Spread:
    counts = counts[counts > 0]
    if len(counts) == 0:
        return Spread(0, 0.0, 0)
    return Spread(int(counts.min()), float(np.median(counts)), int(counts.max()))


def _time_span(timestamps: np.ndarray[Any, Any] | None) -> tuple[str | None, str | None]:
    known = timestamps[timestamps != UNKNOWN_TIME] if timestamps is not None else np.empty(0)
    if len(known) == 0:
        return None, None
    return _iso(int(known.min())), _iso(int(known.max()))


def _iso(seconds: int) -> str:
    try:
        return (EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        # The time is not plausible: shown as it was given.
        return f"{seconds} s"


def _day(time: str) -> str:
    """The day of a time in ISO 8601; the whole text of a time that could not be written so."""
    return time.split("T")[0]


def _with_silent(total: int, silent: int) -> str:
    return f"{total:,} ({silent:,} without ratings)" if silent else f"{total:,}"


def _spread_text(spread: Spread) -> str:
    return f"min {spread.min:,}, median {spread.median:,g}, max {spread.max:,}"
