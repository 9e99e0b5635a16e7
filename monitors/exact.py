"""Sums of fractions that add, and subtract, exactly: whole numbers of 2**-64.

A sum of floats depends on its order, so that two workers, or one that fell and began anew, would not tell the same
figures. Here each value is cut off once, by less than 2**-64 (5e-20), and from there on all is arithmetic of whole
numbers: any order and grouping gives the same sum, and what was added can be taken out again without a trace, as a
corrected result needs. `math.fsum` would be as exact, but only over values that are all kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BITS = 64
_UNITS = 2.0**_BITS


def units(value: float) -> int:
    """Return *value*, which is finite, in units of 2**-64; a product with a power of two is exact.

    >>> units(0.5) == 2**63
    True
    """
    return int(value * _UNITS)


def total(values: Iterable[float]) -> int:
    """Return the sum of *values* in units of 2**-64."""
    return sum(map(units, values))


def whole(count: int) -> int:
    """Return *count* in units of 2**-64."""
    return count << _BITS


def mean(sum_of_units: int, n: int) -> float:
    """Return the mean of *n* values with that sum, correctly rounded.

    >>> mean(total([0.25, 0.5]), 2)
    0.375
    """
    return sum_of_units / whole(n)
