"""How often what was forecast came true, and what was most surprising."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.predictors import CLASSES, Probabilities
from models.scores import log_losses

BINS: Final = 10
_Z: Final = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about the same probability.

    Attributes:
        forecast: Their mean.
        frequency: How often what they said came true.
        low: Of the 95 % interval of the frequency (Wilson 1927); so for high.
        n: How many.
    """

    forecast: float
    frequency: float
    low: float
    high: float
    n: int


def reliability(chances: NDArray[np.float32], happened: NDArray[np.bool_]) -> list[Bin]:
    """Return the bins of *chances*, of equal width, without those that are empty; both have shape ``(n,)``."""
    places = np.minimum((chances * BINS).astype(int), BINS - 1)
    bins = []
    for place in np.unique(places):
        chosen = places == place
        n, hits = int(chosen.sum()), int(happened[chosen].sum())
        bins.append(Bin(float(chances[chosen].astype(np.float64).mean()), hits / n, *wilson(hits, n), n))
    return bins


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a frequency of *hits* in *n*.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    share, spread = hits / n, _Z**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) / n + spread / (4 * n)) * _Z / (1 + spread)
    return centre - half, centre + half


def confusion(said: Probabilities, results: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often the most probable result (row) and the result (column) were which, shape ``(3, 3)``."""
    size = len(CLASSES)
    counts = np.bincount(said.argmax(axis=1) * size + results, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64)


def worst_misses(said: Probabilities, results: NDArray[np.int64], most: int) -> Sequence[int]:
    """Return the places of the *most* rows with the highest log loss, the highest first."""
    losses = log_losses(said, results)
    return [int(place) for place in np.argsort(-losses, kind="stable")[:most]]
