"""One side of a chain: its rows, drawn given the other side, and the distribution that they come from."""

from __future__ import annotations

import numpy as np

from matinee.models.bayes.hyperprior import RowPrior, draw_row_prior
from matinee.models.bayes.row_posterior import solve_under_prior
from matinee.models.features.feature_regression import FeatureRegression
from matinee.ratings import Rows
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import Floats, SecondRows, Side, Solver, gram, rows_of


class SampledSide:
    """One side of a chain: the last draw of its rows, and the distribution that the rows come from.

    Parameters
    ----------
    observed : Rows
        The ratings of the side.
    side : Side
        The start of the chain; every draw is written into it.
    regression : FeatureRegression or None
        The regression on features; None without any.
    scale : float
        A typical difference between ratings. A rating is a product of two factors, so a factor is about as
        large as the square root of the scale.
    """

    def __init__(
        self, observed: Rows, side: Side, regression: FeatureRegression | None, scale: float, n_threads: int
    ) -> None:
        self.observed = observed
        self.side = side
        self.regression = regression
        self.scales = row_scales(side.factors.shape[1], scale)
        self.n_threads = n_threads
        self.prior = RowPrior(np.zeros(0), np.zeros((0, 0)))
        self._offsets: Floats | None = None

    def draw_prior(self, generator: np.random.Generator) -> None:
        """Draw the mean and precision of the rows, and β of the regression, given the rows."""
        rows = rows_of(self.side)
        if self.regression is None:
            total = rows.sum(axis=0, dtype=np.float64)
            squares = gram(rows, self.n_threads)
            self.prior = draw_row_prior(generator, len(rows), total, squares, scales=self.scales)
            return
        residual = rows if self._offsets is None else rows - self._offsets
        self.prior = draw_row_prior(
            generator,
            len(rows),
            residual.sum(axis=0, dtype=np.float64),
            gram(residual, self.n_threads),
            scales=self.scales,
            n_more=len(self.regression.weights),
            scatter=self.regression.scatter,
        )
        self.regression.draw(generator, rows - self.prior.mean, self.prior.precision)
        self._offsets = self.regression.means

    @property
    def prior_means(self) -> Doubles:
        """The prior means of the rows; shape (n, d), or (1, d) if they are the same for all rows."""
        mean = self.prior.mean[None, :]
        return mean if self._offsets is None else mean + self._offsets

    def draw(
        self,
        fixed: Side,
        offset: float,
        noise_precision: float,
        seed: int,
        row_errors: Doubles | None = None,
        second: SecondRows | None = None,
    ) -> float:
        """Draw the rows given the other side and their prior, and return their squared error.

        Parameters
        ----------
        row_errors : ndarray of float64, shape (n_rows,), optional
            Takes the squared error of each row.
        second : SecondRows, optional
            The third side: the other row of every rating.
        """
        losses, prior, shift = solve_under_prior(
            self.observed,
            fixed,
            self.side,
            precision=self.prior.precision,
            means=self.prior_means,
            noise_precision=noise_precision,
            offset=offset,
            n_threads=self.n_threads,
            solver=Solver(spread=1.0, seed=seed),
            row_errors=row_errors,
            second=second,
        )
        if row_errors is not None:
            return float(row_errors.sum())
        rows = rows_of(self.side)
        of_prior = float(np.sum(prior * gram(rows, self.n_threads)))
        of_shift = (
            float(np.sum(rows.sum(axis=0, dtype=np.float64) * shift[0]))
            if len(shift) == 1
            else float(np.einsum("ij,ij->", rows, shift, dtype=np.float64))
        )
        return losses.squared_error - of_prior + 2 * of_shift


def row_scales(n_factors: int, scale: float) -> Doubles:
    """The typical sizes of a row's numbers, the bias last; ``scale`` is as in `SampledSide`."""
    return np.append(np.full(n_factors, np.sqrt(scale)), scale)
