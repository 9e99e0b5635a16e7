"""Sums of fractions that add, and subtract, exactly: whole numbers of 2**-64.

A sum of floats depends on its order, so that two workers, or one that fell and began anew, would not tell the same
figures. Here each value is cut off once, by less than 2**-64 (5e-20), and from there on all is arithmetic of whole
numbers: any order and grouping gives the same sum, and what was added can be taken out again without a trace, as a
corrected result needs. `math.fsum` would be as exact, but only over values that are all kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 64
_HALF = 32


def total(values: NDArray[np.float64]) -> int:
    """Return the sum of *values*, any shape, in units of 2**-64; they are from 0 on, and their sum is below 2**31.

    >>> total(np.array([0.25, 0.25])) == 2**63
    True
    """
    high, low = _halves(values)
    return (int(high.sum()) << _HALF) + int(low.sum())


def totals(values: NDArray[np.float64], places: NDArray[np.intp], size: int) -> list[int]:
    """Return the sums, as `total` does, of those of *values* at each of *size* places; both have the same shape."""
    # Sums of whole numbers below 2**53 are exact as floats, too: a million values of a half.
    halves = (np.bincount(places.ravel(), one.ravel(), size).astype(np.int64) for one in _halves(values))
    return [(high << _HALF) + low for high, low in zip(*(one.tolist() for one in halves), strict=True)]


def _halves(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return whole numbers of 2**-32, and of 2**-64 for what is left; products with a power of two are exact."""
    scaled = values * 2.0**_HALF
    high = np.floor(scaled)
    return high.astype(np.int64), ((scaled - high) * 2.0**_HALF).astype(np.int64)


def whole(count: int) -> int:
    """Return *count* in units of 2**-64."""
    return count << _BITS


def mean(sum_of_units: int, n: int) -> float:
    """Return the mean of *n* values with that sum, correctly rounded.

    >>> mean(total(np.array([0.25, 0.5])), 2)
    0.375
    """
    return sum_of_units / whole(n)
