"""What one match adds to the figures of its day, by model and segment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from monitors.cbpe import Estimate, estimated
from monitors.performance import Performance, judged
from streams.monitoring.parts import ModelKey
from streams.performance.match import Forecasts, JudgedMatch, uninformed

ALL: Final = "all"
PRE_MATCH: Final = "pre-match"
STARTS: Final = (0, 15, 30, 45, 60, 75, 85)  # minutes at which the backtest judges; a band goes up to the next
BANDS: Final = (
    PRE_MATCH,
    *(f"{first}-{end - 1}" for first, end in pairwise(STARTS)),
    f"{STARTS[-1]}+",
)
MINUTE, COMPETITION = "minute=", "competition="


@dataclass(frozen=True, slots=True)
class Content:
    """What is counted of one model, day and segment; ``+`` and ``-`` are exact.

    Attributes:
        judged: Predictions whose match has an outcome, made before anybody knew it.
        expected: What the same predictions expected of themselves.
        pending: What those of matches without an outcome expect.
        informed: Predictions which are not judged, since they followed a FULL_TIME.
        cancelled: Matches which were cancelled.
        late: Matches whose outcome came after their day had closed.
    """

    judged: Performance = field(default_factory=Performance)
    expected: Estimate = field(default_factory=Estimate)
    pending: Estimate = field(default_factory=Estimate)
    informed: int = 0
    cancelled: int = 0
    late: int = 0

    def __add__(self, other: Self) -> "Content":
        return Content(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __sub__(self, other: Self) -> "Content":
        return Content(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "judged": self.judged.numbers,
            "expected": self.expected.numbers,
            "pending": self.pending.numbers,
            "counts": (self.informed, self.cancelled, self.late),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Content":
        """Return what `to_dict` wrote; ValueError, TypeError or LookupError for anything else."""
        informed, cancelled, late = map(int, plain["counts"])
        judged_ones, expected, pending = (tuple(map(int, plain[one])) for one in ("judged", "expected", "pending"))
        return cls(Performance(judged_ones), Estimate(expected), Estimate(pending), informed, cancelled, late)


Contents = Mapping[tuple[ModelKey, str], Content]
"""By model and segment."""


def band_places(minutes: NDArray[np.int16]) -> NDArray[np.intp]:
    """Return the index into BANDS of each of *minutes*; below 0 is before the match.

    >>> [BANDS[place] for place in band_places(np.array([-1, 0, 14, 15, 84, 120], np.int16))]
    ['pre-match', '0-14', '0-14', '15-29', '75-84', '85+']
    """
    return np.searchsorted(np.array(STARTS), minutes, side="right")


def contents(match: JudgedMatch) -> Contents:
    """Return what *match* adds; nothing before it was predicted."""
    rows = match.rows()
    until = uninformed(rows)
    found: dict[tuple[ModelKey, str], Content] = {}
    for place, model in enumerate(match.models):
        its_own = np.flatnonzero(rows["model"] == place)
        before = its_own[its_own < until]
        bands = {MINUTE + band: one for band, one in _by_band(match, rows[before])}
        whole = _once(sum(bands.values(), Content()), match, informed=len(its_own) - len(before))
        segments = {ALL: whole, **bands}
        if match.competition is not None:
            segments[COMPETITION + match.competition] = whole
        found |= {(model, segment): content for segment, content in segments.items()}
    return found


def _by_band(match: JudgedMatch, rows: Forecasts) -> Iterator[tuple[str, Content]]:
    places = band_places(rows["minute"])
    chances = rows["chances"].astype(np.float64)
    for place in np.unique(places).tolist():
        yield BANDS[place], _of(match, chances[places == place])


def _of(match: JudgedMatch, chances: NDArray[np.float64]) -> Content:
    if match.cancelled:
        return Content()
    if match.outcome is None:
        return Content(pending=estimated(chances))
    return Content(judged=judged(chances, match.outcome), expected=estimated(chances))


def _once(added: Content, match: JudgedMatch, *, informed: int) -> Content:
    """Return *added*, the sum over the bands, with the match in it once."""
    judged_ones, expected, pending = (
        (min(one.matches, 1), *one.numbers[1:]) for one in (added.judged, added.expected, added.pending)
    )
    return Content(
        Performance(judged_ones),
        Estimate(expected),
        Estimate(pending),
        informed,
        int(match.cancelled),
        int(match.late and match.outcome is not None),
    )
