"""From a played match to the events its feed would have sent, for replays and for training alike."""

from calendar import timegm
from collections.abc import Iterator
from itertools import groupby

from features.history import HistoricGoal, HistoricMatch
from features.remembered import digest
from schemas.records import EventKind, MatchEvent, Side

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
KICK_OFF_HOURS = (10, 13, 16, 19)
HALF, FULL, EXTRA = 45, 90, 120
INTERVAL_MS = 15 * MINUTE_MS
BREAK_BEFORE_EXTRA_MS = 5 * MINUTE_MS

_KIND = {"goal": EventKind.GOAL, "pen": EventKind.PENALTY_GOAL, "own": EventKind.OWN_GOAL}


def kick_off_of(match: HistoricMatch) -> int:
    """Return the kick-off of *match*, milliseconds since the epoch.

    Where the history has the date only, it is one of four hours of the day (UTC), chosen by match_id; so the matches of
    a day overlap as on a real one.
    """
    if match.kick_off_ms is not None:
        return match.kick_off_ms
    slot = int.from_bytes(digest(match.match_id), "big") % len(KICK_OFF_HOURS)
    return timegm(match.day.timetuple()) * 1000 + KICK_OFF_HOURS[slot] * HOUR_MS


def narrate(match: HistoricMatch, kick_off_ms: int) -> list[MatchEvent]:
    """Return the events of *match* in event-time order; each changes the state of the match.

    SCHEDULED at midnight, KICK_OFF, a TICK before the goals of its minute, HALF_TIME, FULL_TIME. The clock goes on to
    120 only when there are goals after minute 90: the history does not say otherwise that there was extra time.
    """
    last = max([FULL, *(EXTRA for goal in match.goals if goal.minute > FULL), *(goal.minute for goal in match.goals)])
    goals = {minute: list(those) for minute, those in groupby(match.goals, lambda goal: goal.minute)}
    kick_off = MatchEvent(f"{match.match_id}/kick-off", match.match_id, EventKind.KICK_OFF, kick_off_ms)
    events = [_scheduled(match, kick_off_ms), kick_off]
    for minute in range(1, last + 1):
        events += _minute(match, kick_off_ms, minute, goals.get(minute, []))
    return [*events, _full_time(match, kick_off_ms, last)]


def _minute(match: HistoricMatch, kick_off_ms: int, minute: int, goals: list[HistoricGoal]) -> Iterator[MatchEvent]:
    at = _time_of(kick_off_ms, minute)
    yield MatchEvent(f"{match.match_id}/tick/{minute}", match.match_id, EventKind.TICK, at, minute)
    for n, goal in enumerate(goals):
        side = Side.HOME if goal.home else Side.AWAY
        name = f"{match.match_id}/goal/{minute}/{n}"
        moment = at + (n + 1) * MINUTE_MS // (len(goals) + 1)
        yield MatchEvent(name, match.match_id, _KIND[goal.kind], moment, minute, side)
    if minute == HALF:
        yield MatchEvent(f"{match.match_id}/half-time", match.match_id, EventKind.HALF_TIME, at + MINUTE_MS, minute)


def _scheduled(match: HistoricMatch, kick_off_ms: int) -> MatchEvent:
    return MatchEvent(
        f"{match.match_id}/scheduled",
        match.match_id,
        EventKind.SCHEDULED,
        kick_off_ms - kick_off_ms % DAY_MS,
        home_team=match.home_team,
        away_team=match.away_team,
        competition=match.competition,
        neutral=match.neutral,
        kick_off_ms=kick_off_ms,
    )


def _full_time(match: HistoricMatch, kick_off_ms: int, minute: int) -> MatchEvent:
    return MatchEvent(
        f"{match.match_id}/full-time",
        match.match_id,
        EventKind.FULL_TIME,
        _time_of(kick_off_ms, minute) + MINUTE_MS,
        minute,
        home_score=match.home_score,
        away_score=match.away_score,
    )


def _time_of(kick_off_ms: int, minute: int) -> int:
    breaks = (minute > HALF) * INTERVAL_MS + (minute > FULL) * BREAK_BEFORE_EXTRA_MS
    return kick_off_ms + minute * MINUTE_MS + breaks
