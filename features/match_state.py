"""MatchState: what is remembered of one match, the fold of a *set* of events.

Late, repeated and corrected events give the same state in whatever order they come. So everything here is a maximum, a
sum over events known by their digest, or a set of digests; a TICK is only a maximum, and needs no digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from features.remembered import (
    COUNTED,
    Held,
    Known,
    Mark,
    Result,
    Scheduled,
    Tally,
    counted,
    digest,
    has_digest,
    signed,
    uncounted,
    with_digest,
    with_saying,
    without_saying,
)
from schemas.records import GOALS, EventKind, FeatureEvent, MatchEvent, Side

__all__ = [
    "Held",
    "ImpossibleEventError",
    "Known",
    "MatchState",
    "Phase",
    "after_event",
    "after_feature_event",
    "after_match_event",
    "event_time_ms",
]

HALF_TIME_MINUTE = 45

T = TypeVar("T")

_MARKS = {
    EventKind.KICK_OFF: "kick_offs",
    EventKind.HALF_TIME: "half_times",
    EventKind.CANCELLED: "cancellations",
}


class Phase(StrEnum):
    """Where a match stands."""

    PRE_MATCH = "PRE_MATCH"
    FIRST_HALF = "FIRST_HALF"
    HALF_TIME = "HALF_TIME"
    SECOND_HALF = "SECOND_HALF"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class MatchState:
    """What is remembered of one match; persisted as ``match_state.v2.avsc``.

    Attributes:
        minute: Match clock, the highest of all events, struck off or not; 0 before any.
        last_event_ms: Highest event time of all events but TICKs (one that raises no minute must change nothing).
        scheduled: Every SCHEDULED not struck off, sorted; the last counts. So for results and the marks.
        struck: Sorted digests of the event ids which a CORRECTION named.
        applied_match: Highest offset of match-events in this state. This and the next three belong to the caller.
        applied_feature: Highest offset of feature-events in this state.
        held: Events which wait for the fixture.
        bundle: First bytes of the digest of the bundle which scores it; empty before it has begun.
    """

    match_id: str
    minute: int = 0
    last_event_ms: int = 0
    scheduled: tuple[Scheduled, ...] = ()
    results: tuple[Result, ...] = ()
    kick_offs: tuple[Mark, ...] = ()
    half_times: tuple[Mark, ...] = ()
    cancellations: tuple[Mark, ...] = ()
    home: Tally = field(default_factory=Tally)
    away: Tally = field(default_factory=Tally)
    struck: bytes = b""
    features: Mapping[str, Known] = field(default_factory=dict)
    applied_match: int = -1
    applied_feature: int = -1
    held: tuple[Held, ...] = ()
    bundle: bytes = b""

    @property
    def fixture(self) -> Scheduled | None:
        """The SCHEDULED which counts."""
        return self.scheduled[-1] if self.scheduled else None

    @property
    def fixture_known(self) -> bool:
        """True once a SCHEDULED counts."""
        return bool(self.scheduled)

    @property
    def result(self) -> Result | None:
        """The FULL_TIME which counts."""
        return self.results[-1] if self.results else None

    @property
    def cancelled(self) -> bool:
        """True when a CANCELLED counts."""
        return bool(self.cancellations)

    @property
    def started(self) -> bool:
        """True once anything shows that the match is, or was, played."""
        return bool(self.minute or self.kick_offs or self.half_times or self.results)

    @property
    def home_goals(self) -> int:
        """Goals of the home side which count."""
        return len(self.home.goals)

    @property
    def away_goals(self) -> int:
        """Goals of the away side which count."""
        return len(self.away.goals)

    @property
    def goals_contradict_result(self) -> bool:
        """True when the final score is not the number of goals seen."""
        result = self.result
        return result is not None and (result.home_score, result.away_score) != (self.home_goals, self.away_goals)

    @property
    def ended_at_ms(self) -> int | None:
        """Event time of the FULL_TIME or CANCELLED which counts, the later of both; None while neither does."""
        ends = [one.occurred_at_ms for one in self.results[-1:]] + [
            one.occurred_at_ms for one in self.cancellations[-1:]
        ]
        return max(ends) if ends else None

    @property
    def phase(self) -> Phase:
        """Where the match stands."""
        if self.cancellations:
            return Phase.CANCELLED
        if self.results:
            return Phase.FINISHED
        if self.half_times:
            interval = max(HALF_TIME_MINUTE, self.half_times[-1].minute)
            return Phase.SECOND_HALF if self.minute > interval else Phase.HALF_TIME
        if not self.started:
            return Phase.PRE_MATCH
        return Phase.FIRST_HALF if self.minute <= HALF_TIME_MINUTE else Phase.SECOND_HALF


class ImpossibleEventError(ValueError):
    """An event that lacks what its kind needs; the sentence names both."""


def after_match_event(state: MatchState, event: MatchEvent) -> MatchState:
    """Return *state* after *event*; *state* itself when the event changes nothing.

    Raises:
        ImpossibleEventError: The event lacks what its kind needs.
    """
    minute = event.minute
    if event.kind is EventKind.TICK:
        return replace(state, minute=minute) if minute > state.minute else state
    changed = _without_clock(state, event)
    at = event.occurred_at_ms
    if minute > changed.minute or at > changed.last_event_ms:
        return replace(changed, minute=max(minute, changed.minute), last_event_ms=max(at, changed.last_event_ms))
    return changed


def _without_clock(state: MatchState, event: MatchEvent) -> MatchState:
    if event.kind is EventKind.CORRECTION:
        return _struck(state, _needed(event, event.corrects, "corrects"))
    one = digest(event.event_id)
    if state.struck and has_digest(state.struck, one):
        return state
    if event.kind in COUNTED or event.kind in GOALS:
        if _needed(event, event.side, "side") is Side.HOME:
            tally = counted(state.home, event, one)
            return state if tally is state.home else replace(state, home=tally)
        tally = counted(state.away, event, one)
        return state if tally is state.away else replace(state, away=tally)
    return _noted(state, event)


def _needed(event: MatchEvent, value: T | None, name: str) -> T:
    if value is None:
        raise ImpossibleEventError(f"{event.kind} {event.event_id!r} of match {event.match_id!r} has no {name}")
    return value


def _noted(state: MatchState, event: MatchEvent) -> MatchState:
    match event.kind:
        case EventKind.SCHEDULED:
            scheduled = with_saying(state.scheduled, _scheduled(event))
            return state if scheduled is state.scheduled else replace(state, scheduled=scheduled)
        case EventKind.FULL_TIME:
            results = with_saying(state.results, _result(event))
            return state if results is state.results else replace(state, results=results)
    name = _MARKS[event.kind]
    before: tuple[Mark, ...] = getattr(state, name)
    after = with_saying(before, Mark(event.occurred_at_ms, event.event_id, event.minute))
    return state if after is before else replace(state, **{name: after})  # type: ignore[arg-type] # the three are tuples of marks


def _scheduled(event: MatchEvent) -> Scheduled:
    return Scheduled(
        event.occurred_at_ms,
        event.event_id,
        _needed(event, event.home_team, "home_team"),
        _needed(event, event.away_team, "away_team"),
        _needed(event, event.competition, "competition"),
        bool(event.neutral),
        _needed(event, event.kick_off_ms, "kick_off_ms"),
    )


def _result(event: MatchEvent) -> Result:
    home = _needed(event, event.home_score, "home_score")
    away = _needed(event, event.away_score, "away_score")
    return Result(event.occurred_at_ms, event.event_id, home, away)


def _struck(state: MatchState, event_id: str) -> MatchState:
    """Strike *event_id* off, or in advance; a strike is final: a feed which takes it back sends the event anew."""
    one = digest(event_id)
    struck = with_digest(state.struck, one)
    if struck is state.struck:
        return state
    return replace(
        state,
        struck=struck,
        scheduled=without_saying(state.scheduled, event_id),
        results=without_saying(state.results, event_id),
        kick_offs=without_saying(state.kick_offs, event_id),
        half_times=without_saying(state.half_times, event_id),
        cancellations=without_saying(state.cancellations, event_id),
        home=uncounted(state.home, one),
        away=uncounted(state.away, one),
    )


def after_feature_event(state: MatchState, event: FeatureEvent) -> MatchState:
    """Return *state* after *event*; *state* itself when its source has said something newer, or just this."""
    tie_break = signed(digest(event.event_id))
    known = state.features.get(event.source)
    if known is not None and (known.as_of_ms, known.event) >= (event.as_of_ms, tie_break):
        return state
    newest = Known(event.as_of_ms, tie_break, event.values)
    return replace(state, features={**state.features, event.source: newest})


def after_event(state: MatchState, event: MatchEvent | FeatureEvent) -> MatchState:
    """Return *state* after *event* of either kind; see the two above."""
    return after_match_event(state, event) if isinstance(event, MatchEvent) else after_feature_event(state, event)


def event_time_ms(event: MatchEvent | FeatureEvent) -> int:
    """Return when *event* happened, or was known."""
    return event.occurred_at_ms if isinstance(event, MatchEvent) else event.as_of_ms
