"""What is known of a champion and a challenger in one window: counts and sums which add exactly, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from monitors.cbpe import Estimate
from monitors.differences import Differences
from monitors.latency import LatencySketch
from monitors.performance import BINS, CLASSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELLS = CLASSES * BINS
Cells = tuple[int, ...]
"""Matches by class and, of each, by bin of its probability in one prediction, in BINS bins of equal width."""

NO_CELLS: Cells = (0,) * _CELLS


@dataclass(frozen=True, slots=True)
class Evidence:
    """What both models did with the same events; ``+`` is exact.

    Attributes:
        outcomes: Of matches whose results have come; what a corrected result changes may be subtracted.
        events: Events that the challenger was to score.
        errors: Those of them that it did not score.
        latency: Seconds that it took for the others.
        challenger_outputs: What the challenger said of one event of each match, drawn without regard to what was said:
            those of one match resemble each other.
        champion_outputs: What the champion said of the same events.
        challenger_pending: What the challenger's predictions should be worth by their own probabilities, of matches
            whose results have not come.
        champion_pending: The same of the champion.
    """

    outcomes: Differences = field(default_factory=Differences)
    events: int = 0
    errors: int = 0
    latency: LatencySketch = field(default_factory=LatencySketch)
    challenger_outputs: Cells = NO_CELLS
    champion_outputs: Cells = NO_CELLS
    challenger_pending: Estimate = field(default_factory=Estimate)
    champion_pending: Estimate = field(default_factory=Estimate)

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            self.outcomes + other.outcomes,
            self.events + other.events,
            self.errors + other.errors,
            self.latency + other.latency,
            added(self.challenger_outputs, other.challenger_outputs),
            added(self.champion_outputs, other.champion_outputs),
            self.challenger_pending + other.challenger_pending,
            self.champion_pending + other.champion_pending,
        )


def cells(chances: NDArray[np.float64]) -> Cells:
    """Return *chances*, probabilities of shape ``(n, 3)``, by class and bin."""
    places = np.minimum((chances * BINS).astype(np.intp), BINS - 1) + np.arange(CLASSES) * BINS
    return tuple(np.bincount(places.ravel(), minlength=_CELLS).tolist())


def added(first: Cells, second: Cells) -> Cells:
    """Return the counts of both."""
    return tuple(one + other for one, other in zip(first, second, strict=True))
