"""How much a chain of dependent samples is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def effective_sample_size(chain: Sequence[float]) -> float:
    """How many independent samples say as much of the mean as these.

    ``n / (1 + 2 Σ ρ_t)``, the autocorrelations ρ summed in pairs for as long as these are positive (Geyer
    1992). A chain that still drifts has few.

    Parameters
    ----------
    chain : sequence of float, shape (n,)
        A figure of each sample, in order.
    """
    values = np.asarray(chain, dtype=np.float64)
    n = len(values)
    if n < 4 or not values.std() > 0:
        return float(n)
    centred = values - values.mean()
    # By the fast Fourier transform, padded so that the ends do not meet: chains may be long.
    spectrum = np.fft.rfft(centred, 2 * n)
    covariances = np.fft.irfft(spectrum * spectrum.conj(), 2 * n)[:n]
    correlations = covariances / covariances[0]
    pairs = correlations[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    positive = pairs[: int(np.argmax(pairs <= 0))] if (pairs <= 0).any() else pairs
    return float(n / max(1.0, 2 * positive.sum() - 1))
