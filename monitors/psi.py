"""Population stability index of two histograms, and what chance alone would make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SMOOTHING = 0.5  # of a value, in each bin of both sides: no logarithm of zero, no invented 1e-308
MIN_MATCHES = 500
MIN_MATCHES_PER_BIN = 50


def psi(current: ArrayLike, reference: ArrayLike) -> float:
    """Return the population stability index, 0 for equal shares, from whole counts of the same bins.

    sum((p - q) * ln(p / q)) over the bins that at least one side uses; an unused bin says nothing, yet smoothing would
    give it different shares where n differs. Raises ValueError when one side is empty.

    >>> round(psi([30, 70], [50, 50]), 3)
    0.166
    """
    mine, theirs = used_bins(current, reference)
    p, q = _shares(mine), _shares(theirs)
    return float(np.sum((p - q) * np.log(p / q)))


def psi_null_mean(n: int, reference_n: int, bins: int) -> float:
    """Return the mean of the PSI when nothing has changed: ``(1/n + 1/N) (bins - 1)``.

    >>> round(psi_null_mean(500, 10_000, 10), 4)
    0.0189
    """
    return (1 / n + 1 / reference_n) * (bins - 1)


def psi_p_value(value: float, n: int, reference_n: int, bins: int) -> float:
    """Return the chance of a PSI this high when nothing has changed.

    Under no drift PSI is about ``(1/n + 1/N)`` times a chi2 of ``bins - 1`` degrees of freedom (Yurdakul 2018).
    """
    if bins <= 1:
        return 1.0
    return float(chdtrc(bins - 1, value / (1 / n + 1 / reference_n)))


def matches_needed(reference: ArrayLike) -> int:
    """Return the fewest matches that allow a verdict: 500, or 50 for each bin the reference uses.

    Only the reference's bins count: a window in which values go missing must not need more matches for it.
    """
    return max(MIN_MATCHES, MIN_MATCHES_PER_BIN * int(np.count_nonzero(np.asarray(reference))))


def used_bins(current: ArrayLike, reference: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both sides' counts without the bins that are empty in both; ValueError when a side is empty."""
    mine, theirs = np.asarray(current, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if mine.shape != theirs.shape or mine.ndim != 1:
        raise ValueError(f"counts of different bins: {mine.shape} and {theirs.shape}")
    if mine.sum() == 0 or theirs.sum() == 0:
        raise ValueError(f"nothing to compare: {mine.sum():.0f} values against {theirs.sum():.0f}")
    used = (mine + theirs) > 0
    return mine[used], theirs[used]


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = (values + SMOOTHING) / (values.sum() + SMOOTHING * values.size)
    return shares
