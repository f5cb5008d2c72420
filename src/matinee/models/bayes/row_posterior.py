"""Rows given their ratings and the distribution that they come from: solved, or drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from matinee.ratings import Rows
from matinee.solving.draws import Doubles
from matinee.solving.row_problem import (
    Floats,
    Losses,
    SecondRows,
    Side,
    Solver,
    Terms,
    rows_of,
    solve_rows,
)


def solve_under_prior(
    observed: Rows,
    fixed: Side,
    solved: Side,
    *,
    precision: Doubles,
    means: Doubles,
    noise_precision: float,
    offset: float,
    n_threads: int,
    solver: Solver,
    row_errors: Doubles | None = None,
    second: SecondRows | None = None,
) -> tuple[Losses, Doubles, Floats]:
    """Solve or draw rows that are normal around their prior means, given ratings with noise.

    The row problem is that of the posterior, divided by the noise precision.

    Parameters
    ----------
    precision : ndarray of float64, shape (d, d)
        The precision of the prior.
    means : ndarray of float64, shape (1 or n_rows, d)
        The means of the prior.
    noise_precision : float
        The precision of a single rating.
    solver : Solver
        With a spread of 1, rows are drawn and not solved.
    row_errors : ndarray of float64, shape (n_rows,), optional
        Takes the squared error of each row, without the terms of the prior.
    second : SecondRows, optional
        A second row beside the fixed one of every rating, such as that of its context.

    Returns
    -------
    Losses
    ndarray, ndarray
        The prior and the shift of the row problem; the squared error includes their terms.
    """
    prior = precision / noise_precision
    shift = (means @ prior).astype(np.float32)
    losses = solve_rows(
        observed,
        fixed,
        solved,
        ridge=np.zeros(len(solved.factors), dtype=np.float32),
        terms=Terms(offset=offset),
        n_threads=n_threads,
        solver=replace(solver, spread=solver.spread / float(np.sqrt(noise_precision))),
        prior=prior,
        shift=shift,
        row_errors=row_errors,
        second=second,
    )
    if row_errors is not None:
        _take_off_prior(row_errors, rows_of(solved).astype(np.float64), prior, shift)
    return losses, prior, shift


def _take_off_prior(errors: Doubles, rows: Doubles, prior: Doubles, shift: Floats) -> None:
    """Take the terms xᵀ·prior·x − 2 shiftᵀx off the errors of rows; rounding may not make one negative."""
    errors -= np.einsum("ij,ij->i", rows @ prior, rows)
    errors += 2 * np.einsum("ij,ij->i", rows, np.broadcast_to(shift, rows.shape))
    np.maximum(errors, 0.0, out=errors)
