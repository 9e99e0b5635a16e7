"""Windows of a roll-out made for a proof: what the gate is told of made matches, one window after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from monitors.cbpe import Estimate, estimated
from monitors.differences import Differences, differences
from monitors.latency import LatencySketch
from monitors.made_matches import MOMENTS, MadeMatches, made_matches
from monitors.rollout_evidence import Evidence, cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

SEGMENTS = ("A", "B", "C", "D")
_CHUNK = 50  # windows that are made in one go
_ERROR_RATE = 1e-4
_MEDIAN_SECONDS, _SECONDS_SPREAD = 0.008, 0.6  # of a log-normal: p99 is 32 ms


@dataclass(frozen=True, slots=True)
class Window:
    """One window: *outcomes* of the matches before it, and what was said of its own, ``(matches, events, 3)``.

    Of each match the event *drawn* is compared.
    """

    outcomes: Mapping[str, Differences]
    challenger: NDArray[np.float64]
    champion: NDArray[np.float64]
    drawn: NDArray[np.int64]
    errors: int
    seconds: NDArray[np.float64]

    def evidence(self, *, estimate: bool) -> Evidence:
        """Return what the gate is told of it; *estimate* also what the predictions expect of themselves."""
        latency = LatencySketch()
        latency.update_many(self.seconds)
        matches, events, _ = self.challenger.shape
        both = self.challenger, self.champion
        ours, theirs = (cells(said[np.arange(matches), self.drawn]) for said in both)
        return Evidence(
            sum(self.outcomes.values(), Differences()),
            matches * events,
            self.errors,
            latency,
            ours,
            theirs,
            *((_estimate(self.challenger), _estimate(self.champion)) if estimate else (Estimate(), Estimate())),
            segments=self.outcomes,
        )

    @property
    def matches_by_segment(self) -> Sequence[int]:
        """How many of its own matches are of each of SEGMENTS."""
        return [len(self.drawn[number :: len(SEGMENTS)]) for number in range(len(SEGMENTS))]


def _estimate(said: NDArray[np.float64]) -> Estimate:
    """Return what matches of equally many events expect of themselves, estimated in one go."""
    return estimated(said.reshape(-1, said.shape[2]), len(said))


def windows(
    matches: int, noises: Sequence[tuple[float, float]], clip: float, chance: np.random.Generator
) -> Iterator[Window]:
    """Give windows without end: the results of a window's matches come in the next.

    The matches of a window are of SEGMENTS in turn; with two *noises* those of every second one are of the second.
    """
    before: Mapping[str, Differences] = {}
    for _ in count():
        made = _in_turn([made_matches(matches * _CHUNK, one, chance) for one in noises], matches)
        known = made.differences
        for start in range(0, matches * _CHUNK, matches):
            these = slice(start, start + matches)
            drawn = chance.integers(0, len(MOMENTS), matches)
            events = matches * len(MOMENTS)
            errors = int(chance.binomial(events, _ERROR_RATE))
            seconds = chance.lognormal(np.log(_MEDIAN_SECONDS), _SECONDS_SPREAD, events - errors)
            yield Window(before, made.challenger[these], made.champion[these], drawn, errors, seconds)
            now = known[these]
            before = {name: differences(now[place :: len(SEGMENTS)], clip) for place, name in enumerate(SEGMENTS)}


def _in_turn(made: Sequence[MadeMatches], matches: int) -> MadeMatches:
    """Return the matches of the one, or of two in turn within each window of so many *matches*."""
    if len(made) == 1:
        return made[0]
    second = np.arange(len(made[0].came)) % matches % 2 == 1
    wide = second[:, None, None]
    return MadeMatches(
        np.where(second, made[1].came, made[0].came),
        *(
            np.where(wide, getattr(made[1], name), getattr(made[0], name))
            for name in ("right", "challenger", "champion")
        ),
    )
