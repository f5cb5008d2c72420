"""The fit that all models fitted by alternation share, and what each of them must provide for it."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matinee.errors import DataError
from matinee.models.contexts_in_use import with_contexts_in_use
from matinee.models.featured_model import FeaturedModel, knowledge_of
from matinee.models.features.knowledge import Knowledge
from matinee.models.features.side_knowledge import Encoded, encode_features
from matinee.models.memory import named_if_too_large
from matinee.models.model import Model
from matinee.models.new_item import NewItem
from matinee.models.parameters import thread_count
from matinee.models.warm_start import begin, begin_contexts
from matinee.ratings import Contexts, MergedRatings, Ratings, Rows
from matinee.solving.contexts import ContextValues, SolvedContexts
from matinee.solving.expected_rows import solve_towards
from matinee.solving.history import Callback, Iteration, continued
from matinee.solving.links import LinkedAlternation
from matinee.solving.row_problem import (
    CHOLESKY,
    LEAST_RIDGE,
    TO_THE_LAST_DIGIT,
    Floats,
    Side,
    Solver,
    Terms,
)
from matinee.solving.touched_rows import TouchedAlternation, TouchedSide
from matinee.solving.training_loop import AlternationInMemory, Measure


class AlternatingModel(FeaturedModel):
    """A model fitted by solving for its users and its items in turn."""

    n_factors: int
    regularization: float
    n_iterations: int
    tolerance: float | None = None
    momentum: float = 0.0
    random_state: int | np.random.Generator | None
    # The average length of a row of starting factors.
    starting_length: ClassVar[float] = 1.0

    @named_if_too_large
    def fit(
        self,
        train: Ratings,
        validation: Ratings | None = None,
        *,
        user_features: Any = None,
        item_features: Any = None,
        start: tuple[Any, Any] | Model | None = None,
        progress: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Learn the factors.

        Parameters
        ----------
        train : Ratings
        validation : Ratings, optional
            Ratings held out: the model does not learn from them. After each iteration the fit records the
            error on them, or NDCG at 10 if the model predicts no ratings.
        user_features, item_features : frame, or (ids, matrix), optional
            What else is known of users or items: a column of ids and other columns, as in `BayesianALS.fit`.
            Or ids, and a matrix of numpy or scipy with a row for each, which is taken as it is.
            Factors are then held near what the features say, ``Bᵀf``, and not near 0. A user or item without
            ratings is exactly what its features say; one that the frame lacks counts as average, with a
            warning.
        start : fitted model, or two ndarray of shapes (n_users, n_factors), (n_items, n_factors), optional
            A model with as many factors, whose users and items are found by their ids; those that it does not
            know start at random, as all do without ``start``. Or starting factors, with rows in the order of
            ``train.users`` and ``train.items``. The users are solved first, so their starting factors matter
            only to an iterative solver.
        progress : bool
            Show a progress bar, on a terminal or in a notebook, if the fit takes over a second.
        callback : callable, optional
            Called with every `Iteration`; if it returns something true, the fit ends there.

        Raises
        ------
        DataError
            If a parameter is out of its range, the starting factors have the wrong shape or another rank, or
            the features have an id twice, or hold a null, a NaN or something that is neither number nor text.
            With a half-life, also if a rating has no timestamp; with contexts, if they have more values than
            there are ratings.
        KeyboardInterrupt
            On Ctrl-C, within a second; the model is then as it was before the fit.
        """
        self.check_fit(train, validation)
        train, newest = self.by_age(train)
        train, of_users, of_items = encode_features(train, user_features, item_features)
        train = with_contexts_in_use(train)
        alternation = self.alternation(train, start, of_users, of_items)
        history = alternation.run(
            self.n_iterations,
            measure=self.measure(train, validation),
            tolerance=self.tolerance,
            progress=progress,
            callback=callback,
        )
        self.newest_ = newest
        contexts = alternation.contexts
        self.keep_contexts(None if contexts is None else contexts.values)
        self.keep_fit(
            train,
            alternation.users,
            alternation.items,
            alternation.terms.offset,
            history,
            knowledge_of(alternation, of_users, of_items),
        )
        return self

    def alternation(
        self,
        train: Ratings,
        start: tuple[Any, Any] | Model | None,
        of_users: Encoded = (None, None),
        of_items: Encoded = (None, None),
    ) -> AlternationInMemory:
        """A fit to these ratings, ready to run."""
        users, items = self.empty_side(train.n_users), self.empty_side(train.n_items)
        if start is None or isinstance(start, Model):
            self.draw_start(users, items)
        if start is not None:
            begin(self, start, train, users, items)
        by_user, by_item = self.observed_sides(train)
        n_users, n_items = (
            train.n_users if of_users[0] is None else int(np.count_nonzero(by_user.counts)),
            train.n_items if of_items[0] is None else int(np.count_nonzero(by_item.counts)),
        )
        user_ridge, item_ridge = self.ridge(by_user, n_items), self.ridge(by_item, n_users)
        links = {
            "user_link": self._link_of(by_user, user_ridge, of_users, self.n_factors),
            "item_link": self._link_of(by_item, item_ridge, of_items, self.n_factors),
        }
        has_links = any(link is not None for link in links.values())
        if has_links and self.half_step_solver.n_steps:
            raise DataError(
                f'solver="{self.half_step_solver.name}" with features; expected solver="cholesky"'
            )
        contexts = None if train.contexts is None else self.third_side(by_user, by_item, train.contexts)
        if contexts is not None and isinstance(start, Model):
            begin_contexts(start, contexts)
        mean = train.by_user.mean
        kind: type[AlternationInMemory] = LinkedAlternation if has_links else AlternationInMemory
        alternation = kind(
            by_user,
            by_item,
            users=users,
            items=items,
            user_ridge=user_ridge,
            item_ridge=item_ridge,
            terms=self.terms_of(mean, by_user.values.min(), by_user.values.max()),
            n_threads=thread_count(self.n_threads),
            solver=self.half_step_solver,
            momentum=self.momentum,
            # The products with the contexts would change.
            balanced=self.is_balanced and contexts is None,
            contexts=contexts,
            **(links if has_links else {}),
        )
        if start is not None and isinstance(alternation, LinkedAlternation):
            alternation.learn_links()
        return alternation

    def third_side(self, by_user: Rows, by_item: Rows, contexts: Contexts) -> SolvedContexts | None:
        """The contexts of a fit to these ratings; None of a model that learns nothing of them."""
        return None

    def keep_contexts(self, values: ContextValues | None) -> None:
        """Store the rows of the values of contexts, if the model learns any."""

    def observed_sides(self, train: Ratings) -> tuple[Rows, Rows]:
        """The ratings of a fit as the row problem takes them, by user and by item."""
        return self.observed(train.by_user), self.observed(train.by_item)

    @property
    def observes_whole_users(self) -> bool:
        """Whether a value of the row problem depends on the other ratings of its user."""
        return False

    def take_scale(self, mean: float, low: float, high: float) -> None:
        """Take over the mean and the range of ratings that are fitted elsewhere."""

    def empty_side(self, n_rows: int) -> Side:
        """The factors and biases of ``n_rows`` users or items, all zero."""
        return Side.empty(n_rows, self.n_factors, biases=self.has_biases)

    @property
    def half_step_solver(self) -> Solver:
        """The solver of every half-step but the last."""
        return CHOLESKY

    @property
    def is_balanced(self) -> bool:
        """Whether a fit scales both sides to about the same penalty after each iteration.

        A penalty brings the sides to the same size by itself, but one below the least that a row can have
        takes thousands of iterations to, and weighs on the larger side's rows as if it were much larger.
        """
        return self.regularization < LEAST_RIDGE and not self.has_biases

    @abstractmethod
    def draw_start(self, users: Side, items: Side) -> None:
        """Draw the starting factors that the fit needs, in place."""

    @abstractmethod
    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        """The regularisation of each row; ``n_columns`` is the most ratings that a row can have."""

    @abstractmethod
    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        """The terms of a fit to ratings with this mean, whose observed values lie between low and high."""

    @abstractmethod
    def measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        """The function that computes the figures to record after an iteration."""

    # ---- new data ---------------------------------------------------------------------------------

    def training_values(self, by_user: Rows) -> Rows:
        """The values of a fit's row problem for ratings by user, on the scale of the ratings fitted."""
        return self.observed(by_user)

    def values_by_item(self, by_item: Rows) -> Rows:
        """The same for ratings of items that the fit has not seen, by item."""
        return self.observed(by_item)

    @property
    def training_users(self) -> Side:
        """The users as the items of a fit are solved against them."""
        return self.user_side

    def item_by(self, rated: Rows) -> NewItem:
        """An item that the model has never seen, from its ratings; one row, whose columns are users."""
        fitted, threads = self.as_fitted, thread_count(self.n_threads)
        users: Side = self._computed.get("training users", lambda: self.training_users)
        prior = self._computed.get("prior of items", lambda: self._prior_of_items(users))
        observed = fitted.values_by_item(rated)
        item = Side.empty(1, users.factors.shape[1], biases=users.biases is not None)
        solve_towards(
            None if self.item_knowledge_ is None else self.item_knowledge_.means(None, 1, threads),
            observed,
            users,
            item,
            ridge=fitted.ridge(observed, self._n_counted("user")),
            terms=fitted.terms,
            n_threads=1,
            solver=TO_THE_LAST_DIGIT,
            prior=prior,
            second=None if self.context_values is None else self.context_values.beside(observed),
        )
        return NewItem(self.user_index_, self.item_index_, rated, self.item_answers(item))

    def _prior_of_items(self, users: Side) -> NDArray[np.float64] | None:
        counted = self._counted("user")
        those = users if counted is None else users.pick(counted)
        return self.as_fitted.terms.prior(those, thread_count(self.n_threads))

    def learn_more(self, merged: MergedRatings, n_iterations: int) -> None:
        """Solve the rows that new ratings touch, then exactly all users whose row problem has changed."""
        users, items = self.training_users, self.item_side
        self._grow_knowledge(merged)
        rating_range = merged.widened(self.rating_range_)
        is_rescaled = self.observes_whole_users and rating_range != self.rating_range_
        self.rating_range_ = rating_range
        touched = merged.touched_items | is_rescaled
        alternation = self._touched_alternation(merged, users, items, touched, is_rescaled=is_rescaled)
        n_ratings = float(alternation.of_items.observed.totals[touched].sum()) or 1.0
        history = alternation.run(
            n_iterations, measure=lambda fit, error: self._measure_touched(error / n_ratings), progress=False
        )
        changed = self.concerned_users(merged.ratings.by_user, touched)
        self._keep_more(merged, alternation.items, continued(self.history_, history), changed)

    def concerned_users(self, by_user: Rows, changed_items: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The users whose row problem is another one since some items have changed; shape (n_users,)."""
        if changed_items.all():
            return by_user.counts > 0
        return by_user.counts_of(changed_items[by_user.columns]) > 0

    def _grow_knowledge(self, merged: MergedRatings) -> None:
        """Expect of new users and items, of whom no features are known, what the link says of the average."""
        if self.user_knowledge_ is not None:
            self.user_knowledge_ = self.user_knowledge_.grown(merged.old_users, merged.ratings.n_users)
        if self.item_knowledge_ is not None:
            self.item_knowledge_ = self.item_knowledge_.grown(merged.old_items, merged.ratings.n_items)

    def _touched_alternation(
        self,
        merged: MergedRatings,
        users: Side,
        items: Side,
        touched: NDArray[np.bool_],
        *,
        is_rescaled: bool,
    ) -> TouchedAlternation:
        train = merged.ratings
        by_user = self.training_values(train.by_user)
        of_touched = by_user if touched.all() else by_user.keep(touched[by_user.columns])
        by_item = of_touched.transposed(train.n_items, n_threads=thread_count(self.n_threads))
        added = np.bincount(merged.added.columns, minlength=train.n_items)
        # To count the raters of a million ratings takes as long as to solve the users.
        n_raters = by_item.counts if touched.all() else np.bincount(by_user.columns, minlength=train.n_items)
        return TouchedAlternation(
            self._touched_side(
                self.user_knowledge_,
                by_user,
                users.spread(merged.old_users, train.n_users),
                merged.touched_users | is_rescaled,
                _mostly_new(merged.added.counts, train.by_user.counts) | is_rescaled,
                n_ratings=train.by_user.counts,
                n_across=_n_counted(self.item_knowledge_, n_raters),
            ),
            self._touched_side(
                self.item_knowledge_,
                by_item,
                items.spread(merged.old_items, train.n_items),
                touched,
                _mostly_new(added, by_item.counts) | is_rescaled,
                n_ratings=n_raters,
                n_across=_n_counted(self.user_knowledge_, train.by_user.counts),
            ),
            n_threads=thread_count(self.n_threads),
            terms=self.terms,
            solver=self.touched_solver,
        )

    def _touched_side(
        self,
        knowledge: Knowledge | None,
        observed: Rows,
        side: Side,
        touched: NDArray[np.bool_],
        unsolved: NDArray[np.bool_],
        *,
        n_ratings: NDArray[np.int64],
        n_across: int,
    ) -> TouchedSide:
        ridge = partial(self.ridge, n_columns=n_across)
        contexts = self.context_values
        if knowledge is None:
            return TouchedSide(observed, side, ridge, touched, unsolved, contexts=contexts)
        # Rows without ratings stay what their features say.
        is_rated = n_ratings > 0
        means = knowledge.means(knowledge.features, observed.n_rows, thread_count(self.n_threads))
        chosen, new, counted = touched & is_rated, unsolved & is_rated, np.flatnonzero(is_rated)
        return TouchedSide(observed, side, ridge, chosen, new, means, counted, contexts)

    @property
    def touched_solver(self) -> Solver:
        """The solver of the items that new ratings touch, and of the users but for the last time."""
        return CHOLESKY

    def _measure_touched(self, mean_squared_error: float) -> dict[str, float | None]:
        return {"train_rmse": math.sqrt(mean_squared_error)} if self.predicts_ratings else {}

    def _keep_more(
        self, merged: MergedRatings, items: Side, history: list[Iteration], changed: NDArray[np.bool_]
    ) -> None:
        """Store the items and all ratings, then solve the users whose row problem has changed."""
        train = merged.ratings
        users = self.user_side.spread(merged.old_users, train.n_users)
        self.keep_sides(users, items)
        kept = train if self.contexts_ is None else train.with_rows(train.by_user, self.contexts_)
        self.keep_ratings(kept, history, self.rating_range_)
        rows = np.flatnonzero(changed)
        rated = train.by_user if changed.all() else train.by_user.pick(rows)
        known = None if self.known_users is None else self.known_users.pick(rows)
        users.put(rows, self.fold(rated, CHOLESKY, known))

    def user_ridge(self, observed: Rows) -> Floats:
        return self.ridge(observed, self._n_counted("item"))


def _n_counted(knowledge: Knowledge | None, n_ratings: NDArray[np.int64]) -> int:
    """How many rows of a side the other side's rows are learned from."""
    return len(n_ratings) if knowledge is None else int(np.count_nonzero(n_ratings))


def _mostly_new(added: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The rows of whose ratings at least half are new, so that their factors say little."""
    return (added > 0) & (2 * added >= counts)
