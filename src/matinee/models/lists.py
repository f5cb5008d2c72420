"""The lists that every model makes: for one, for many, for a group, and of what is like something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from matinee.checks import whole_number
from matinee.errors import DataError, NotFittedError
from matinee.models.answers import Listing, Recommendation, SimilarItem, SimilarUser
from matinee.models.batches import ranked
from matinee.models.computed_once import ComputedOnce
from matinee.models.diversity import diverse
from matinee.models.filters import Candidates
from matinee.models.groups import Group, How, check_how, together
from matinee.models.id_lookup import Kind, positions_of, unknown_id
from matinee.models.people import People
from matinee.models.person import Person
from matinee.models.rated import rated_by_all, ratings_in_frame
from matinee.ratings import Contexts, Ratings, Rows
from matinee.ratings.ids import IdIndex
from matinee.solving.row_problem import Floats


class Lists(ABC):
    """The lists of a fitted model, made from its ``people`` and ``people_by``."""

    predicts_ratings: ClassVar[bool]
    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    contexts_: Contexts | None
    _computed: ComputedOnce

    # ---- what each class of model does in its own way --------------------------------------------

    @property
    @abstractmethod
    def people(self) -> People:
        """The users that the model was fitted on, one row for each."""

    @abstractmethod
    def people_by(self, rated: Rows) -> People:
        """People whom the model has never seen, from their ratings; one row for each.

        Parameters
        ----------
        rated : Rows
            The ratings, one row for each person; the columns are positions of the model's items.
        """

    @abstractmethod
    def nearest_rows(
        self, kind: Kind, row: int, n: int, candidates: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Positions and cosines of the n users or items most like the one at ``row``, nearest first.

        Parameters
        ----------
        candidates : ndarray of int64, optional
            Only these positions.
        """

    @property
    def scores_are_ratings(self) -> bool:
        """Whether the scores of lists are predicted ratings, which are on one scale for all people."""
        return self.predicts_ratings

    def ratings_beside(
        self, people: People, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> Floats | None:
        """The ratings to show beside the scores of pairs of people and items; None if there are none."""
        return None

    # ---- ids and positions ----------------------------------------------------------------------------

    def check_fitted(self) -> None:
        """Raise a NotFittedError unless the model has been fitted or loaded."""
        if not hasattr(self, "item_index_"):
            name = type(self).__name__
            raise NotFittedError(f"this {name} has not been fitted; call fit(train), or matinee.load(path)")

    @property
    def n_raters(self) -> NDArray[np.int64]:
        """The number of users who rated each item, in the fitted ratings; int64, shape (n_items,)."""
        return self.candidates.n_ratings

    @property
    def candidates(self) -> Candidates:
        """The items that lists are chosen from."""
        return Candidates("item", self.item_index_, self.rated_, self._computed)

    def item_positions(self, items: Iterable[Any]) -> NDArray[np.int64]:
        """The positions of items; raises an UnknownItemError for the first that the model has not seen."""
        self.check_fitted()
        return positions_of(self.item_index_, items, "item", "raise")[0]

    def user_position(self, user: Any) -> int:
        """The position of a user; raises an UnknownUserError if the model has not seen the user."""
        self.check_fitted()
        position = self.user_index_.position(user)
        if position < 0:
            raise unknown_id(self.user_index_, user, "user")
        return position

    def person(self, user: Any) -> Person:
        """A fitted user with their ratings, as the same kind of object that `fold_in` returns.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user.
        """
        row = self.user_position(user)
        return Person(self.candidates, self.people.pick(np.array([row])))

    # ---- lists ------------------------------------------------------------------------------------

    def recommend(
        self,
        user: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        context: Mapping[str, Any] | None = None,
        diversity: float = 0.0,
    ) -> list[Recommendation]:
        """The n items with the highest scores for a user, best first; fewer if there are fewer items.

        Parameters
        ----------
        user : id
        n : int
            The number of items.
        exclude_seen : bool
            Leave out the items that the user has rated.
        items : ids, optional
            Choose only from these. With none of them the list is empty.
        exclude : ids, optional
            Leave out these. Ids that the model does not know make no difference: they are in no list.
        min_ratings : int, optional
            Choose only from items that at least so many users rated, in the fitted ratings.
        context : mapping of str to value, optional
            The context in which to recommend, such as ``{"weekday": "Saturday"}``, of a model that was fitted
            with such contexts. What is left out, or was in no rating of the fit, counts as the mean one.
        diversity : float
            From 0 to 1: how unlike each item should be to those before it, by who rated them. Lists are
            chosen by maximal marginal relevance (Carbonell & Goldstein 1998) from ten times as many items, so
            that their scores need not descend.

        Returns
        -------
        list of Recommendation
            Distinct items, highest score first. A score is the predicted rating, not clipped.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user; the message says what to do.
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``n``, ``min_ratings`` or ``diversity`` is out of its range, ``items`` or ``exclude`` is no
            list of ids, or all ids of ``exclude`` are strings and those of the model integers, or the
            reverse, or the model was fitted without such a context.
        """
        person = self.person(user)
        return (person if context is None else person.in_context(context)).recommend(
            n,
            exclude_seen=exclude_seen,
            items=items,
            exclude=exclude,
            min_ratings=min_ratings,
            diversity=diversity,
        )

    def recommend_all(
        self,
        users: Iterable[Any] | None = None,
        *,
        n: int = 10,
        exclude_seen: bool = True,
        items: Any = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        context: Mapping[str, Any] | None = None,
        diversity: float = 0.0,
    ) -> pl.DataFrame:
        """The n best items for many users at once.

        Parameters
        ----------
        users : ids, optional
            The default is all users that the model knows.
        n : int
            The number of items for each user.
        exclude_seen : bool
            Leave out the items that a user has rated.
        items : ids, mapping of user to ids, or frame, optional
            Choose only from these. A mapping, or a frame (pandas, polars or Arrow) with the columns user and
            item, gives each user candidates of their own; everybody asked for needs some, if only an empty
            list.
        exclude, min_ratings, context, diversity
            As in `recommend`, for all users.

        Returns
        -------
        polars.DataFrame
            The columns user, rank (from 1), item, score, and of a `Recommender` also rating; users are in
            the order given.

        Raises
        ------
        UnknownUserError
            For the first of ``users`` that the model has not seen.
        UnknownItemError
            For the first of ``items`` that the model has not seen.
        DataError
            If ``users`` is not a column of ids, ``n`` is not a whole number above 0, a filter is refused as
            in `recommend`, or ``items`` lacks a user asked for, has one that the model does not know, or is a
            frame without the columns user and item.
        """
        self.check_fitted()
        rows = (
            np.arange(len(self.user_index_))
            if users is None
            else positions_of(self.user_index_, users, "user", "raise")[0]
        )
        if rows.ndim != 1:
            raise DataError(f"users have {rows.ndim} dimensions; expected a column of ids")
        filters = {"items": items, "exclude": exclude, "min_ratings": min_ratings}
        everybody = self.people if context is None else self.people.in_context(context)
        people = diverse(everybody, self.candidates, diversity)
        return self._ranked(people, self.user_index_, rows, n=n, exclude_seen=exclude_seen, **filters)

    def fold_in_all(
        self,
        ratings: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        items: Any = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
        diversity: float = 0.0,
    ) -> pl.DataFrame:
        """The n best items for many people whom the model has never seen, all at once.

        They are the lists of `fold_in`, one person after the other, in far less time. A user of the fit whose
        id is among them is folded in like anybody else, from the ratings given here alone.

        Parameters
        ----------
        ratings : Ratings, or frame with the columns user, item and rating
            The people's ratings; a frame of pandas, polars or Arrow. Of two ratings of an item by one user
            the last counts. A user of `Ratings` who has none gets the list of somebody of whom nothing is
            known.
        n, exclude_seen, items, exclude, min_ratings, diversity
            As in `recommend_all`; the users of ``items`` are those of ``ratings``.

        Returns
        -------
        polars.DataFrame
            The columns of `recommend_all`, in the order of the ids.

        Raises
        ------
        UnknownItemError
            For the first item that the model has not seen.
        DataError
            If the frame lacks a column, has no rows, or holds a rating that is not a finite number, or a
            filter is refused as in `recommend_all`.
        """
        self.check_fitted()
        given = ratings if isinstance(ratings, Ratings) else ratings_in_frame(ratings, self.contexts_)
        rated = rated_by_all(self.item_index_, given, contexts=self.contexts_)
        people = diverse(self.people_by(rated), self.candidates, diversity)
        filters = {"items": items, "exclude": exclude, "min_ratings": min_ratings}
        return self._ranked(
            people, given.user_index, np.arange(given.n_users), n=n, exclude_seen=exclude_seen, **filters
        )

    def _ranked(self, people: People, users: IdIndex, rows: NDArray[np.int64], **asked: Any) -> pl.DataFrame:
        batch = ranked(people, users, rows, self.candidates, **asked)
        ratings = self.ratings_beside(people, batch.rows, batch.columns)
        return batch.frame(users, self.item_index_, ratings)

    def recommend_group(
        self,
        users: Iterable[Any],
        n: int = 10,
        how: How = "mean",
        *,
        exclude_seen: bool = True,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
    ) -> list[Recommendation]:
        """The n best items for several people together, as for an evening in company.

        With "mean", an item's score for the group is the mean of its members' scores. With "least_misery",
        it is the score of whoever likes the item least: nobody has to sit through what they cannot bear.

        Scores that are ratings are on one scale, and are taken as they are. The scores of all other models
        are larger for some people than for others, and mean nothing beside those of another person. So each
        member's scores come down to their mean over all items and their standard deviation first; a score of
        1 then says that the item is one deviation above what they like on average. A member who scores all
        items alike, as nothing is known of them, has no say.

        Parameters
        ----------
        users : ids, persons, or both
            The members: users of the fit by their ids, and people that this model folded in. Who is named
            twice counts once.
        n : int
            The number of items.
        how : {"mean", "least_misery"}
        exclude_seen : bool
            Leave out what any of the members has rated.
        items, exclude, min_ratings
            As in `recommend`.

        Returns
        -------
        list of Recommendation
            Distinct items, highest score of the group first. The ``rating`` of a `Recommender` is the mean,
            or the least, of the ratings expected of the members.

        Raises
        ------
        UnknownUserError, UnknownItemError
            For the first id of ``users`` or ``items`` that the model has not seen.
        DataError
            If there are no members, ``how`` is neither of the two, a person was folded in by another model,
            or a filter is refused as in `recommend`.
        """
        self.check_fitted()
        check_how(how)
        group = Group.of(users, self.people, self.user_position, self.candidates)
        columns, scores = group.best(
            whole_number("n", n, least=1),
            how,
            on_one_scale=self.scores_are_ratings,
            exclude_seen=exclude_seen,
            candidates=self.candidates.positions(items, exclude, min_ratings),
        )
        ids = self.item_index_.ids[columns].tolist()
        ratings = self._ratings_of_group(group, columns, how)
        return Listing(map(Recommendation, ids, scores.tolist(), ratings))

    def _ratings_of_group(self, group: Group, columns: NDArray[np.int64], how: How) -> list[Any]:
        """The ratings beside a group's scores; None for each if the model has none to show."""
        of_members = [
            self.ratings_beside(people, np.full(len(columns), row), columns)
            for people, rows in group.members
            for row in rows
        ]
        ratings = [each for each in of_members if each is not None]
        return together(np.vstack(ratings), how).tolist() if ratings else [None] * len(columns)

    def similar_items(
        self,
        item: Any,
        n: int = 10,
        *,
        items: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
    ) -> list[SimilarItem]:
        """The n items most like this one, most similar first; factors are compared by their angle.

        Parameters
        ----------
        item : id
        n : int
            The number of items.
        items, exclude, min_ratings
            As in `recommend`.

        Raises
        ------
        UnknownItemError
            If the model has not seen the item, or one of ``items``.
        DataError
            If ``n`` is not a whole number above 0, or a filter is refused as in `recommend`.
        """
        column = int(self.item_positions([item])[0])
        chosen = self.candidates.positions(items, exclude, min_ratings)
        found = self.nearest_rows("item", column, whole_number("n", n, least=1), chosen)
        return Listing(SimilarItem(self.item_index_.id_at(place), score) for place, score in found)

    def similar_users(
        self,
        user: Any,
        n: int = 10,
        *,
        users: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
        min_ratings: int | None = None,
    ) -> list[SimilarUser]:
        """The n users most like this one, most similar first; factors are compared by their angle.

        Parameters
        ----------
        user : id
        n : int
            The number of users.
        users : ids, optional
            Choose only from these users.
        exclude : ids, optional
            Leave out these users; unknown ids make no difference.
        min_ratings : int, optional
            Choose only from users who rated at least so many items.

        Raises
        ------
        UnknownUserError
            If the model has not seen the user, or one of ``users``.
        DataError
            If ``n`` is not a whole number above 0, or a filter is refused as in `recommend`.
        """
        row = self.user_position(user)
        chosen = Candidates("user", self.user_index_, self.rated_, self._computed).positions(
            users, exclude, min_ratings
        )
        found = self.nearest_rows("user", row, whole_number("n", n, least=1), chosen)
        return Listing(SimilarUser(self.user_index_.id_at(place), score) for place, score in found)
