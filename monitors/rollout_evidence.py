"""What is known of a champion and a challenger in one window: counts and sums which add exactly, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from monitors.cbpe import Estimate
from monitors.differences import Differences
from monitors.latency import LatencySketch
from monitors.performance import BINS, CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        events: Events that the challenger was given to score.
        errors: Those of them that it did not score.
        left_out: Events that it was not given, because too much waited, or of which the answer was lost: no errors.
        latency: Seconds that it took for the others.
        challenger_outputs: What the challenger said of one event of each match, drawn without regard to what was said:
            those of one match resemble each other.
        champion_outputs: What the champion said of the same events.
        challenger_pending: What the challenger's predictions should be worth by their own probabilities, of matches
            whose results have not come.
        champion_pending: The same of the champion.
        segments: The outcomes once more, by segment; empty where nobody asks.
    """

    outcomes: Differences = field(default_factory=Differences)
    events: int = 0
    errors: int = 0
    latency: LatencySketch = field(default_factory=LatencySketch)
    challenger_outputs: Cells = NO_CELLS
    champion_outputs: Cells = NO_CELLS
    challenger_pending: Estimate = field(default_factory=Estimate)
    champion_pending: Estimate = field(default_factory=Estimate)
    left_out: int = 0
    segments: Mapping[str, Differences] = field(default_factory=dict)

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
            self.left_out + other.left_out,
            by_segment(self.segments, other.segments),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values; whole numbers, which are exact, may be of any size."""
        return {
            "outcomes": list(self.outcomes.numbers),
            "events": self.events,
            "errors": self.errors,
            "left_out": self.left_out,
            "segments": {name: list(one.numbers) for name, one in self.segments.items()},
            "latency": self.latency.to_dict(),
            "challenger_outputs": list(self.challenger_outputs),
            "champion_outputs": list(self.champion_outputs),
            "challenger_pending": list(self.challenger_pending.numbers),
            "champion_pending": list(self.champion_pending.numbers),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Evidence:
        """Return the evidence that `to_dict` wrote."""
        return cls(
            Differences(tuple(fields["outcomes"])),
            fields["events"],
            fields["errors"],
            LatencySketch.from_dict(fields["latency"]),
            tuple(fields["challenger_outputs"]),
            tuple(fields["champion_outputs"]),
            Estimate(tuple(fields["challenger_pending"])),
            Estimate(tuple(fields["champion_pending"])),
            fields["left_out"],
            {name: Differences(tuple(numbers)) for name, numbers in fields["segments"].items()},
        )


def cells(chances: NDArray[np.float64]) -> Cells:
    """Return *chances*, probabilities of shape ``(n, 3)``, by class and bin."""
    places = np.minimum((chances * BINS).astype(np.intp), BINS - 1) + np.arange(CLASSES) * BINS
    return tuple(np.bincount(places.ravel(), minlength=_CELLS).tolist())


def added(first: Cells, second: Cells) -> Cells:
    """Return the counts of both."""
    return tuple(one + other for one, other in zip(first, second, strict=True))


def by_segment(first: Mapping[str, Differences], second: Mapping[str, Differences]) -> Mapping[str, Differences]:
    """Return the differences of both, by segment."""
    nothing = Differences()
    return {name: first.get(name, nothing) + second.get(name, nothing) for name in {**first, **second}}
