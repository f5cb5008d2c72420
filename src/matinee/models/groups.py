"""One list for several people: their scores, brought to one scale, and what becomes of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.blended_people import standardised
from matinee.models.filters import Candidates
from matinee.models.people import People
from matinee.models.person import Person
from matinee.ratings import Rows
from matinee.ratings.frames import is_frame
from matinee.solving.ranking import best_of_scores
from matinee.solving.row_problem import Floats

How = Literal["mean", "least_misery"]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Group:
    """Several people in the eyes of one model.

    Attributes
    ----------
    members : list of tuple of People and ndarray of int64
        People, and the rows of those among them who are members.
    """

    members: list[tuple[People, NDArray[np.int64]]]

    @classmethod
    def of(
        cls, users: Any, people: People, position_of: Callable[[Any], int], candidates: Candidates
    ) -> Group:
        """The group of some users and folded-in people; who is named twice is a member once.

        Parameters
        ----------
        users : ids, persons, or both
        people : People
            The users that the model was fitted on.
        position_of : callable
            From the id of a user to their row.
        candidates : Candidates
            The items of the model; persons of another model have others.

        Raises
        ------
        UnknownUserError
            For the first id that the model has not seen.
        DataError
            If there is no member, or no list of members, or a person belongs to another model.
        """
        members = _listed(users)
        rows: dict[int, None] = {}
        persons: dict[int, Person] = {}
        for member in members:
            if not isinstance(member, Person):
                rows[position_of(member)] = None
            elif member.candidates.computed is candidates.computed:
                persons[id(member)] = member
            else:
                raise DataError(f"{member!r} is of another model, or of another fit; fold them in again")
        fitted = [(people, np.fromiter(rows, dtype=np.int64))] if rows else []
        return cls([*fitted, *((each.people, np.zeros(1, dtype=np.int64)) for each in persons.values())])

    @property
    def seen(self) -> Rows:
        """What any of the members has rated, as a single row."""
        columns = np.unique(np.concatenate([one.rated.pick(rows).columns for one, rows in self.members]))
        values = np.zeros(len(columns), dtype=np.float32)
        return Rows(np.array([0, len(columns)]), columns, values)

    def best(
        self,
        n: int,
        how: How,
        *,
        on_one_scale: bool,
        exclude_seen: bool,
        candidates: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.int64], Floats]:
        """The positions of the best n items for the group and their scores; fewer if there are fewer."""
        scores = together(self._scores(on_one_scale=on_one_scale), how).astype(np.float32)
        positions, found = best_of_scores(
            lambda rows: scores[None].copy(),
            np.zeros(1, dtype=np.int64),
            len(scores),
            n,
            excluded=self.seen if exclude_seen else None,
            candidates=candidates,
        )
        shown = positions[0] >= 0
        return positions[0, shown].astype(np.int64), found[0, shown]

    def _scores(self, *, on_one_scale: bool) -> Doubles:
        """The members' scores of all items, comparable with each other; shape (n_members, n_items)."""
        scores = np.vstack([one.scores(rows) for one, rows in self.members]).astype(np.float64)
        if on_one_scale:
            return scores
        scores = standardised(scores)
        # Whoever scores all items alike has no say: their 0 would be the least of all that others like.
        has_say = scores.any(axis=1)
        return scores[has_say] if has_say.any() else scores


def together(scores: NDArray[Any], how: How) -> NDArray[Any]:
    """What the numbers of several people, a row each, come to; shape (n_items,)."""
    found: NDArray[Any] = scores.mean(axis=0) if how == "mean" else scores.min(axis=0)
    return found


def check_how(how: Any) -> None:
    """Raise a DataError unless it is a way to bring the scores of several people together."""
    if not isinstance(how, str) or how not in get_args(How):
        raise DataError(f'how={how!r}; expected "mean" or "least_misery"')


def _listed(users: Any) -> list[Any]:
    is_list = isinstance(users, Iterable) and not isinstance(users, str | bytes | Mapping | Person)
    if not is_list or is_frame(users) or getattr(users, "ndim", 1) != 1:
        given = repr(users) if isinstance(users, str | int) else type(users).__name__
        raise DataError(f"expected a group as a list of users or persons, got {given}")
    members = list(users)
    if not members:
        raise DataError("the group is empty; expected at least one user or person")
    return members
