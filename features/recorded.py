"""From the events of a feed to matches as the history has them, so that what was played can be learned from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from features.history import EPOCH, LAST_MINUTE, HistoricGoal, HistoricMatch
from features.narrative import DAY_MS
from schemas.records import GOALS, EventKind, MatchEvent, Side

MOSTLY: Final = 0.95
"""Share of the matches of a competition whose goals make their score, from which on its goals count as complete."""

_KIND: Final = {EventKind.GOAL: "goal", EventKind.PENALTY_GOAL: "pen", EventKind.OWN_GOAL: "own"}


@dataclass(slots=True)
class _Told:
    """What was told of one match, by event id; order, repeats and corrections do not matter."""

    events: dict[str, MatchEvent] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)

    def take(self, event: MatchEvent) -> None:
        self.events.setdefault(event.event_id, event)
        if event.kind is EventKind.CORRECTION and event.corrects is not None:
            self.struck.add(event.corrects)

    def of(self, *kinds: EventKind) -> Sequence[MatchEvent]:
        """Return what counts of *kinds*, by event time; equal ones by their id, as the state of a match orders them."""
        counting = [one for name, one in self.events.items() if name not in self.struck and one.kind in kinds]
        return sorted(counting, key=lambda one: (one.occurred_at_ms, one.event_id))


def recorded_matches(events: Iterable[MatchEvent]) -> list[HistoricMatch]:
    """Return the matches of *events* that have a fixture and a final score and were not cancelled, by kick-off.

    Goals are complete (``goals_timed``) for a competition in which those that were told make the final score of nearly
    all matches. It is never asked of a match alone: a match without goals always has them all, so that this would
    choose by the outcome.
    """
    told: dict[str, _Told] = {}
    for event in events:
        told.setdefault(event.match_id, _Told()).take(event)
    found = [match for match_id, one in told.items() if (match := _match(match_id, one)) is not None]
    timed = _timed_competitions(found)
    found = [replace(match, goals_timed=match.competition in timed) for match in found]
    return sorted(found, key=lambda match: (match.day, match.kick_off_ms, match.match_id))


def joined(history: Sequence[HistoricMatch], recorded: Iterable[HistoricMatch]) -> list[HistoricMatch]:
    """Return *history* and what of *recorded* it does not have, in order of days.

    A match is the same when its id is, or its day and both teams are.
    """
    ids = {match.match_id for match in history}
    meetings = {(match.day, match.home_team, match.away_team) for match in history}
    new = [
        match
        for match in recorded
        if match.match_id not in ids and (match.day, match.home_team, match.away_team) not in meetings
    ]
    return sorted([*history, *new], key=lambda match: match.day)


def _match(match_id: str, told: _Told) -> HistoricMatch | None:
    fixtures, results = told.of(EventKind.SCHEDULED), told.of(EventKind.FULL_TIME)
    if not fixtures or not results or told.of(EventKind.CANCELLED):
        return None
    fixture, result = fixtures[-1], results[-1]
    home, away, competition, kick_off = fixture.home_team, fixture.away_team, fixture.competition, fixture.kick_off_ms
    if not home or not away or not competition or kick_off is None:
        return None
    if result.home_score is None or result.away_score is None:
        return None
    goals = [_goal(event) for event in told.of(*GOALS)]
    return HistoricMatch(
        match_id, EPOCH + timedelta(days=kick_off // DAY_MS), home, away, result.home_score, result.away_score,
        competition, bool(fixture.neutral), tuple(sorted(goals, key=lambda goal: goal.minute)), kick_off_ms=kick_off,
    )  # fmt: skip


def _goal(event: MatchEvent) -> HistoricGoal:
    return HistoricGoal(min(max(event.minute, 1), LAST_MINUTE), event.side is Side.HOME, _KIND[event.kind])


def _timed_competitions(matches: Sequence[HistoricMatch]) -> frozenset[str]:
    complete: dict[str, list[bool]] = {}
    for match in matches:
        home = sum(goal.home for goal in match.goals)
        whole = (home, len(match.goals) - home) == (match.home_score, match.away_score)
        complete.setdefault(match.competition, []).append(whole)
    told = {match.competition for match in matches if match.goals}
    return frozenset(name for name in told if sum(complete[name]) >= MOSTLY * len(complete[name]))
