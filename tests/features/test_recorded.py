import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history import HistoricGoal, HistoricMatch, international_matches
from features.match_state import MatchState, after_match_event
from features.narrative import kick_off_of, narrate
from features.recorded import joined, recorded_matches
from schemas.records import EventKind, MatchEvent, Side

GOAL = HistoricGoal(23, home=True, kind="pen")
FINAL = HistoricMatch(
    "45000", dt.date(2022, 12, 18), "Argentina", "France", 2, 1, "FIFA World Cup", neutral=True,
    goals=(GOAL, HistoricGoal(80, home=False, kind="own"), HistoricGoal(108, home=True, kind="goal")),
    goals_timed=True,
)  # fmt: skip


def events_of(match):
    return narrate(match, kick_off_of(match))


def timed(match):
    """Return *match* as a stream knows it: with the hour of its kick-off."""
    return replace(match, kick_off_ms=kick_off_of(match))


def without_goal(match):
    return replace(match, goals=match.goals[1:])


def test_a_match_that_was_told_comes_back():
    assert recorded_matches(events_of(FINAL)) == [timed(FINAL)]


def test_all_matches_of_the_history_come_back(shared_data):
    matches = [match for match in international_matches(shared_data) if match.day.year >= 2020]

    found = recorded_matches(event for match in matches for event in events_of(match))

    assert [match.day for match in found] == sorted(match.day for match in matches)
    back = {match.match_id: match for match in found}
    assert back.keys() == {match.match_id for match in matches}
    for match in matches:
        assert replace(back[match.match_id], goals_timed=match.goals_timed) == timed(match)
    told = {match.competition for match in matches if match.goals_timed}
    assert {match.competition for match in found if match.goals_timed} >= told


@given(st.randoms(use_true_random=False), st.integers(0, 50))
def test_neither_order_nor_repeats_matter(random, repeats):
    events = events_of(FINAL)
    shuffled = [*events, *random.choices(events, k=repeats)]
    random.shuffle(shuffled)

    assert recorded_matches(shuffled) == [timed(FINAL)]


def test_what_was_struck_off_does_not_count():
    fourth = MatchEvent("wrong", "45000", EventKind.GOAL, kick_off_of(FINAL) + 1, 44, Side.AWAY)
    off = MatchEvent("off", "45000", EventKind.CORRECTION, kick_off_of(FINAL) + 2, corrects="wrong")
    late = replace(events_of(FINAL)[-1], event_id="late", occurred_at_ms=kick_off_of(FINAL) * 2, home_score=9)
    not_so = MatchEvent("not so", "45000", EventKind.CORRECTION, late.occurred_at_ms, corrects="late")

    assert recorded_matches([off, not_so, *events_of(FINAL), fourth, late]) == [timed(FINAL)]


def test_the_result_is_that_of_the_state():
    scores = [replace(events_of(FINAL)[-1], event_id=f"{n}", away_score=n) for n in range(4)]
    state = MatchState("45000")
    for event in [*events_of(FINAL), *scores]:
        state = after_match_event(state, event)

    (found,) = recorded_matches([*scores, *events_of(FINAL)])

    assert state.result is not None
    assert found.away_score == state.result.away_score


@pytest.mark.parametrize("kind", [EventKind.SCHEDULED, EventKind.FULL_TIME])
def test_a_match_without_fixture_or_result_is_none(kind):
    assert recorded_matches(event for event in events_of(FINAL) if event.kind is not kind) == []


def test_a_cancelled_match_is_none():
    cancelled = MatchEvent("c", "45000", EventKind.CANCELLED, kick_off_of(FINAL) + 1)

    assert recorded_matches([*events_of(FINAL), cancelled]) == []


def test_goals_count_as_complete_by_competition_and_never_by_the_match_alone():
    draws = [replace(FINAL, match_id=f"{n}", home_score=0, away_score=0, goals=()) for n in range(30)]
    silent = [replace(match, competition="cup", goals_timed=False) for match in draws]
    most = [replace(FINAL, match_id=f"m{n}") for n in range(29)]
    told = [events_of(match) for match in [*silent, *most, without_goal(FINAL)]]

    found = recorded_matches(event for events in told for event in events)

    assert {match.competition: match.goals_timed for match in found} == {"cup": False, "FIFA World Cup": True}


def test_the_history_comes_before_what_was_recorded():
    other = replace(FINAL, match_id="other", home_team="Ajax")
    same = replace(FINAL, match_id="another id", home_score=9)
    early = replace(FINAL, match_id="early", day=dt.date(2022, 12, 1), away_team="PSV")

    assert joined([FINAL], [replace(FINAL, home_score=5), same, other, early]) == [early, FINAL, other]
