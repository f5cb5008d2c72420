"""What every model does with data that came after its fit: new ratings, and new items."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Self

from matinee.checks import whole_number
from matinee.errors import DataError
from matinee.models.computed_once import ComputedOnce
from matinee.models.memory import too_large
from matinee.models.new_item import NewItem
from matinee.models.parameters import Parameters, thread_count
from matinee.models.rated import rated_rows
from matinee.ratings import MergedRatings, Ratings, Rows, check_ratings, merge_ratings
from matinee.ratings.ids import IdIndex


class TakesNewData(Parameters):
    """The part of a model's interface that takes new ratings and new items, without a new fit."""

    n_threads: int | None
    user_index_: IdIndex
    item_index_: IdIndex
    rated_: Rows
    rating_range_: tuple[float, float]

    @property
    @abstractmethod
    def as_fitted(self) -> Self:
        """The model with the parameters that it was fitted with."""

    @abstractmethod
    def fit(self, train: Ratings) -> Self:
        """Learn from ratings."""

    @abstractmethod
    def check_fitted(self) -> None:
        """Raise a NotFittedError unless the model has been fitted or loaded."""

    @abstractmethod
    def settle(self, computed: ComputedOnce | None = None) -> None:
        """Use the current parameters for all answers, even if they are changed afterwards."""

    # ---- what each class of model does in its own way --------------------------------------------

    def learn_more(self, merged: MergedRatings, n_iterations: int) -> None:
        """Learn also from new ratings; this one fits again, as suits models in closed form.

        `learned_from` calls it on a copy of the model. It may set any attribute, but changes no array in
        place, as the model itself has the same ones.
        """
        self.fit(merged.ratings)

    def weighed_as_fitted(self, ratings: Ratings) -> Ratings:
        """New ratings with the weights that they have beside those of the fit; here those they come with.

        Raises
        ------
        DataError
            If the model cannot weigh them so.
        """
        return ratings

    def item_by(self, rated: Rows) -> NewItem:
        """An item that the model has never seen, from its ratings; one row, whose columns are users.

        Raises
        ------
        DataError
            If this kind of model solves for no item by itself.
        """
        raise DataError(
            f"{type(self).__name__} cannot fold in an item, as it has no factors that follow from the "
            "ratings of one item alone; call partial_fit with its ratings"
        )

    # ---- new data --------------------------------------------------------------------------------

    def fold_in_item(self, ratings: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> NewItem:
        """An item that the model has never seen, from its ratings; the model is not changed.

        The item is solved against the factors of the users, as in a fit.

        Parameters
        ----------
        ratings : mapping of user id to rating

        Raises
        ------
        UnknownUserError
            For the first user that the model has not seen.
        DataError
            If a rating is not a finite number, or this kind of model solves for no item by itself.
        """
        self.check_fitted()
        return self.item_by(rated_rows(self.user_index_, ratings, "user"))

    def partial_fit(self, ratings: Ratings, n_iterations: int = 1) -> Self:
        """Learn also from new ratings of users and items, known or new, in far less time than a fit takes.

        They are merged into the ratings of the fit, and only the rows that they touch are solved again. A
        model that has not been fitted is fitted to them. Parameters that were set since the fit wait for the
        next fit.

        Parameters
        ----------
        ratings : Ratings
            The new ratings alone. If a pair has been rated before, the new rating takes its place. With a
            half-life they need timestamps; one that is newer than all those of the fit counts more than 1.
        n_iterations : int
            How often to solve the touched items and then the touched users. The last time, all users whose
            row problem has changed are solved exactly. `ItemRidge` and the baselines have no iterations: they
            are fitted again to all ratings.

        Returns
        -------
        The model itself.

        Raises
        ------
        DataError
            If there are no ratings, or their ids are of another kind than those of the fit, or
            ``n_iterations`` is not a whole number of at least 1.
        NotEnoughMemoryError
            If there is too little memory.
        KeyboardInterrupt
            On Ctrl-C, within a second. The model is then as it was before, as after any error.
        """
        n_iterations = whole_number("n_iterations", n_iterations, least=1)
        check_ratings(ratings, "ratings")
        if not hasattr(self, "item_index_"):
            return self.fit(ratings)
        try:
            new = self.weighed_as_fitted(ratings)
            threads = thread_count(self.n_threads)
            merged = merge_ratings(self.user_index_, self.item_index_, self.rated_, new, n_threads=threads)
            learned = vars(self.learned_from(merged, n_iterations))
        except MemoryError as error:
            what = f"let {self!r} learn from {len(ratings):,} ratings more"
            raise too_large(error, what, "take fewer users and items") from error
        parameters = self.parameter_names()
        # In one step, so that Ctrl-C comes before it or after it.
        vars(self).update({name: each for name, each in learned.items() if name not in parameters})
        return self

    def learned_from(self, merged: MergedRatings, n_iterations: int) -> Self:
        """A copy of the fitted model that has learned also from new ratings."""
        learned = copy.copy(self.as_fitted)
        learned.n_threads = self.n_threads
        learned.settle()
        learned.learn_more(merged, n_iterations)
        return learned
