"""Implicit alternating least squares: learns from what people watched, not from how they rated it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.checks import number, random_generator, whole_number
from matinee.errors import DataError
from matinee.metrics import find_hits, ndcg
from matinee.models.alternating_model import AlternatingModel
from matinee.models.featured_model import KnowledgeOfBoth
from matinee.models.graded_targets import GradedTargets
from matinee.models.half_life import check_half_life
from matinee.models.options import (
    FEATURE_REGULARIZATION,
    HALF_LIFE,
    N_FACTORS,
    N_ITERATIONS,
    REGULARIZATION,
    Number,
    Option,
    Whole,
    Word,
)
from matinee.models.parameters import thread_count
from matinee.models.search_space import OF_FEATURES, Doubling, Real, SearchSpace, ratings_per_row
from matinee.ratings import Ratings, Rows
from matinee.solving.expected_rows import solve_towards
from matinee.solving.history import Iteration
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import (
    CHOLESKY,
    LARGEST_REGULARIZATION,
    Floats,
    Side,
    Solver,
    Terms,
    as_ridge,
)
from matinee.solving.training_loop import AlternationInMemory, HeldOut, Measure, draw_start

# Three steps of conjugate gradients from the result of the last iteration, or one sweep over the subspaces.
# More steps improve each iteration, but do not reach a good objective in less time.
STEPS = {"cholesky": 0, "cg": 3, "subspace": 1}

# Of conjugate gradients for the items that new ratings touch. They begin near their solution: on ratings held
# out of ML-100K, more steps and exact solutions give the same NDCG.
TOUCHED_STEPS = 2

LARGEST_MOMENTUM = 0.95
# At 1, a star more or less counts as much as having seen the item at all.
LARGEST_GRADING = 1.0
# The ridge of people of hardly any ratings with ``known_from``, in units of an item's mean squared length.
# For visitors of 3 to 20 ratings 1.5 to 4 are as good, on ratings held out of MovieLens and the cinema.
RIDGE_OF_FEW = 3.0
# Fewer ratings than these count as these: a person of five animation films is otherwise shown what everybody
# watches.
FEWEST_COUNTED = 10

VALIDATION_K = 10


def _unseen_to_seen(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The α that adds α₀, the weight of an unseen item, to the weight of a typical seen item.

    Only the ratio matters much: with α, α₀ and λ all ten times as large, the model is nearly the same.
    """
    unobserved: float = parameters["unobserved_weight"] or 1.0
    return unobserved / _strength(ratings, parameters)


def _implicit_ridge(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The λ that gives a typical row a penalty between the weights of one unseen and one seen item.

    The best λ(n̄ + α₀n)^ν is 20 to 60 times this penalty: in the settings that Rendle et al. (2021) found for
    ML-20M and MSD, and on ML-1M for weights of 1 : 1 to 1 : 30 and each ν.
    """
    n_columns = math.sqrt(ratings.n_users * ratings.n_items)
    unobserved, exponent = float(parameters["unobserved_weight"]), float(parameters["nu"])
    weight = math.sqrt(parameters["alpha"] * _strength(ratings, parameters) * unobserved) or 1.0
    return weight / math.pow(ratings_per_row(ratings) + unobserved * n_columns, exponent)


def _strength(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The strength r of a typical seen item."""
    if parameters["values"] == "presence" or parameters["threshold"] is not None or parameters["grading"]:
        return 1.0
    return float(np.abs(ratings.values).mean(dtype=np.float64)) or 1.0


class ImplicitALS(AlternatingModel):
    """Predicts preferences as products of factors, from what people saw and how often.

    The method is that of Hu, Koren & Volinsky (2008).

    Minimises ``Σ_seen (α₀ + α r_ui) (1 − x_uᵀ y_i)² + Σ_unseen α₀ (x_uᵀ y_i)² + λ Σ (n_u + α₀ n)^ν ‖x_u‖²
    + λ Σ (m_i + α₀ m)^ν ‖y_i‖²``. There are n items and m users; user u saw n_u items, and m_i users saw item
    i (the form of Rendle, Krichene, Zhang & Koren 2021). A negative value is a thumb down: it adds the weight
    ``α |r_ui|`` with the target 0. A rating of weight w counts as w such ratings: it adds w times what one
    adds to the row's equations, and n_u and m_i are sums of weights.

    With ``grading=β`` what was seen is not all alike: everything seen weighs ``α₀ + α`` and has the target
    ``τ_ui = 1 + 4β (r_ui − r̄_u) / (greatest − least rating)`` in place of 1, where r̄_u is the mean of the
    user's ratings and five of the mean of all. On a scale of 1 to 5 a star more or less is worth β. A low
    rating then speaks against an item. At its other end the family is AllRank (Steck 2010), whose target is
    the rating less what is imputed for everything missing.

    With ``known_from=N`` somebody of n < N ratings is solved, when the fit is done and in `fold_in`, with a
    share s of α₀ and of their ridge, and (1 − s) times three mean squared lengths of an item besides. Here s
    is (n / N)⁴, or (10 / N)⁴ if n is less than 10: who has rated ten films of thousands has not told that
    they would not watch the others.

    Parameters
    ----------
    n_factors : int
        The number of factors (the rank).
    regularization : float
        λ. A row's regularisation is at least 1e-6, so that every row has one solution.
    alpha : float
        α: the weight that a seen item gets for each unit of its strength r.
    unobserved_weight : float
        α₀: the weight of every pair of user and item, seen or not. The smaller it is, the more the model
        trusts what was seen.
    nu : float
        ν: 0 gives every row the same penalty; 1 makes the penalty proportional to ``n_u + α₀ n``.
    feature_regularization : float
        κ: how strongly what a feature says is pulled towards 0, in rated rows of the mean regularisation. It
        counts only if ``fit`` is given features.
    n_iterations : int
        The number of iterations.
    solver : {"cholesky", "cg", "subspace"}
        "cholesky" solves rows exactly; "cg" takes a few steps of conjugate gradients (Takács, Pilászy & Tikk
        2011); "subspace" is block coordinate descent, iALS++ (Rendle et al. 2021). With every solver, the fit
        ends with an exact half-step for the users.
    momentum : float
        The share of its last step that an item repeats before the next iteration: from 0, which is plain
        alternation, to 0.95. After each iteration both sides are scaled to the same penalty. With 0.6, five
        or six iterations come as near to the minimum as eleven of plain alternation. An iteration that would
        raise the objective is repeated without momentum.
    values : {"strength", "presence"}
        With "strength", the ratings are strengths r. With "presence", they only say that something was seen:
        r = 1.
    threshold : float or None
        Ratings of at least this count as seen, with r = 1. Lower ones are left out of the fit, but their
        items still count as seen in `recommend`.
    grading : float
        β: how much a rating above or below the user's own average counts; 0 is not at all. Needs ratings
        that differ and are not negative, and goes with neither ``threshold`` nor ``values="presence"``.
    known_from : int
        N: the number of ratings from which on what a person has not rated counts in full. 0 counts it in full
        for everybody.
    half_life : str or None
        The age at which a rating counts half, such as "180d": a number, and h, d, w or y for hours, days,
        weeks or years. Ratings then need timestamps, and age from the latest of them.
    random_state : int, numpy.random.Generator or None
        The seed of the starting factors, or the generator that draws them.
    n_threads : int or None
        None means every processor. The result is bit for bit the same with any number.
    """

    short_name = "implicit"
    predicts_ratings = False
    runs_on_spark = True
    options: ClassVar[Mapping[str, Option]] = {
        "n_factors": N_FACTORS,
        "n_iterations": N_ITERATIONS,
        "regularization": REGULARIZATION,
        "alpha": Number("Weight that a movie gets for having been seen, for each unit of its rating."),
        "unobserved_weight": Number("Weight of every movie for every user, seen or not."),
        "nu": Number("Multiply λ by the total weight of a user or movie to this power.", most=1),
        "solver": Word("How users and movies are solved: cholesky (exact), cg or subspace (approximate)."),
        "feature_regularization": FEATURE_REGULARIZATION,
        "momentum": Number(
            "Share of the last step to repeat, from 0 to 0.95; needs fewer iterations.",
            least=None,
            metavar="SHARE",
        ),
        "threshold": Number("Count only ratings of at least this as seen.", least=None, metavar="RATING"),
        "grading": Number("How much a rating above or below a person's average counts; 0: not at all."),
        "known_from": Whole(
            "Number of ratings from which on what a person has not rated counts in full.", 0, 10**9
        ),
        "half_life": HALF_LIFE,
    }
    search_space = SearchSpace(
        parameters={
            "n_factors": Doubling(halvings=3, doublings=0),
            "unobserved_weight": Real(0.003, 1.0, is_log=True),
            "alpha": Real(0.5, 100.0, is_log=True, unit=_unseen_to_seen),
            "nu": Real(0.0, 1.0),
            "regularization": Real(8.0, 100.0, is_log=True, unit=_implicit_ridge),
        },
        metric="ndcg",
        split_by="user",
        most_iterations=30,
        of_features=OF_FEATURES,
    )
    mean_rating_: float
    # The same for any number of factors: Rendle et al. (2021) found that it should not grow with the rank.
    starting_length: ClassVar[float] = 0.1

    def __init__(
        self,
        *,
        n_factors: int = 64,
        regularization: float = 0.01,
        alpha: float = 1.0,
        unobserved_weight: float = 1.0,
        nu: float = 1.0,
        feature_regularization: float = 10.0,
        n_iterations: int = 15,
        solver: Literal["cholesky", "cg", "subspace"] = "cholesky",
        momentum: float = 0.0,
        values: Literal["strength", "presence"] = "strength",
        threshold: float | None = None,
        grading: float = 0.0,
        known_from: int = 0,
        half_life: str | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.alpha = alpha
        self.unobserved_weight = unobserved_weight
        self.nu = nu
        self.feature_regularization = feature_regularization
        self.n_iterations = n_iterations
        self.solver = solver
        self.momentum = momentum
        self.values = values
        self.threshold = threshold
        self.grading = grading
        self.known_from = known_from
        self.half_life = half_life
        self.random_state = random_state
        self.n_threads = n_threads

    def check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_iterations", self.n_iterations, least=1)
        whole_number("known_from", self.known_from, least=0)
        for name in ("regularization", "alpha", "unobserved_weight"):
            number(name, getattr(self, name), least=0, most=LARGEST_REGULARIZATION)
        number("nu", self.nu, least=0, most=1)
        number("momentum", self.momentum, least=0, most=LARGEST_MOMENTUM)
        if self.threshold is not None:
            number("threshold", self.threshold, least=-np.inf)
        for name, expected in (("solver", tuple(STEPS)), ("values", ("strength", "presence"))):
            given = getattr(self, name)
            if not isinstance(given, str) or given not in expected:
                listed = ", ".join(f'"{each}"' for each in expected)
                raise DataError(f"{name}={given!r}; expected one of {listed}")
        check_half_life(self.half_life)
        self._check_feature_regularization()
        self._check_grading()

    def _check_grading(self) -> None:
        if not number("grading", self.grading, least=0, most=LARGEST_GRADING):
            return
        conflicts = {"threshold": self.threshold is not None, "values": self.values != "strength"}
        for name, is_given in conflicts.items():
            if is_given:
                raise DataError(
                    f"grading={self.grading!r} with {name}={getattr(self, name)!r}; expected only one of them"
                )
        if self.alpha == 0:
            raise DataError(f"grading={self.grading!r} with alpha=0; expected an alpha above 0")

    def check_fit(self, train: Ratings, validation: Ratings | None) -> None:
        super().check_fit(train, validation)
        self._check_scale(float(train.values.min()), float(train.values.max()))

    def _check_that_something_counts(self, greatest: float) -> None:
        if self.threshold is not None and greatest < self.threshold:
            raise DataError(
                f"no rating reaches threshold={self.threshold:g}; the greatest is {greatest:g}, so nothing "
                "would be learned"
            )
        is_strength = self.values == "strength" and self.threshold is None and not self.grading
        if is_strength and greatest <= 0:
            raise DataError(
                f"no strength is above 0; the greatest is {greatest:g}, so nothing would be learned; "
                'with values="presence" every rating counts as seen'
            )

    def _check_scale(self, low: float, high: float) -> None:
        self._check_that_something_counts(high)
        if not self.grading:
            return
        if low == high:
            raise DataError(
                f"grading={self.grading!r} of ratings that are all {low:g}; expected ratings that differ, "
                "or grading=0"
            )
        if low < 0:
            raise DataError(
                f"grading={self.grading!r} of ratings down to {low:g}; expected none below 0, or grading=0"
            )

    @property
    def has_biases(self) -> bool:
        return False

    @property
    def terms(self) -> Terms:
        return Terms(confidence=self.alpha, unobserved=self.unobserved_weight, graded=bool(self.grading))

    def observed(self, rated: Rows) -> Rows:
        """The strengths of the ratings, 0 for one that does not count; with grading, the targets."""
        if self.grading:
            return self._graded_targets.of_people(rated, self.prior_shares(rated))
        if self.threshold is not None:
            return rated._replace(values=(rated.values >= self.threshold).astype(np.float32))
        if self.values == "presence":
            return rated._replace(values=np.ones_like(rated.values))
        return rated

    def observed_sides(self, train: Ratings) -> tuple[Rows, Rows]:
        """The strengths or targets by user and by item; a target depends on the user's other ratings."""
        if not self.grading:
            return super().observed_sides(train)
        targets = self._targets_of(_mean(train), float(train.values.min()), float(train.values.max()))
        by_user = targets.of_people(train.by_user, np.ones(train.n_users))
        return by_user, by_user.transposed(train.n_items)

    def training_values(self, by_user: Rows) -> Rows:
        """The values of a fit's row problem; with grading, targets on the scale of the ratings fitted."""
        if not self.grading:
            return super().training_values(by_user)
        return self._graded_targets.of_people(by_user, np.ones(by_user.n_rows))

    def values_by_item(self, by_item: Rows) -> Rows:
        """The same for items that the fit has not seen; with grading, users' means include these ratings."""
        if not self.grading:
            return super().values_by_item(by_item)
        return self._graded_targets.of_items(by_item, self.rated_.pick(by_item.columns))

    @property
    def _graded_targets(self) -> GradedTargets:
        return self._targets_of(self.mean_rating_, *self.rating_range_)

    def _targets_of(self, mean: float, low: float, high: float) -> GradedTargets:
        return GradedTargets(self.grading, self.unobserved_weight, self.alpha, mean, low, high)

    @property
    def training_users(self) -> Side:
        """The users solved as in training: those of few ratings too, for whom ``known_from`` is for later."""
        fitted, users, threads = self.as_fitted, self.user_side, thread_count(self.n_threads)
        is_few, known = fitted.prior_shares(self.rated_) < 1, self.known_users
        # With features, who has no ratings is what these say.
        few = np.flatnonzero(is_few if known is None else is_few & (self.rated_.counts > 0))
        if not len(few):
            return users
        observed, part = fitted.training_values(self.rated_.pick(few)), users.pick(few)
        means = self.user_means(None if known is None else known.pick(few), len(few))
        solve_towards(
            means,
            observed,
            self.item_side,
            part,
            ridge=fitted.ridge(observed, self._n_counted("item")),
            terms=fitted.terms,
            n_threads=threads,
            prior=fitted.terms.prior(self.counted_items, threads),
        )
        users = Side(users.factors.copy(), None)
        users.put(few, part)
        return users

    def concerned_users(self, by_user: Rows, changed_items: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Everybody: each item adds to everybody's row problem, seen or not."""
        return np.ones(by_user.n_rows, dtype=bool)

    @property
    def observes_whole_users(self) -> bool:
        """Whether targets are graded: they depend on the mean of the user's ratings."""
        return bool(self.grading)

    def take_scale(self, mean: float, low: float, high: float) -> None:
        """Take over the mean and the range of ratings that are fitted elsewhere."""
        self._check_scale(low, high)
        self.mean_rating_, self.rating_range_ = mean, (low, high)

    def keep_fit(
        self,
        train: Ratings,
        users: Side,
        items: Side,
        mean: float,
        history: list[Iteration],
        knowledge: KnowledgeOfBoth = (None, None),
    ) -> None:
        """Take over what a fit has found, and the mean of the ratings, which later targets depend on."""
        self.mean_rating_ = _mean(train)
        super().keep_fit(train, users, items, mean, history, knowledge)
        few = np.flatnonzero(self.prior_shares(train.by_user) < 1)
        if len(few):
            known = None if self.known_users is None else self.known_users.pick(few)
            self.user_factors_[few] = self.fold(train.by_user.pick(few), known=known).factors

    def header(self) -> dict[str, Any]:
        """What a model's file holds besides arrays, in plain values."""
        graded = {"mean_rating": self.mean_rating_} if self._as_fitted.grading else {}
        return {**super().header(), **graded}

    def take_header(self, header: Mapping[str, Any]) -> None:
        """Take over from a file what `header` gave."""
        super().take_header(header)
        if self.grading:
            low, high = self.rating_range_
            self.mean_rating_ = number("mean_rating", header["mean_rating"], least=low, most=high)

    @property
    def half_step_solver(self) -> Solver:
        return Solver(self.solver, STEPS[self.solver])

    @property
    def touched_solver(self) -> Solver:
        # Only an exact solution takes what features make one expect.
        learns_features = self.user_knowledge_ is not None or self.item_knowledge_ is not None
        return CHOLESKY if learns_features else Solver("cg", TOUCHED_STEPS)

    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        if self.grading:
            return self.terms
        return replace(self.terms, strength=float(low) if low == high and low > 0 else None)

    def draw_start(self, users: Side, items: Side) -> None:
        generator = random_generator(self.random_state)
        draw_start(generator, items, self.starting_length)
        draw_start(generator, users, self.starting_length)

    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        counts = (
            observed.totals if self.grading else observed.totals_of(observed.values != 0)
        ) + self.unobserved_weight * n_columns
        return as_ridge(self.regularization * counts**self.nu)

    def user_ridge(self, observed: Rows) -> Floats:
        whole = super().user_ridge(observed)
        if not self.known_from:
            return whole
        shares = self.prior_shares(observed)
        return as_ridge(shares * whole + (1 - shares) * RIDGE_OF_FEW * self._squared_length)

    @property
    def _squared_length(self) -> float:
        """The mean squared length of an item's factors."""
        length: float = self._computed.get(
            "squared length",
            lambda: float(np.square(self.item_factors_, dtype=np.float64).sum(axis=1).mean()),
        )
        return length

    def prior_shares(self, rated: Rows) -> NDArray[np.float64]:
        """How much what people have not rated says of them, from 0 to 1."""
        if not self.known_from:
            return super().prior_shares(rated)
        # Whole numbers, as people of the same share are solved together.
        counted = np.maximum(np.rint(rated.totals), FEWEST_COUNTED)
        shares: NDArray[np.float64] = np.minimum(counted / self.known_from, 1.0) ** 4
        return shares

    def measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        return _ndcg_on(train, validation)


def _mean(train: Ratings) -> float:
    return train.by_user.mean


def _ndcg_on(train: Ratings, validation: Ratings | None) -> Measure:
    """Measures NDCG on the validation ratings after an iteration of ImplicitALS."""
    if validation is None:
        return lambda fit, squared_error: {}
    users, wanted = _wanted(train, validation)
    if len(users) == 0:
        raise DataError(
            "validation has no rating of a user and an item that are both in the training ratings, so there "
            "is nothing to rank"
        )

    def measure(fit: AlternationInMemory, squared_error: float) -> dict[str, float | None]:
        best, _ = Ranker(fit.items, rounds=False).best(
            fit.users, VALIDATION_K, rows=users, excluded=train.by_user, n_threads=fit.n_threads
        )
        hits = find_hits(best, wanted.indptr, wanted.columns)
        return {"validation_ndcg": float(ndcg(hits, wanted.counts).mean())}

    return measure


def _wanted(train: Ratings, validation: Ratings) -> tuple[NDArray[np.int32], Rows]:
    """The training users who have held-out ratings, and these ratings as rows.

    A rating whose user or item is not in the training ratings cannot be ranked, and is left out.
    """
    held_out = HeldOut(train, validation)
    known = (held_out.rows >= 0) & (held_out.columns >= 0)
    rows, columns = held_out.rows[known], held_out.columns[known]
    order = _kernels.sort_order(rows, columns, train.n_users, train.n_items)
    users, starts = np.unique(rows[order], return_index=True)
    indptr = np.append(starts, len(order)).astype(np.int64)
    return users.astype(np.int32), Rows(indptr, columns[order], held_out.values[known][order])
