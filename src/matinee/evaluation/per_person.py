"""What each person of a test adds to the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee import metrics
from matinee.evaluation.audience import Answers
from matinee.evaluation.beyond import Beyond
from matinee.evaluation.criteria import Criteria
from matinee.evaluation.ranking_metrics import PER_USER, Lists, count_by_row, lists_of
from matinee.ratings import Ratings
from matinee.ratings.ids import IdIndex

Doubles = NDArray[np.float64]
# Is told how many more people have been judged.
Report = Callable[[int], None]

# Parts that the lists are counted in, for the intervals of figures that are no means over people. With more
# of them, the table of a large catalogue would take as long as the lists.
N_PARTS = 64


def silently(n_people: int) -> None:
    """Report nothing."""


class Fraction(NamedTuple):
    """A figure as a fraction of two sums over people.

    Attributes
    ----------
    numerators, denominators : ndarray of float64, shape (n_people,)
        What each person adds to the two sums.
    """

    numerators: Doubles
    denominators: Doubles


@dataclass(frozen=True, eq=False)
class PerPerson:
    """What each person with a test rating adds to the figures.

    Attributes
    ----------
    index : IdIndex
        The ids of the users of the test.
    rows : ndarray of int64, shape (n_people,)
        The positions of these people in it.
    sums : dict of str to ndarray, shape (n_people,)
        What each of them adds to the sums of a `Tally`, by the names of its attributes.
    ranking : ndarray of float64, shape (n_people, n_metrics)
        The figures of `PER_USER`; 0 for somebody without a relevant test rating.
    information : Fraction
        The bits of surprise in each person's list, and its places.
    n_recommended : ndarray of int64, shape (N_PARTS, n_items)
        The number of lists that each item is in, where every 64th person belongs to one part.
    predicts_ratings, tells_liked, tells_disliked : bool
        Whether there are errors, and whether anything is known to be liked and disliked.
    beyond : dict of str to Fraction
        The figures beside accuracy, over people with a relevant test rating.
    n_known : ndarray of int64, shape (n_people,)
        The number of ratings by which each of them is known to the model.
    """

    index: IdIndex
    rows: NDArray[np.int64]
    sums: dict[str, NDArray[Any]]
    ranking: Doubles
    information: Fraction
    n_recommended: NDArray[np.int64]
    predicts_ratings: bool
    tells_liked: bool
    tells_disliked: bool
    beyond: dict[str, Fraction]
    n_known: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        audience: Answers,
        test: Ratings,
        criteria: Criteria,
        beyond: Beyond | None = None,
        *,
        report: Report = silently,
    ) -> PerPerson:
        """The people of a test: the errors of their ratings, and the hits in their lists."""
        rows = np.flatnonzero(test.by_user.counts)
        model, chunks = audience.model, []
        n_recommended = np.zeros((N_PARTS, len(model.item_index_)), dtype=np.int64)
        bits = metrics.self_information(model.n_raters, int(np.count_nonzero(model.rated_.counts)))
        first = 0
        for lists in lists_of(audience, test, rows, criteria.k):
            found = {
                **_relevant_found(lists, criteria),
                **_liked_found(lists, criteria),
                **_hits(lists, criteria),
            }
            best = np.where(found["n_users"][:, None] > 0, lists.best, -1)
            _count_lists(best, first, n_recommended)
            found["bits"] = np.where(best >= 0, bits[best], 0.0).sum(axis=1)
            found["places"] = (best >= 0).sum(axis=1)
            people = rows[first : first + len(best)]
            found["n_known"] = audience.rated_by(people).counts
            if beyond is not None:
                asked = found["n_users"].astype(np.float64)
                for name, one in beyond.of_lists(audience, test, people, lists, criteria).items():
                    found["over " + name] = one.values * asked
                    found["under " + name] = one.counts * asked
            chunks.append(found)
            first += len(best)
            report(len(best))
        columns = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
        columns |= {name: amounts[rows] for name, amounts in _errors(audience, test).items()}
        columns["n_users_fallback"] = ~audience.is_known[rows] & (columns["n_users"] > 0)
        names = [name.removeprefix("over ") for name in columns if name.startswith("over ")]
        information = Fraction(columns.pop("bits"), columns.pop("places").astype(np.float64))
        return cls(
            index=test.user_index,
            rows=rows,
            ranking=columns.pop("ranking"),
            beyond={
                name: Fraction(columns.pop("over " + name), columns.pop("under " + name)) for name in names
            },
            n_known=columns.pop("n_known"),
            sums=columns,
            information=information,
            n_recommended=n_recommended,
            predicts_ratings=model.predicts_ratings,
            tells_liked=criteria.liked_from is not None,
            tells_disliked=criteria.disliked_to is not None,
        )

    def fractions(self) -> dict[str, Fraction]:
        """The figures that are fractions of sums over people; for some, the sums of squares."""
        found = {}
        if self.predicts_ratings:
            found["rmse"] = self._fraction("squared_error", "n_ratings")
            found["mae"] = self._fraction("absolute_error", "n_ratings")
            found["rmse_without_fallback"] = self._fraction("squared_error_by_model", "n_by_model")
        asked = self.sums["n_users"].astype(np.float64)
        found |= {name: Fraction(self.ranking[:, place], asked) for place, name in enumerate(PER_USER)}
        if self.tells_liked:
            found["ndcg_liked"] = self._fraction("ndcg_liked", "n_users_liking")
            found["recall_liked"] = self._fraction("recall_liked", "n_users_liking")
            found["mean_stars_of_hits"] = self._fraction("stars_of_hits", "n_hits")
            if self.tells_disliked:
                found["share_disliked"] = self._fraction("n_disliked", "n_hits")
        return found | {"novelty": self.information} | self.beyond

    def means(self, names: Sequence[str]) -> dict[str, float | None]:
        """Some of the figures over all people; None for one that there is none of."""
        found = self.fractions()
        return {
            name: float(figure_of(name, *(each.sum() for each in found[name]))) if name in found else None
            for name in names
        }

    def _fraction(self, numerators: str, denominators: str) -> Fraction:
        return Fraction(*(self.sums[name].astype(np.float64) for name in (numerators, denominators)))

    def to_frame(self) -> pl.DataFrame:
        """A row for each person: user, n_ratings, and each figure of theirs; null where it has none."""
        figures = {name: figure_of(name, *one) for name, one in self.fractions().items()}
        columns = {name: pl.Series(values).fill_nan(None) for name, values in figures.items()}
        counts = {"n_ratings": self.sums["n_ratings"]}
        return pl.DataFrame({"user": self.index.take(self.rows), **counts, **columns})


def figure_of(name: str, numerator: Any, denominator: Any) -> Any:
    """A figure by its name from the two sums; NaN where the second is 0.

    Parameters
    ----------
    name : str
        A root is taken for an RMSE, and the popularity bias is the fraction less 1.
    numerator, denominator : float or ndarray of float64
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.true_divide(numerator, denominator)
    if is_root(name):
        return np.sqrt(found)
    return found - 1 if name == "popularity_bias" else found


def is_root(name: str) -> bool:
    """Whether a figure is the root of the fraction."""
    return name.startswith("rmse")


def _errors(audience: Answers, test: Ratings) -> dict[str, NDArray[Any]]:
    """By the rows of the test's users."""
    by_model = audience.predicted_by_model(test)
    found: dict[str, NDArray[Any]] = {
        "n_ratings": test.by_user.counts,
        "n_by_model": count_by_row(test.by_user, by_model),
    }
    if not audience.model.predicts_ratings:
        names = ("squared_error", "absolute_error", "squared_error_by_model")
        return found | {name: np.zeros(test.n_users) for name in names}
    errors = np.subtract(test.values, audience.predict(test), dtype=np.float64)
    squared = np.square(errors)
    weights = {
        "squared_error": squared,
        "absolute_error": np.abs(errors),
        "squared_error_by_model": squared * by_model,
    }
    of_user = {
        name: np.bincount(test.user_positions, each, minlength=test.n_users) for name, each in weights.items()
    }
    return found | of_user


def _relevant_found(lists: Lists, criteria: Criteria) -> dict[str, NDArray[Any]]:
    counts = count_by_row(lists.rated, criteria.is_relevant(lists.rated.values))
    is_asked, k = counts > 0, criteria.k
    hits = criteria.is_relevant(lists.ratings[is_asked])
    per_user = {name: one(hits, counts[is_asked], k) for name, one in PER_USER.items()}
    if criteria.gains == "graded":
        in_lists, possible = (criteria.gains_of(each) for each in (lists.ratings, lists.rated.values))
        per_user["ndcg"] = metrics.graded_ndcg(in_lists, lists.rated.indptr, possible, k=k)[is_asked]
    ranking = np.zeros((len(counts), len(PER_USER)))
    ranking[is_asked] = np.column_stack(list(per_user.values()))
    return {"n_users": is_asked.astype(np.int64), "ranking": ranking}


def _liked_found(lists: Lists, criteria: Criteria) -> dict[str, NDArray[Any]]:
    counts = count_by_row(lists.rated, criteria.is_liked(lists.rated.values))
    is_asked = counts > 0
    hits, n_liked = criteria.is_liked(lists.ratings[is_asked]), counts[is_asked]
    ndcg, recall = np.zeros((2, len(counts)))
    ndcg[is_asked] = metrics.ndcg(hits, n_liked, k=criteria.k)
    recall[is_asked] = metrics.recall(hits, n_liked)
    return {"n_users_liking": is_asked.astype(np.int64), "ndcg_liked": ndcg, "recall_liked": recall}


def _hits(lists: Lists, criteria: Criteria) -> dict[str, NDArray[Any]]:
    return {
        "n_hits": (~np.isnan(lists.ratings)).sum(axis=1),
        "n_disliked": criteria.is_disliked(lists.ratings).sum(axis=1),
        "stars_of_hits": np.nansum(lists.ratings, axis=1, dtype=np.float64),
    }


def _count_lists(best: NDArray[np.int32], first: int, n_recommended: NDArray[np.int64]) -> None:
    """Add the lists of some people, of whom the first is at ``first`` among all, to the counts by part."""
    parts = (first + np.arange(len(best))) % N_PARTS
    cells = (parts[:, None] * n_recommended.shape[1] + best)[best >= 0]
    n_recommended += np.bincount(cells, minlength=n_recommended.size).reshape(n_recommended.shape)
