import datetime as dt
from dataclasses import replace
from itertools import pairwise

import pytest

from features.history import HistoricGoal, HistoricMatch
from features.match_state import MatchState, Phase, after_match_event
from features.narrative import KICK_OFF_HOURS, kick_off_of, narrate
from schemas.records import EventKind, MatchEvent

FINAL = HistoricMatch(
    "45000",
    dt.date(2022, 12, 18),
    "Argentina",
    "France",
    3,
    3,
    "FIFA World Cup",
    neutral=True,
    goals=(
        HistoricGoal(23, home=True, kind="pen"),
        HistoricGoal(36, home=True, kind="goal"),
        HistoricGoal(80, home=False, kind="pen"),
        HistoricGoal(81, home=False, kind="goal"),
        HistoricGoal(108, home=True, kind="goal"),
        HistoricGoal(118, home=False, kind="own"),
    ),
    goals_timed=True,
)
DRAW = HistoricMatch("1", dt.date(2022, 12, 18), "Ajax", "PSV", 0, 0, "nl.1", neutral=False)


@pytest.mark.parametrize("match", [FINAL, DRAW])
def test_each_event_changes_the_state_and_the_last_one_ends_it(match: HistoricMatch) -> None:
    state = MatchState(match.match_id)
    for event in narrate(match, kick_off_of(match)):
        before, state = state, after_match_event(state, event)
        assert before is not state

    assert Phase.FINISHED is state.phase
    assert not state.goals_contradict_result
    assert (match.home_score, match.away_score) == (state.home_goals, state.away_goals)


@pytest.mark.parametrize(("match", "last"), [(FINAL, 120), (DRAW, 90)])
def test_the_clock_goes_into_extra_time_only_with_its_goals(match: HistoricMatch, last: int) -> None:
    ticks = [event.minute for event in narrate(match, kick_off_of(match)) if event.kind is EventKind.TICK]

    assert list(range(1, last + 1)) == ticks


def test_events_come_in_time_order_with_ids_of_their_own() -> None:
    events = narrate(FINAL, kick_off_of(FINAL))

    assert all(one.occurred_at_ms < other.occurred_at_ms for one, other in pairwise(events))
    assert len(events) == len({event.event_id for event in events})
    assert events == narrate(FINAL, kick_off_of(FINAL))


def test_the_match_is_scheduled_at_midnight_and_kicks_off_in_a_slot_of_its_day() -> None:
    midnight = int(dt.datetime(2022, 12, 18, tzinfo=dt.UTC).timestamp() * 1000)
    first, second, *_ = narrate(FINAL, kick_off_of(FINAL))

    assert (EventKind.SCHEDULED, midnight) == (first.kind, first.occurred_at_ms)
    assert (EventKind.KICK_OFF, first.kick_off_ms) == (second.kind, second.occurred_at_ms)
    assert (second.occurred_at_ms - midnight) / 3_600_000 in KICK_OFF_HOURS


def test_two_goals_in_a_minute_are_two_events() -> None:
    goal = HistoricGoal(45, home=True, kind="goal")
    match = HistoricMatch("2", DRAW.day, "Ajax", "PSV", 2, 0, "nl.1", neutral=False, goals=(goal, goal))
    kinds = [event.kind for event in narrate(match, 0) if event.minute == 45]

    assert [EventKind.TICK, EventKind.GOAL, EventKind.GOAL, EventKind.HALF_TIME] == kinds


def test_the_frame_of_a_match_says_what_the_history_says() -> None:
    kick_off_ms = kick_off_of(FINAL)
    events = narrate(FINAL, kick_off_ms)

    assert {"45000"} == {event.match_id for event in events}
    assert all(isinstance(event.occurred_at_ms, int) for event in events)
    midnight = kick_off_ms - kick_off_ms % 86_400_000
    said = {"home_team": "Argentina", "away_team": "France", "competition": "FIFA World Cup", "neutral": True}
    assert events[0] == MatchEvent(
        "45000/scheduled", "45000", EventKind.SCHEDULED, midnight, **said, kick_off_ms=kick_off_ms
    )
    assert (events[-1].minute, events[-1].home_score, events[-1].away_score) == (120, 3, 3)


def test_goals_of_one_minute_share_it_evenly() -> None:
    goals = (HistoricGoal(90, home=True, kind="goal"), HistoricGoal(90, home=False, kind="goal"))
    match = replace(DRAW, home_score=1, away_score=1, goals=goals)
    *_, tick, first, second, end = narrate(match, 0)

    assert [20_000, 40_000] == [goal.occurred_at_ms - tick.occurred_at_ms for goal in (first, second)]
    assert 90 == end.minute
