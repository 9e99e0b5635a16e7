"""Paired differences in log loss of two models, a match each, as counts and sums which add, and subtract, exactly.

The unit is a match: what is said of one match after its events is not independent, so that its differences become one
number, their mean. It is clipped, because a bound that is right at any time needs a bounded number. What was clipped is
kept beside, by how much and on which side: a difference of means with it is the one without clipping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import add, sub
from typing import TYPE_CHECKING

import numpy as np

from monitors.exact import mean, total
from monitors.performance import SMALLEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE = 8


@dataclass(frozen=True, slots=True)
class Differences:
    """Challenger's log loss less the champion's, of some matches; ``+`` and ``-`` are exact, in any order.

    Attributes:
        numbers: Matches; those clipped from above, from below; sums of what is above 0 and of what is below it (its
            size) after clipping; sum of the squares after clipping; sums of what was clipped above and below. Sums are
            in units of `monitors.exact`.
    """

    numbers: tuple[int, ...] = (0,) * _SIZE

    def __post_init__(self) -> None:
        """Refuse what is not laid out so."""
        if len(self.numbers) != _SIZE:
            raise ValueError(f"{len(self.numbers)} numbers are no differences, which have {_SIZE}")

    def __add__(self, other: Differences) -> Differences:
        return Differences(tuple(map(add, self.numbers, other.numbers)))

    def __sub__(self, other: Differences) -> Differences:
        return Differences(tuple(map(sub, self.numbers, other.numbers)))

    @property
    def matches(self) -> int:
        """Matches of which both models' losses are known."""
        return self.numbers[0]

    @property
    def clipped(self) -> int:
        """Those of them whose difference was clipped."""
        return self.numbers[1] + self.numbers[2]

    @property
    def mean(self) -> float:
        """Mean after clipping, in nats; ZeroDivisionError without a match."""
        return mean(self.numbers[3] - self.numbers[4], self.matches)

    @property
    def squares(self) -> float:
        """Sum of the squares after clipping, in nats squared."""
        return mean(self.numbers[5], 1)

    @property
    def cut_above(self) -> float:
        """What clipping took from the mean where the challenger was much the worse, in nats, from 0 on."""
        return mean(self.numbers[6], self.matches)

    @property
    def cut_below(self) -> float:
        """What clipping took from the mean where it was much the better, in nats, from 0 on."""
        return mean(self.numbers[7], self.matches)


def differences(of_matches: NDArray[np.float64], clip: float) -> Differences:
    """Return *of_matches*, a difference for each match in nats, shape ``(n,)``, clipped to ``-clip .. clip``.

    >>> differences(np.array([0.25, -1.5]), 0.5).mean
    -0.125
    """
    within = np.clip(of_matches, -clip, clip)
    beyond = of_matches - within
    parts = (_above(within), _above(-within), within**2, _above(beyond), _above(-beyond))
    counts = (len(of_matches), int((beyond > 0).sum()), int((beyond < 0).sum()))
    return Differences((*counts, *map(total, parts)))


def match_difference(challenger: NDArray[np.float64], champion: NDArray[np.float64], came: int) -> float:
    """Return the challenger's mean log loss less the champion's over the predictions of one match, in nats.

    Args:
        challenger: Probabilities, shape ``(n, 3)``, at least one row.
        champion: Of the same events, same shape; ValueError for another one.
        came: Index of the class that came.
    """
    if challenger.shape != champion.shape or len(champion) == 0:
        raise ValueError(f"predictions of shape {challenger.shape} and {champion.shape} are not of the same events")
    pairs = zip(challenger[:, came].tolist(), champion[:, came].tolist(), strict=True)
    # The logarithm is math's, as in monitors.performance.
    return math.fsum(math.log(max(theirs, SMALLEST) / max(ours, SMALLEST)) for ours, theirs in pairs) / len(champion)


def _above(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(values, 0.0)
