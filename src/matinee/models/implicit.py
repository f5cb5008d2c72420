"""What people watched rather than how they rated it: implicit alternating least squares."""

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
from matinee.models.options import N_FACTORS, N_ITERATIONS, REGULARIZATION, Number, Option, Word
from matinee.models.search_space import Doubling, Real, SearchSpace, ratings_per_row
from matinee.ratings import Ratings, Rows
from matinee.solving.ranking import Ranker
from matinee.solving.row_problem import LARGEST_REGULARIZATION, Floats, Side, Solver, Terms, as_ridge
from matinee.solving.training_loop import AlternationInMemory, HeldOut, Measure, draw_start

# Three steps of conjugate gradients from where the last iteration ended, or one sweep over the subspaces:
# more make an iteration better but the time to a good objective no shorter.
STEPS = {"cholesky": 0, "cg": 3, "subspace": 1}

LARGEST_MOMENTUM = 0.95

VALIDATION_K = 10


def _unseen_to_seen(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The α with which a typical thing seen weighs as much again as one unseen.

    Only their ratio matters much: α, α₀ and λ all ten times as large are nearly the same model.
    """
    unobserved: float = parameters["unobserved_weight"] or 1.0
    return unobserved / _strength(ratings, parameters)


def _implicit_ridge(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """The λ with which a typical row is penalised by a weight between those of one thing seen and unseen.

    The best λ(n̄ + α₀n)^ν is within 20 and 60 of it in the settings that Rendle et al. (2021) found for ML-20M
    and MSD, and on ML-1M for weights of 1 : 1 to 1 : 30 and each ν.
    """
    n_columns = math.sqrt(ratings.n_users * ratings.n_items)
    unobserved, exponent = float(parameters["unobserved_weight"]), float(parameters["nu"])
    weight = math.sqrt(parameters["alpha"] * _strength(ratings, parameters) * unobserved) or 1.0
    return weight / math.pow(ratings_per_row(ratings) + unobserved * n_columns, exponent)


def _strength(ratings: Ratings, parameters: Mapping[str, Any]) -> float:
    """Of a typical thing seen."""
    if parameters["values"] == "presence" or parameters["threshold"] is not None:
        return 1.0
    return float(np.abs(ratings.values).mean(dtype=np.float64)) or 1.0


class ImplicitALS(AlternatingModel):
    """Preferences as a product of factors, from what was seen and how often (Hu, Koren & Volinsky 2008).

    Minimises ``Σ_seen (α₀ + α r_ui) (1 − x_uᵀ y_i)² + Σ_unseen α₀ (x_uᵀ y_i)² + λ Σ (n_u + α₀ n)^ν ‖x_u‖²
    + λ Σ (m_i + α₀ m)^ν ‖y_i‖²``, with n items and m users in all, n_u of them seen by user u and m_i by
    whom item i was seen (the form of Rendle, Krichene, Zhang & Koren 2021). A negative value is a
    thumb down: it adds the weight ``α |r_ui|`` with the target 0.

    Parameters
    ----------
    n_factors : int
        The rank.
    regularization : float
        λ; what is below 1e-6 a row counts as that, so that every row has one answer.
    alpha : float
        α: how much the strength of what was seen weighs.
    unobserved_weight : float
        α₀: how much everything weighs, seen or not. The smaller, the more the model trusts what was seen.
    nu : float
        ν: 0 for the same penalty on every row, 1 for one in proportion to what it takes part in.
    n_iterations : int
    solver : {"cholesky", "cg", "subspace"}
        Rows solved exactly; by a few steps of conjugate gradients (Takács, Pilászy & Tikk 2011); or by block
        coordinate descent, iALS++ (Rendle et al. 2021). Whichever it is, the fit ends with an exact
        half-step for the users.
    momentum : float
        From 0, plain alternation, to 0.95: how much of its last step an item takes again before the next
        iteration, with both sides brought to the same penalty after each. With 0.6, five or six iterations
        come as near to the minimum as eleven of plain alternation; an iteration that would raise the
        objective is done over without.
    values : {"strength", "presence"}
        Whether the values of the ratings are strengths r, or only say that something was seen: r = 1.
    threshold : float or None
        Count only ratings of at least this, as seen with r = 1; lower ones are left out of the fit, but
        their items still count as seen in `recommend`.
    random_state : int, numpy.random.Generator or None
    n_threads : int or None
        None means every processor. The result is the same bit for bit.
    """

    short_name = "implicit"
    predicts_ratings = False
    runs_on_spark = True
    options: ClassVar[Mapping[str, Option]] = {
        "n_factors": N_FACTORS,
        "n_iterations": N_ITERATIONS,
        "regularization": REGULARIZATION,
        "alpha": Number("How much what was seen weighs."),
        "unobserved_weight": Number("How much everything weighs, seen or not."),
        "nu": Number("Penalise a row by its weight to this power.", most=1),
        "solver": Word("cholesky, cg or subspace."),
        "momentum": Number(
            "Fewer iterations: how much of a step is taken again, 0 to 0.95.", least=None, metavar="SHARE"
        ),
        "threshold": Number("Count as seen only ratings of at least this.", least=None, metavar="RATING"),
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
    )
    # At every rank: Rendle et al. (2021) found that it should not grow with it.
    starting_length: ClassVar[float] = 0.1

    def __init__(
        self,
        *,
        n_factors: int = 64,
        regularization: float = 0.01,
        alpha: float = 1.0,
        unobserved_weight: float = 1.0,
        nu: float = 1.0,
        n_iterations: int = 15,
        solver: Literal["cholesky", "cg", "subspace"] = "cholesky",
        momentum: float = 0.0,
        values: Literal["strength", "presence"] = "strength",
        threshold: float | None = None,
        random_state: int | np.random.Generator | None = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.alpha = alpha
        self.unobserved_weight = unobserved_weight
        self.nu = nu
        self.n_iterations = n_iterations
        self.solver = solver
        self.momentum = momentum
        self.values = values
        self.threshold = threshold
        self.random_state = random_state
        self.n_threads = n_threads

    def check_parameters(self) -> None:
        whole_number("n_factors", self.n_factors, least=1)
        whole_number("n_iterations", self.n_iterations, least=1)
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

    @property
    def has_biases(self) -> bool:
        return False

    @property
    def terms(self) -> Terms:
        return Terms(confidence=self.alpha, unobserved=self.unobserved_weight)

    def observed(self, rated: Rows) -> Rows:
        """The strengths; 0 where a rating does not count."""
        if self.threshold is not None:
            return rated._replace(values=(rated.values >= self.threshold).astype(np.float32))
        if self.values == "presence":
            return rated._replace(values=np.ones_like(rated.values))
        return rated

    @property
    def half_step_solver(self) -> Solver:
        return Solver(self.solver, STEPS[self.solver])

    def terms_of(self, mean: float, low: float, high: float) -> Terms:
        return replace(self.terms, strength=float(low) if low == high and low > 0 else None)

    def draw_start(self, users: Side, items: Side) -> None:
        generator = random_generator(self.random_state)
        draw_start(generator, items, self.starting_length)
        draw_start(generator, users, self.starting_length)

    def ridge(self, observed: Rows, n_columns: int) -> Floats:
        counts = _counts(observed) + self.unobserved_weight * n_columns
        return as_ridge(self.regularization * counts**self.nu)

    def _measure(self, train: Ratings, validation: Ratings | None) -> Measure:
        return _ndcg_on(train, validation)


def _counts(observed: Rows) -> NDArray[np.int64]:
    """How many values of each row count."""
    counted = np.zeros(len(observed.values) + 1, dtype=np.int64)
    np.cumsum(observed.values != 0, out=counted[1:])
    return counted[observed.indptr[1:]] - counted[observed.indptr[:-1]]


def _ndcg_on(train: Ratings, validation: Ratings | None) -> Measure:
    """What ImplicitALS notes down after an iteration: how well it ranks what was held out."""
    if validation is None:
        return lambda fit, squared_error: {}
    users, wanted = _wanted(train, validation)
    if len(users) == 0:
        raise DataError("validation holds no user and item that the training ratings know; nothing to rank")

    def measure(fit: AlternationInMemory, squared_error: float) -> dict[str, float | None]:
        best, _ = Ranker(fit.items).best(
            fit.users, VALIDATION_K, rows=users, excluded=train.by_user, n_threads=fit.n_threads
        )
        hits = find_hits(best, wanted.indptr, wanted.columns)
        return {"validation_ndcg": float(ndcg(hits, wanted.counts).mean())}

    return measure


def _wanted(train: Ratings, validation: Ratings) -> tuple[NDArray[np.int32], Rows]:
    """Which users of the training ratings have something held out, and what: rows of its items.

    What neither side of the training knows cannot be ranked, and is left out.
    """
    held_out = HeldOut(train, validation)
    known = (held_out.rows >= 0) & (held_out.columns >= 0)
    rows, columns = held_out.rows[known], held_out.columns[known]
    order = _kernels.sort_order(rows, columns, train.n_users, train.n_items)
    users, starts = np.unique(rows[order], return_index=True)
    indptr = np.append(starts, len(order)).astype(np.int64)
    return users.astype(np.int32), Rows(indptr, columns[order], held_out.values[known][order])
