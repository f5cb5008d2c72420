"""The row problem of rows of which something is expected before their ratings, such as by their features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matinee.ratings import Rows
from matinee.solving.row_problem import (
    Floats,
    Losses,
    Side,
    Terms,
    bordered_rows,
    no_precision,
    solve_rows,
)


def solve_towards(
    means: Floats | None,
    observed: Rows,
    fixed: Side,
    solved: Side,
    *,
    ridge: Floats,
    terms: Terms,
    n_threads: int,
    prior: NDArray[np.float64] | None = None,
    **how: Any,
) -> Losses:
    """Solve rows as `solve_rows` does, with ridges that pull each towards its mean in place of 0.

    Parameters
    ----------
    means : ndarray of float32, shape (1 or n_rows, n_factors + 1), or None
        The bias last. With None, this is `solve_rows`.
    more
        The parameters of `solve_rows`, but for its ``shift``.

    Returns
    -------
    Losses
        The penalty is still that of the distance from 0.
    """
    given: dict[str, Any] = {"ridge": ridge, "terms": terms, "n_threads": n_threads, **how}
    if means is None:
        return solve_rows(observed, fixed, solved, prior=prior, **given)
    prior = terms.prior(fixed, n_threads) if prior is None else prior
    prior = no_precision(solved) if prior is None else prior
    shift = ridge[:, None] * means
    losses = solve_rows(observed, fixed, solved, prior=prior, shift=shift, **given)
    # The kernel counts −2 shiftᵀx as part of the error.
    product = float(np.einsum("ij,ij->", bordered_rows(solved), shift, dtype=np.float64))
    return Losses(losses.squared_error + 2 * product, losses.penalty)
