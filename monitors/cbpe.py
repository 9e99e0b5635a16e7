"""How good predictions should be, by their own probabilities, before anybody knows what came.

Confidence-based performance estimation: if the probabilities are calibrated, a class comes as often as they say, so
that the expected value of any score is its mean over the classes, weighed by their probabilities. Of accuracy that is
the mean highest probability. What is estimated and what comes true differ where the model is not calibrated any more,
or where the world has changed; no estimate can see that the relation of features and results has changed.

The probabilities are taken as published: no calibrator is fitted here. They are scaled to a sum of 1 as weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import add, sub
from typing import TYPE_CHECKING

import numpy as np

from monitors.exact import mean, total, totals
from monitors.performance import CLASSES, SMALLEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUMS = 6
_SIZE = _SUMS + CLASSES * CLASSES


@dataclass(frozen=True, slots=True)
class Estimate:
    """What predictions of some matches should be worth; ``+`` and ``-`` are exact.

    Attributes:
        numbers: Matches, predictions, sums of the expected accuracy, log loss, RPS and Brier score, and the expected
            confusion matrix row by row (said, comes). Sums are in units of `monitors.exact`.
    """

    numbers: tuple[int, ...] = (0,) * _SIZE

    def __post_init__(self) -> None:
        """Refuse what is not laid out so."""
        if len(self.numbers) != _SIZE:
            raise ValueError(f"{len(self.numbers)} numbers are no estimate, which has {_SIZE}")

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(tuple(map(add, self.numbers, other.numbers)))

    def __sub__(self, other: Estimate) -> Estimate:
        return Estimate(tuple(map(sub, self.numbers, other.numbers)))

    @property
    def matches(self) -> int:
        """Matches with a prediction."""
        return self.numbers[0]

    @property
    def predictions(self) -> int:
        """Predictions."""
        return self.numbers[1]


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected means over predictions; see monitors.performance.Scores.

    Attributes:
        confusion: Expected number of predictions by said (row) and coming (column) class, row by row.
    """

    accuracy: float
    log_loss: float
    rps: float
    brier: float
    confusion: tuple[float, ...]


def estimated(chances: NDArray[np.float64], matches: int = 1) -> Estimate:
    """Return what the predictions of one match, or of so many, should be worth; *chances* have shape ``(n, 3)``."""
    if len(chances) == 0:
        return Estimate()
    weights = chances / chances.sum(axis=1, keepdims=True)
    losses = np.array([-math.log(max(chance, SMALLEST)) for chance in chances.ravel().tolist()])
    log_loss = (weights * losses.reshape(-1, CLASSES)).sum(axis=1)
    gaps = chances[:, None, :] - np.eye(CLASSES)  # of prediction, coming class, class
    rps = (weights * (gaps.cumsum(axis=2)[:, :, :-1] ** 2).sum(axis=2)).sum(axis=1) / (CLASSES - 1)
    brier = (weights * (gaps**2).sum(axis=2)).sum(axis=1)
    said = chances.argmax(axis=1)
    accuracy = weights[np.arange(len(said)), said]
    sums = [total(one) for one in (accuracy, log_loss, rps, brier)]
    cells = totals(weights, said[:, None] * CLASSES + np.arange(CLASSES), CLASSES * CLASSES)
    return Estimate((matches, len(chances), *sums, *cells))


def expected(found: Estimate) -> Expected | None:
    """Return the means of *found*; None without a prediction."""
    n = found.predictions
    if n == 0:
        return None
    accuracy, log_loss, rps, brier = (mean(one, n) for one in found.numbers[2:_SUMS])
    return Expected(accuracy, log_loss, rps, brier, tuple(mean(one, 1) for one in found.numbers[_SUMS:]))
