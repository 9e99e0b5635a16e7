"""Simulated seasons: repeatable, complete, and as disorderly as asked for."""

import itertools
from collections import Counter
from itertools import islice
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.simulated_match import Fixture, Team, goal_rates, played
from features.simulation import DAY_MS, MOST_HOURS, Sending, SimulatedEvent, Simulation, round_robin
from schemas.records import GOALS, EventKind, MatchEvent, Side

START_MS = 1_000 * DAY_MS


def first(simulation: Simulation, count: int = 6000) -> list[SimulatedEvent]:
    return list(islice(simulation.events(), count))


def finished(sent: list[SimulatedEvent]) -> dict[str, list[MatchEvent]]:
    """Return the events of the matches of the first round, each event once."""
    by_match: dict[str, dict[str, MatchEvent]] = {}
    for each in sent:
        by_match.setdefault(each.event.match_id, {})[each.event.event_id] = each.event
    return {
        match_id: list(events.values())
        for match_id, events in by_match.items()
        if any(event.kind is EventKind.FULL_TIME for event in events.values())
    }


def test_the_same_seed_gives_the_same_events() -> None:
    again = first(Simulation(matches=4, start_ms=START_MS, seed=7))

    assert again == first(Simulation(matches=4, start_ms=START_MS, seed=7))
    assert again != first(Simulation(matches=4, start_ms=START_MS, seed=8))


def test_every_match_is_announced_kicked_off_and_ended_once() -> None:
    matches = finished(first(Simulation(matches=4, start_ms=START_MS, corrections=0.5)))

    assert len(matches) > 20
    for events in matches.values():
        kinds = Counter(event.kind for event in events)
        assert [
            kinds[kind] for kind in (EventKind.SCHEDULED, EventKind.KICK_OFF, EventKind.HALF_TIME, EventKind.FULL_TIME)
        ] == [1] * 4
        assert kinds[EventKind.TICK] == 90


def test_the_final_score_is_the_goals_which_were_not_struck_off() -> None:
    matches = finished(first(Simulation(matches=4, start_ms=START_MS, corrections=0.5)))

    for events in matches.values():
        gone = {event.corrects for event in events}
        sides = [event.side for event in events if event.kind in GOALS and event.event_id not in gone]
        final = next(event for event in events if event.kind is EventKind.FULL_TIME)
        assert (sides.count(Side.HOME), sides.count(Side.AWAY)) == (final.home_score, final.away_score)


def test_a_correction_names_an_earlier_event_of_its_match() -> None:
    matches = finished(first(Simulation(matches=4, start_ms=START_MS, corrections=0.5)))

    corrections = [
        (event, {each.event_id: each for each in events}[event.corrects or ""])
        for events in matches.values()
        for event in events
        if event.kind is EventKind.CORRECTION
    ]
    assert corrections
    assert all(struck.occurred_at_ms < event.occurred_at_ms for event, struck in corrections)


def test_the_shares_of_disorder_are_those_asked_for() -> None:
    sent = first(Simulation(matches=10, start_ms=START_MS, late=0.2, repeated=0.3), 40_000)

    counts = Counter(each.sending for each in sent)
    fresh = counts[Sending.DISTINCT] + counts[Sending.LATE]
    assert pytest.approx(counts[Sending.REPEATED] / fresh, abs=0.02) == 0.3
    assert pytest.approx(counts[Sending.LATE] / fresh, abs=0.02) == 0.2


def test_a_feed_without_disorder_is_in_the_order_of_event_time_for_each_match() -> None:
    sent = first(Simulation(matches=4, start_ms=START_MS, late=0, repeated=0))

    newest: dict[str, int] = {}
    for each in sent:
        assert newest.get(each.event.match_id, 0) <= each.event.occurred_at_ms
        newest[each.event.match_id] = each.event.occurred_at_ms
    assert {Sending.DISTINCT} == {each.sending for each in sent}


def test_late_and_repeated_say_what_was_sent_before() -> None:
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for each in first(Simulation(matches=4, start_ms=START_MS, late=0.3, repeated=0.3)):
        event = each.event
        late = event.occurred_at_ms < newest.get(event.match_id, 0)
        expected = Sending.REPEATED if event.event_id in seen else Sending.LATE if late else Sending.DISTINCT
        newest[event.match_id] = max(event.occurred_at_ms, newest.get(event.match_id, 0))
        seen.add(event.event_id)

        assert expected == each.sending


def test_a_round_is_announced_before_the_round_before_it_is_played() -> None:
    sent = first(Simulation(matches=4, start_ms=START_MS, repeated=0))

    second = [
        place for place, each in enumerate(sent) if each.event.kick_off_ms == START_MS + DAY_MS * 1 + 15 * 3_600_000
    ]
    kick_off = next(place for place, each in enumerate(sent) if each.event.kind is EventKind.KICK_OFF)
    assert len(second) == 4
    assert max(second) < kick_off


def test_matches_kick_off_over_hours_and_all_are_over_before_the_next_round() -> None:
    simulation = Simulation(matches=42, start_ms=START_MS, late=0.3, repeated=0.3, hours=MOST_HOURS)
    sent = first(simulation, 12_000)
    kick_offs = [fixture.kick_off_ms for fixture in simulation.fixtures(0)]
    next_round = simulation.fixtures(1)[0].kick_off_ms

    assert {1_800_000} == {later - earlier for earlier, later in itertools.pairwise(kick_offs)}
    ends = [each.sent_ms for each in sent if each.event.match_id in {one.match_id for one in simulation.fixtures(0)}]
    assert max(kick_offs) < max(ends) < next_round
    assert sorted(each.sent_ms for each in sent) == [each.sent_ms for each in sent]


@pytest.mark.parametrize("hours", [-1.0, 21.5, float("nan")])
def test_hours_that_are_none_of_a_day_are_refused(hours: float) -> None:
    with pytest.raises(ValueError, match="0 to 21 hours of a day"):
        Simulation(hours=hours)


def test_another_start_gives_other_match_ids() -> None:
    here = {each.event.match_id for each in first(Simulation(matches=4, start_ms=START_MS), 1000)}
    later = {each.event.match_id for each in first(Simulation(matches=4, start_ms=START_MS + 50 * DAY_MS), 1000)}

    assert not here & later


def test_goals_follow_the_rates() -> None:
    strong, weak = Team("strong", 0.4, 0.2), Team("weak", -0.4, -0.2)
    chance = Random(3)
    finals = [played(Fixture(f"m{number}", strong, weak, 0), 0, chance)[-1] for number in range(3000)]

    home, away = goal_rates(strong, weak)  # at most one event of a kind a minute: a little less than Poisson
    assert home == pytest.approx(mean(final.home_score or 0 for final in finals), rel=0.06)
    assert away == pytest.approx(mean(final.away_score or 0 for final in finals), rel=0.12)


@given(st.integers(1, 15).map(lambda half: 2 * half), st.integers(0, 200))
def test_each_team_plays_once_a_day(teams: int, day: int) -> None:
    pairs = round_robin(teams, day)

    assert list(range(teams)) == sorted(team for pair in pairs for team in pair)


@given(st.integers(1, 10).map(lambda half: 2 * half))
def test_two_seasons_are_every_team_home_and_away_to_every_other(teams: int) -> None:
    days = [pair for day in range(2 * (teams - 1)) for pair in round_robin(teams, day)]

    assert {(one, other) for one in range(teams) for other in range(teams) if one != other} == set(days)
    assert len(set(days)) == len(days)


@pytest.mark.parametrize("wrong", [{"matches": 0}, {"late": 1.5}, {"repeated": -0.1}, {"corrections": 2.0}])
def test_nonsense_is_refused_with_its_value(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        Simulation(**wrong)  # type: ignore[arg-type] # the test's point
