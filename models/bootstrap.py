"""How sure a difference between two forecasters is: paired bootstrap intervals.

Matches are drawn with replacement and both forecasters are judged on the same draw (Efron and Tibshirani 1993,
"An Introduction to the Bootstrap", chapter 13).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 2000
SEED: Final = 7
_AT_ONCE: Final = 2_000_000


def paired_interval(
    losses: NDArray[np.float64], others: NDArray[np.float64], *, level: float = 0.95, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the percentile interval of the mean of *losses* minus that of *others*.

    Args:
        losses: Of one forecaster, a match each, shape ``(n,)``, at least one.
        others: Of the other, on the same matches.
        level: Share of the draws inside of the interval.
        draws: How many; the same ones at each call.
    """
    differences = losses - others
    chance = np.random.default_rng(SEED)
    count = len(differences)
    means: list[NDArray[np.float64]] = []
    while (left := draws - sum(map(len, means))) > 0:
        some = min(left, max(1, _AT_ONCE // count))
        means.append(differences[chance.integers(0, count, (some, count))].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
