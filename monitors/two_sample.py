"""The classic tests beside PSI, from the same histograms, and what to do with many p-values at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtrc, kolmogorov

from monitors.psi import used_bins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Evidence(NamedTuple):
    """A statistic and the chance of one this high when nothing has changed."""

    statistic: float
    p_value: float


def kolmogorov_smirnov(current: ArrayLike, reference: ArrayLike) -> Evidence:
    """Return the largest difference of the two distribution functions at the bins' edges.

    Counts of ordered bins, without the one for missing values. Between the edges the functions may differ more, so the
    p-value (Kolmogorov's limit) is on the safe side. An empty side gives 0 and 1.
    """
    mine, theirs = np.asarray(current, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    n, m = float(mine.sum()), float(theirs.sum())
    if n == 0 or m == 0:
        return Evidence(0.0, 1.0)
    distance = float(np.max(np.abs(np.cumsum(mine) / n - np.cumsum(theirs) / m)))
    return Evidence(distance, float(kolmogorov(distance * np.sqrt(n * m / (n + m)))))


def chi_square(current: ArrayLike, reference: ArrayLike) -> Evidence:
    """Return Pearson's chi2 of homogeneity of two rows of counts, without continuity correction.

    Bins empty on both sides are left out; with one bin left nothing can differ: 0 and 1.
    """
    table = np.stack(used_bins(current, reference))
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    freedom = table.shape[1] - 1
    return Evidence(statistic, float(chdtrc(freedom, statistic)) if freedom else 1.0)


def benjamini_hochberg(p_values: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Return which p-values are significant when at most *level* of those found may be false, same shape.

    >>> benjamini_hochberg([0.01, 0.04, 0.5], level=0.05).tolist()
    [True, False, False]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not 0 < level < 1:
        raise ValueError(f"a false discovery rate is between 0 and 1, not {level}")
    if values.size == 0:
        return np.zeros(0, dtype=np.bool_)
    ranked = np.sort(values)
    passes = ranked <= level * np.arange(1, values.size + 1) / values.size
    limit = ranked[passes].max() if passes.any() else -1.0
    return values <= limit
