"""What is read of predictions and match events for a roll-out, and what is known by them of one match."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from monitors.sampling import hash64
from schemas.records import EventKind

CHALLENGER, CHAMPION = SIDES = range(2)


@dataclass(slots=True)
class Said:
    """What is read of a prediction; see `schemas.records.Prediction`."""

    match_id: str
    event_id: str
    cause: str
    minute: int
    home: float
    draw: float
    away: float
    model_version: str
    bundle_digest: str
    source_timestamp_ms: int
    received_at_us: int
    scored_at_us: int


@dataclass(slots=True)
class Told:
    """What is read of a match event; see `schemas.records.MatchEvent`."""

    match_id: str
    kind: EventKind
    home_score: int | None = None
    away_score: int | None = None


class Answer(NamedTuple):
    """What one of them said of an event, the earliest record of it.

    Attributes:
        at_ms: Timestamp of that record.
        scored_at_us: Tells apart records of one timestamp.
        caused_at_ms: Timestamp of the event's record.
        seconds: From the receipt of the event to the answer.
        chances: Of home win, draw and away win; NaN when it could not score the event.
    """

    at_ms: int
    scored_at_us: int
    caused_at_ms: int
    seconds: float
    chances: tuple[float, float, float]

    @property
    def scored(self) -> bool:
        """Whether it is one."""
        home, draw, away = self.chances
        return math.isfinite(home + draw + away)


@dataclass(slots=True)
class Match:
    """One match until it is counted.

    Attributes:
        known_ms: Timestamp of the earliest record that was read of it.
        first_ms: The same with the events that were answered.
        said: Of each side, answers by event id.
        ends: Timestamp and index of the outcome of each record that ended it; None for a cancellation.
        new: Events which no window has counted, by event id.
    """

    known_ms: int
    first_ms: int
    said: tuple[dict[str, Answer], dict[str, Answer]] = field(default_factory=lambda: ({}, {}))
    ends: list[tuple[int, int | None]] = field(default_factory=list)
    new: set[str] = field(default_factory=set)

    def end_before(self, until_ms: int) -> tuple[int, int | None] | None:
        """Return when it ended, and how by what was said until then; None when it goes on."""
        known = [one for one in self.ends if one[0] < until_ms]
        if not known:
            return None
        cancelled = any(came is None for _, came in known)
        return min(at_ms for at_ms, _ in known), None if cancelled else known[-1][1]

    def known(self, until_ms: int, ended_ms: float) -> Iterator[tuple[str, dict[int, Answer]]]:
        """Yield what was answered before *until_ms* of events that did not know how the match would end.

        Of a match that goes on, new events only.
        """
        events = self.new if ended_ms == math.inf else sorted(set().union(*self.said), key=hash64)
        for event in events:
            its = {side: one for side in SIDES if (one := self.said[side].get(event)) and one.at_ms < until_ms}
            if its and all(one.caused_at_ms <= ended_ms for one in its.values()):
                yield event, its

    def answered(self, event: str, side: int, answer: Answer) -> None:
        """Take what *side* answered to *event*; the earliest record of it counts."""
        known = self.said[side].get(event)
        if known is None and event not in self.said[1 - side]:
            self.new.add(event)
        if known is None or answer < known:
            self.said[side][event] = answer
