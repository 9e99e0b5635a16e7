"""How good probabilities were, once it is known which class came: counts and sums which add exactly.

The classes have an order (home, draw, away), which the ranked probability score needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import add, sub
from typing import TYPE_CHECKING

import numpy as np

from monitors.exact import mean, total, totals, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLASSES = 3
BINS = 10
SMALLEST = 1e-15  # a probability below it counts as this: one impossible result must not make a mean infinite
_CELLS = CLASSES * CLASSES
_SUMS = 5
_PER_CLASS = BINS * 3
_SIZE = _SUMS + _CELLS + CLASSES * _PER_CLASS

Costs = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
"""What it costs to say a class (row) when another (column) comes."""

ZERO_ONE: Costs = ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Performance:
    """What predictions of some matches were worth; ``+`` and ``-`` are exact.

    Attributes:
        numbers: Matches, predictions, sums of log loss, RPS and Brier score, the confusion matrix row by row (said,
            came), and of each class and bin: predictions, how often it came, sum of its probabilities. Sums are in
            units of `monitors.exact`.
    """

    numbers: tuple[int, ...] = (0,) * _SIZE

    def __post_init__(self) -> None:
        """Refuse what is not laid out so."""
        if len(self.numbers) != _SIZE:
            raise ValueError(f"{len(self.numbers)} numbers are no performance, which has {_SIZE}")

    def __add__(self, other: Performance) -> Performance:
        return Performance(tuple(map(add, self.numbers, other.numbers)))

    def __sub__(self, other: Performance) -> Performance:
        return Performance(tuple(map(sub, self.numbers, other.numbers)))

    @property
    def matches(self) -> int:
        """Matches with a prediction that is judged."""
        return self.numbers[0]

    @property
    def predictions(self) -> int:
        """Predictions that are judged."""
        return self.numbers[1]

    @property
    def confusion(self) -> tuple[int, ...]:
        """How often which class was the likeliest (row) and which came (column), row by row."""
        return self.numbers[_SUMS : _SUMS + _CELLS]

    def bins(self, one: int) -> list[tuple[int, int, int]]:
        """Return of each bin of class *one*: predictions, how often it came, sum of its probabilities in units."""
        start = _SUMS + _CELLS + one * _PER_CLASS
        return [self.numbers[at : at + 3] for at in range(start, start + _PER_CLASS, 3)]  # type: ignore[misc] # three each


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over predictions.

    Attributes:
        log_loss: In nats.
        rps: Ranked probability score, 0 to 1 (Epstein 1969).
        brier: Sum over the classes, 0 to 2.
        accuracy: Share of predictions whose likeliest class came; of equal ones the first counts.
        ece: Expected calibration error of each class, in BINS bins of equal width.
    """

    log_loss: float
    rps: float
    brier: float
    accuracy: float
    ece: tuple[float, ...]

    @property
    def mean_ece(self) -> float:
        """Mean over the classes."""
        return math.fsum(self.ece) / len(self.ece)


def judged(chances: NDArray[np.float64], came: int) -> Performance:
    """Return what the predictions of one match were worth, of which class *came* came.

    Args:
        chances: Probabilities, shape ``(n, 3)``; where n is 0, so is all.
        came: Index of the class.
    """
    if len(chances) == 0:
        return Performance()
    # The logarithm is math's: numpy's may depend on where in a vector a value stands.
    losses = np.array([-math.log(max(chance, SMALLEST)) for chance in chances[:, came].tolist()])
    gaps = chances - np.eye(CLASSES)[came]
    rps = (gaps.cumsum(axis=1)[:, :-1] ** 2).sum(axis=1) / (CLASSES - 1)
    brier = (gaps**2).sum(axis=1)
    cells = np.bincount(chances.argmax(axis=1) * CLASSES + came, minlength=_CELLS)
    bins = [number for one in range(CLASSES) for number in _bins(chances[:, one], came=one == came)]
    sums = (1, len(chances), total(losses), total(rps), total(brier))
    return Performance((*sums, *cells.tolist(), *bins))


def _bins(chances: NDArray[np.float64], *, came: bool) -> list[int]:
    places = np.minimum((chances * BINS).astype(np.intp), BINS - 1)
    counts, sums = np.bincount(places, minlength=BINS).tolist(), totals(chances, places, BINS)
    return [number for count, of in zip(counts, sums, strict=True) for number in (count, count * int(came), of)]


def scores(found: Performance) -> Scores | None:
    """Return the means of *found*; None without a prediction."""
    n = found.predictions
    if n == 0:
        return None
    log_loss, rps, brier = (mean(one, n) for one in found.numbers[2:_SUMS])
    right = sum(found.confusion[one * CLASSES + one] for one in range(CLASSES))
    ece = tuple(
        mean(sum(abs(chance - whole(came)) for _, came, chance in found.bins(one)), n) for one in range(CLASSES)
    )
    return Scores(log_loss, rps, brier, right / n, ece)


def mean_cost(confusion: Sequence[int], costs: Costs) -> float | None:
    """Return what it cost a prediction, on the mean, to say the likeliest class; None without a prediction.

    >>> mean_cost((3, 0, 0, 0, 0, 0, 1, 0, 0), ZERO_ONE)
    0.25
    """
    flat = [cost for row in costs for cost in row]
    n = sum(confusion)
    return math.fsum(count * cost for count, cost in zip(confusion, flat, strict=True)) / n if n else None
