"""The number of independent samples that a chain of dependent samples is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def effective_sample_size(chain: Sequence[float]) -> float:
    """The number of independent samples that would estimate the mean as well as these.

    It is ``n / (1 + 2 Σ ρ_t)``; the autocorrelations ρ are summed in pairs as long as the sums of pairs are
    positive (Geyer 1992). The number is small for a chain that still drifts.

    Parameters
    ----------
    chain : sequence of float, shape (n,)
        One figure of each sample, in order.
    """
    values = np.asarray(chain, dtype=np.float64)
    n = len(values)
    if n < 4 or not values.std() > 0:
        return float(n)
    centred = values - values.mean()
    # The fast Fourier transform is fast for long chains; the padding keeps their two ends apart.
    spectrum = np.fft.rfft(centred, 2 * n)
    covariances = np.fft.irfft(spectrum * spectrum.conj(), 2 * n)[:n]
    correlations = covariances / covariances[0]
    pairs = correlations[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    positive = pairs[: int(np.argmax(pairs <= 0))] if (pairs <= 0).any() else pairs
    return float(n / max(1.0, 2 * positive.sum() - 1))
