"""What the rating fold must hear of a match."""

from features.match_state import MatchState
from schemas.records import MatchEvent, TeamEvent, TeamEventKind


def team_event(before: MatchState, after: MatchState, event: MatchEvent) -> TeamEvent | None:
    """Return what the rating fold must hear of the step from *before* to *after*; None when nothing of it changed."""
    fixture, result = after.fixture, after.result
    if fixture is None or (_fixture_and_end(before) == _fixture_and_end(after)):
        return None
    return TeamEvent(
        event_id=event.event_id,
        match_id=after.match_id,
        kind=TeamEventKind(event.kind),
        occurred_at_ms=event.occurred_at_ms,
        kick_off_ms=fixture.kick_off_ms,
        competition=fixture.competition,
        home_team=fixture.home_team,
        away_team=fixture.away_team,
        neutral=fixture.neutral,
        home_score=None if result is None else result.home_score,
        away_score=None if result is None else result.away_score,
        cancelled=after.cancelled,
    )


def _fixture_and_end(state: MatchState) -> tuple[object, ...]:
    fixture, result = state.fixture, state.result
    said = fixture and (fixture.kick_off_ms, fixture.competition, fixture.home_team, fixture.away_team, fixture.neutral)
    return said, result and (result.home_score, result.away_score), state.cancelled
