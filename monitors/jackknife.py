"""How sure a mean is whose values come in groups that belong together, as the predictions of one day.

The delete-one jackknife for a ratio of sums (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter
11): each group is left out once, and the interval follows from how far the ratio then moves, by Student's t.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEAST_GROUPS: Final = 5


def ratio_interval(sums: ArrayLike, counts: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the sum of *sums* over the sum of *counts*; None with fewer than LEAST_GROUPS groups.

    Args:
        sums: Of each group, shape ``(n,)``.
        counts: How many values are in each, above 0.
        level: How often such an interval holds the truth.
    """
    total, size = np.asarray(sums, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    groups = len(total)
    if groups < LEAST_GROUPS:
        return None
    without = (total.sum() - total) / (size.sum() - size)
    error = sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(groups - 1, (1 + level) / 2)) * error
    ratio = float(total.sum() / size.sum())
    return ratio - half, ratio + half
