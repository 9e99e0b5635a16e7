"""One simulated match, minute by minute."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from schemas.records import GOALS, EventKind, MatchEvent, Side

MEAN_GOALS = 1.35  # of one side of an international match
HOME_ADVANTAGE = 0.2  # in log goals
_MINUTE_MS = 60_000
_BREAK_MINUTES = 15
_HALF = 45
_PER_MATCH = {  # of one side, by kind, beside goals
    EventKind.SHOT: 11.0,
    EventKind.CORNER: 4.8,
    EventKind.YELLOW_CARD: 1.8,
    EventKind.RED_CARD: 0.09,
    EventKind.SUBSTITUTION: 4.0,
}
_XG_STEPS = 4096  # a float32 holds them exactly, so that the wire changes nothing
_OWN, _PENALTY = 0.03, 0.09  # shares of goals
_STRUCK_OFF_MINUTES = (1, 4)
_CORRECTABLE = GOALS | {EventKind.YELLOW_CARD, EventKind.RED_CARD}


@dataclass(frozen=True, slots=True)
class Team:
    """A team; attack and defence are log goals above the mean, for and prevented."""

    name: str
    attack: float
    defence: float


@dataclass(frozen=True, slots=True)
class Fixture:
    """A match to be played."""

    match_id: str
    home: Team
    away: Team
    kick_off_ms: int


def goal_rates(home: Team, away: Team) -> tuple[float, float]:
    """Return the expected goals of both sides over 90 minutes.

    >>> [round(rate, 3) for rate in goal_rates(Team("a", 0.0, 0.0), Team("b", 0.0, 0.0))]
    [1.492, 1.222]
    """
    edge = HOME_ADVANTAGE / 2
    return (
        MEAN_GOALS * math.exp(edge + home.attack - away.defence),
        MEAN_GOALS * math.exp(-edge + away.attack - home.defence),
    )


def played(fixture: Fixture, corrections: float, chance: Random) -> list[MatchEvent]:
    """Return the match from KICK_OFF to FULL_TIME, by event time; the score leaves out goals that were struck off."""
    events = list(_course(fixture, chance))
    struck = [event for event in events if event.kind in _CORRECTABLE and chance.random() < corrections]
    numbered = [replace(event, event_id=f"{fixture.match_id}-{number}") for number, event in enumerate(events)]
    ids = {id(event): given.event_id for event, given in zip(events, numbered, strict=True)}
    taken_back = [_correction(event, ids[id(event)], chance) for event in struck]
    gone = {event.corrects for event in taken_back}
    goals = [event.side for event in numbered if event.kind in GOALS and event.event_id not in gone]
    end = max(event.occurred_at_ms for event in numbered + taken_back) + chance.randint(1000, _MINUTE_MS)
    full_time = MatchEvent(
        f"{fixture.match_id}-full-time",
        fixture.match_id,
        EventKind.FULL_TIME,
        end,
        minute=2 * _HALF,
        home_score=goals.count(Side.HOME),
        away_score=goals.count(Side.AWAY),
    )
    return [*sorted(numbered + taken_back, key=lambda event: event.occurred_at_ms), full_time]


def _course(fixture: Fixture, chance: Random) -> Iterator[MatchEvent]:
    def at(kind: EventKind, minute: int, occurred_at_ms: int, side: Side | None = None) -> MatchEvent:
        goals = round(chance.betavariate(1, 8) * _XG_STEPS) / _XG_STEPS if kind is EventKind.SHOT else None
        return MatchEvent("", fixture.match_id, kind, occurred_at_ms, minute, side, expected_goals=goals)

    chances = _chances(fixture)
    start = fixture.kick_off_ms
    yield at(EventKind.KICK_OFF, 0, start)
    for minute in range(1, 2 * _HALF + 1):
        begin = start + (minute - 1) * _MINUTE_MS
        for side, kind, per_minute in chances:
            if chance.random() < per_minute:
                yield at(
                    _kind_of_goal(chance) if kind is EventKind.GOAL else kind,
                    minute,
                    begin + chance.randrange(1, _MINUTE_MS),
                    side,
                )
        yield at(EventKind.TICK, minute, begin + _MINUTE_MS)
        if minute == _HALF:
            yield at(EventKind.HALF_TIME, minute, begin + _MINUTE_MS + chance.randrange(1, _MINUTE_MS))
            start += _BREAK_MINUTES * _MINUTE_MS


def _chances(fixture: Fixture) -> list[tuple[Side, EventKind, float]]:
    """Return the chance of each kind of event in one minute: rare enough that one event a minute is nearly Poisson."""
    minutes = 2 * _HALF
    goals = dict(zip(Side, goal_rates(fixture.home, fixture.away), strict=True))
    return [
        (side, kind, 1 - math.exp(-mean / minutes))
        for side in Side
        for kind, mean in {EventKind.GOAL: goals[side], **_PER_MATCH}.items()
    ]


def _kind_of_goal(chance: Random) -> EventKind:
    drawn = chance.random()
    if drawn < _OWN:
        return EventKind.OWN_GOAL
    return EventKind.PENALTY_GOAL if drawn < _OWN + _PENALTY else EventKind.GOAL


def _correction(event: MatchEvent, event_id: str, chance: Random) -> MatchEvent:
    waited = chance.randint(*_STRUCK_OFF_MINUTES)
    return MatchEvent(
        f"{event_id}-corrected",
        event.match_id,
        EventKind.CORRECTION,
        event.occurred_at_ms + waited * _MINUTE_MS,
        minute=event.minute,
        corrects=event_id,
    )
