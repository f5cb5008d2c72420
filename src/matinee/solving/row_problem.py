"""The row problem that all models share, on arrays: every fit and every fold-in calls `solve_rows`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee import _kernels
from matinee.ratings import Rows

Floats = NDArray[np.float32]

# Within these bounds single precision can add a row's ridge to a sum of products, and factorise it.
LEAST_RIDGE = 1e-6
LARGEST_RIDGE = 1e20
LARGEST_REGULARIZATION = 1e12


@dataclass(frozen=True)
class Side:
    """The factors of one side (users or items), and its biases if the model has any.

    Attributes
    ----------
    factors : ndarray of float32, shape (n, n_factors)
    biases : ndarray of float32, shape (n,), or None
    """

    factors: Floats
    biases: Floats | None

    @classmethod
    def empty(cls, n_rows: int, n_factors: int, *, biases: bool) -> Side:
        """A side of ``n_rows`` rows, all zero."""
        factors = _aligned_zeros(n_rows, n_factors)
        return cls(factors, np.zeros(n_rows, dtype=np.float32) if biases else None)

    def pick(self, rows: NDArray[Any]) -> Side:
        """The chosen rows, in the order given."""
        return Side(self.factors[rows], None if self.biases is None else self.biases[rows])

    def spread(self, positions: NDArray[Any], n_rows: int) -> Side:
        """The rows at these positions among ``n_rows``; the other rows are zero."""
        spread = Side.empty(n_rows, self.factors.shape[1], biases=self.biases is not None)
        spread.put(positions, self)
        return spread

    def put(self, rows: NDArray[Any], part: Side) -> None:
        """Overwrite the chosen rows with those of another side, in the order given."""
        self.factors[rows] = part.factors
        if self.biases is not None:
            self.biases[rows] = part.biases


def with_ones(factors: Floats) -> NDArray[np.float64]:
    """Fixed factors with a column of ones, (y, 1), as a row problem with biases needs them."""
    return np.hstack([factors.astype(np.float64), np.ones((len(factors), 1))])


def rows_of(side: Side) -> Floats:
    """The factors with the biases as last column; float32, shape (n, n_factors + 1)."""
    return np.column_stack([side.factors, bias_of(side)])


def no_precision(solved: Side) -> NDArray[np.float64]:
    """The precision of a prior that only its shift makes one."""
    size = solved.factors.shape[1] + (solved.biases is not None)
    return np.zeros((size, size))


def bordered_rows(side: Side) -> Floats:
    """The factors, and the biases or zeros as the last column; float32, shape (n, n_factors + 1)."""
    rows: Floats = np.column_stack([side.factors, bias_or_zeros(side)])
    return rows


def side_of(rows: Floats, like: Side) -> Side:
    """The side of such rows, with biases if the other one has them."""
    return Side(rows[:, :-1], None if like.biases is None else rows[:, -1])


def bias_or_zeros(side: Side) -> Floats:
    """The biases of a side, or zeros if it has none."""
    return np.zeros(len(side.factors), np.float32) if side.biases is None else side.biases


def bias_of(side: Side) -> Floats:
    """The biases of a side that has them."""
    assert side.biases is not None
    return side.biases


# The size of a cache line; the kernels are fastest if the factors start at the beginning of one.
ALIGNMENT = 64


def _aligned_zeros(n_rows: int, n_columns: int) -> Floats:
    padding = ALIGNMENT // 4
    memory = np.zeros(n_rows * n_columns + padding, dtype=np.float32)
    first = -memory.ctypes.data // 4 % padding
    return memory[first : first + n_rows * n_columns].reshape(n_rows, n_columns)


@dataclass(frozen=True)
class SecondRows:
    """A second row beside the fixed one of every explicit rating, such as that of its context.

    The vector of a rating is then the sum y + z of both rows, and its target is less the bias of the second
    row and yᵀz.

    Attributes
    ----------
    columns : ndarray of int32, shape (n_ratings,)
        The second row of each rating.
    side : Side
    """

    columns: NDArray[np.int32]
    side: Side


@dataclass(frozen=True)
class Losses:
    """The losses after a half-step, summed over its rows.

    Attributes
    ----------
    squared_error : float
        The sum Σ c (target − prediction)²; with confidence, it includes the unobserved pairs.
    penalty : float
        The sum Σ ridge·(‖x‖² + bias²).
    """

    squared_error: float
    penalty: float


@dataclass(frozen=True)
class Terms:
    """How values become the weights and targets of the row problem.

    What is said here of weights holds for ratings that count once. The weights of ratings multiply it.

    Attributes
    ----------
    offset : float
        For explicit ratings: this and the fixed side's bias are subtracted from every value, and every weight
        is 1.
    confidence : float or None
        α for implicit feedback: a value r adds the weight α·|r|, with the target 1, or 0 if r is negative.
        None for explicit ratings.
    unobserved : float
        α₀, with confidence: the weight of every pair, seen or not, to which α·|r| is added.
    strength : float or None
        With confidence: the value r, if every value is known to be the same positive number.
    graded : bool
        With confidence: a value is a target t, and every weight is α.
    """

    offset: float = 0.0
    confidence: float | None = None
    unobserved: float = 0.0
    strength: float | None = None
    graded: bool = False

    def weigh(self, observed: Rows, column_biases: Floats | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """The weights c and the weighted targets c·t of all values, in double precision."""
        weights, targets = self._weigh(observed.values, column_biases)
        if observed.weights is None:
            return weights, targets
        return observed.weights * weights, observed.weights * targets

    def _weigh(self, values: Floats, column_biases: Floats | None) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.confidence is None:
            biases = 0.0 if column_biases is None else column_biases.astype(np.float64)
            return np.ones(len(values)), values - self.offset - biases
        if self.graded:
            return np.full(len(values), self.confidence), self.confidence * values.astype(np.float64)
        weights = self.confidence * np.abs(values, dtype=np.float64)
        return weights, np.where(values > 0, self.unobserved + weights, 0.0)

    @property
    def common_weight(self) -> float | None:
        """The weight that every rating adds: α if graded, or else α·r, unless that is small beside α₀."""
        if self.graded:
            return self.confidence
        if self.confidence is None or self.strength is None:
            return None
        weight = self.confidence * self.strength
        usual = max(LEAST_RIDGE, 0.1 * self.unobserved) <= weight <= 1 / LEAST_RIDGE
        return weight if usual else None

    def with_unobserved_share(self, share: float) -> Terms:
        """The same terms with only a share of α₀."""
        return replace(self, unobserved=share * self.unobserved)

    def prior(self, fixed: Side, n_threads: int) -> NDArray[np.float64] | None:
        """The matrix α₀·YᵀY that the whole fixed side adds to every row; None without confidence."""
        return None if self.confidence is None else self.unobserved * gram(fixed.factors, n_threads)


@dataclass(frozen=True)
class Solver:
    """How rows are solved.

    Attributes
    ----------
    name : {"cholesky", "cg", "subspace"}
        "cholesky" solves exactly; the others take a fixed number of steps from the current solution.
    n_steps : int
        The number of steps of "cg" and "subspace".
    exact : bool
        With "cholesky": refine every row in double precision, not only the rows where it matters.
    spread : float
        With "cholesky": if above 0, draw from the normal distribution around the solution, with the
        covariance spread² A⁻¹, instead of returning the solution. A row's draw depends only on ``seed`` and
        on the position of the row.
    seed : int
        The seed of the draws.
    same_noise : bool
        With a spread: a row's draw depends only on ``seed``, and not on its position among other rows.
    """

    name: str = "cholesky"
    n_steps: int = 0
    exact: bool = False
    spread: float = 0.0
    seed: int = 0
    same_noise: bool = False


CHOLESKY = Solver()
TO_THE_LAST_DIGIT = Solver(exact=True)


def as_ridge(regularization: NDArray[Any]) -> Floats:
    """The ridge of rows: their λ, clipped to the range that the kernels can handle."""
    ridge: Floats = np.clip(regularization, LEAST_RIDGE, LARGEST_RIDGE).astype(np.float32)
    return ridge


def solve_rows(
    observed: Rows,
    fixed: Side,
    solved: Side,
    *,
    ridge: Floats,
    terms: Terms,
    n_threads: int,
    solver: Solver = CHOLESKY,
    prior: NDArray[np.float64] | None = None,
    shift: Floats | None = None,
    row_errors: NDArray[np.float64] | None = None,
    second: SecondRows | None = None,
) -> Losses:
    """Solve every row of one side against the other side, and write the solutions into ``solved``.

    A row without ratings becomes 0 or, with a shift, the mean of the prior.

    Parameters
    ----------
    observed : Rows
        The ratings of the side to solve and their weights; its columns are rows of ``fixed``.
    fixed, solved : Side
        The fixed side, and the side to solve. If they have biases, the fixed side's are subtracted from the
        ratings, and the solved side's are found together with the factors.
    ridge : ndarray of float32, shape (n_rows,)
        The regularisation λ of each row.
    prior : ndarray of float64, shape (n_factors, n_factors), or one larger with biases, optional
        The precision of the prior, with the bias last. The default is ``terms.prior(fixed)``.
    shift : ndarray of float32, shape (1 or n_rows, n_factors + 1), optional
        The shift q of the prior: its precision times its mean, with the bias last. The squared error then
        includes xᵀ·prior·x − 2 shiftᵀx.
    row_errors : ndarray of float64, shape (n_rows,), optional
        Takes the squared error of each row; only for explicit ratings.
    second : SecondRows, optional
        Only for explicit ratings, and with "cholesky".
    """
    prior = terms.prior(fixed, n_threads) if prior is None else prior
    if terms.common_weight is not None:
        return _solve_alike(observed, fixed, solved, ridge, terms, n_threads, solver, prior, shift)
    is_confidence = terms.confidence is not None
    squared_errors = np.zeros(len(ridge)) if row_errors is None else row_errors
    penalties = np.zeros(len(ridge))
    _kernels.solve_rows(
        *observed[:4],
        feedback="confidence" if is_confidence else "ratings",
        confidence=terms.confidence or 0.0,
        unobserved=terms.unobserved,
        fixed=fixed.factors,
        column_biases=fixed.biases,
        second=None if second is None else second.side.factors,
        second_columns=None if second is None else second.columns,
        second_biases=None if second is None else second.side.biases,
        offset=terms.offset,
        ridge=ridge,
        prior=prior,
        shift=shift,
        spread=solver.spread,
        seed=solver.seed,
        same_noise=solver.same_noise,
        solver=solver.name,
        n_steps=solver.n_steps,
        refine_always=solver.exact,
        solution=solved.factors,
        biases=solved.biases,
        squared_errors=squared_errors,
        penalties=penalties,
        n_threads=n_threads,
    )
    return Losses(float(squared_errors.sum()), float(penalties.sum()))


def _solve_alike(
    observed: Rows,
    fixed: Side,
    solved: Side,
    ridge: Floats,
    terms: Terms,
    n_threads: int,
    solver: Solver,
    prior: NDArray[np.float64] | None,
    shift: Floats | None,
) -> Losses:
    """The same as `solve_rows` if all values have the same weight c, but faster.

    The problem is divided by c, so that the weights are 1 and the factors are used in place. The target of a
    seen item is then τ(1 + α₀/c), with τ = 1 unless the targets are given. Its square is
    larger than (1 + α₀/c)(τ − prediction)² by α₀/c·(1 + α₀/c)·τ², whatever is predicted.
    """
    weight = terms.common_weight or 1.0
    factor = (terms.unobserved + weight) / weight
    if terms.graded:
        offset = 0.0
        squares = np.square(observed.values, dtype=np.float64)
        squared_targets = float((squares if observed.weights is None else squares * observed.weights).sum())
    else:
        offset = (terms.strength or 0.0) - factor
        squared_targets = factor**2 * observed.total
    losses = solve_rows(
        observed,
        fixed,
        solved,
        ridge=ridge / np.float32(weight),
        terms=Terms(offset=offset),
        n_threads=n_threads,
        solver=solver,
        prior=None if prior is None else prior / weight,
        shift=None if shift is None else shift / np.float32(weight),
    )
    excess = terms.unobserved * squared_targets / factor
    return Losses(weight * losses.squared_error - excess, weight * losses.penalty)


def gram(factors: Floats, n_threads: int) -> NDArray[np.float64]:
    """The matrix FᵀF in double precision; shape (n_factors, n_factors)."""
    product = np.empty((factors.shape[1], factors.shape[1]))
    _kernels.gram(factors, product, n_threads)
    return product


def predict_pairs(
    rows: Any,
    columns: Any,
    row_side: Side,
    column_side: Side,
    *,
    offset: float,
    n_threads: int,
    n_samples: int = 1,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Floats:
    """Predictions for pairs of positions: the offset, the biases and the product of the factors.

    A position of −1 is unknown; its bias and factors count as 0.

    Parameters
    ----------
    row_side, column_side : Side
        The factors and biases. With several samples, a row has the factors of all samples side by side, and
        one bias for each sample.
    n_samples : int
        The number of samples. Each gives a prediction, and the result is their mean.
    limits : tuple of float
        The range that each sample's prediction is clipped to.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    predicted = np.empty(len(rows), dtype=np.float32)
    _kernels.predict(
        np.ascontiguousarray(rows, dtype=np.int32),
        np.ascontiguousarray(columns, dtype=np.int32),
        row_side.factors,
        column_side.factors,
        None if row_side.biases is None else row_side.biases.reshape(-1, n_samples),
        None if column_side.biases is None else column_side.biases.reshape(-1, n_samples),
        n_samples,
        offset,
        *limits,
        predicted,
        n_threads,
    )
    return predicted
