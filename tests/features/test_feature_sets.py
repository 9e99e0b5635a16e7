from dataclasses import replace
from math import exp, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.divisions import DivisionRates
from features.facts import LATE, LINEAR, MEASURED, ONE_APART, remaining_goals
from features.feature_sets import FEATURE_SETS, NEWEST, facts_of
from features.match_state import MatchState, after_feature_event, after_match_event
from features.outcome import outcome_chances
from features.rating_values import rating_values
from features.team_ratings import HOME_LOG_GOALS, LOG_GOALS, TeamRating
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side

SET = FEATURE_SETS[NEWEST]
RATES = DivisionRates("nl.1", draw_factor=1.2)
VALUES = rating_values(
    TeamRating("Ajax", elo=1700, matches=9, last_match_day=5), TeamRating("PSV"), neutral=False, day=10, rates=RATES
)


def remaining(state: MatchState) -> tuple[float, float]:
    (facts,) = facts_of([state])
    return remaining_goals(facts, LINEAR, 1.0)


def row(state: MatchState) -> dict[str, float]:
    (numbers,) = SET.matrix([state]).tolist()
    return dict(zip(SET.names, numbers, strict=True))


def scheduled(*, neutral: bool = False) -> MatchState:
    event = MatchEvent(
        "s",
        "m",
        EventKind.SCHEDULED,
        0,
        home_team="Ajax",
        away_team="PSV",
        competition="UEFA Euro",
        neutral=neutral,
        kick_off_ms=5,
    )
    return after_match_event(MatchState("m"), event)


def rated(state: MatchState) -> MatchState:
    return after_feature_event(state, FeatureEvent("r", "m", "ratings", 1, VALUES))


def after(state: MatchState, kind: EventKind, minute: int, side: Side | None = None) -> MatchState:
    return after_match_event(state, MatchEvent(f"{kind}{minute}{side}", "m", kind, minute, minute, side))


def test_each_feature_has_one_name_and_one_column() -> None:
    assert (2, len(SET.names)) == SET.matrix([MatchState("a"), MatchState("b")]).shape
    assert len(set(SET.names)) == len(SET.names)
    assert np.float32 == SET.matrix([MatchState("a")]).dtype
    assert (0, len(SET.names)) == SET.matrix([]).shape


def test_what_ratings_say_stands_in_the_row_and_what_they_do_not_is_missing() -> None:
    numbers = row(rated(scheduled()))

    for name, value in VALUES.items():
        assert isnan(numbers[name]) if value is None else numbers[name] == np.float32(value)
    assert (0, 50, 0, 0) == (numbers["neutral"], numbers["importance"], numbers["started"], numbers["minute"])
    assert isnan(row(scheduled())["elo_difference"])
    assert isnan(row(MatchState("m"))["neutral"])


def test_a_goal_changes_score_and_chances() -> None:
    state = after(after(rated(scheduled()), EventKind.GOAL, 20, Side.AWAY), EventKind.TICK, 50)
    numbers, before = row(state), row(rated(scheduled()))

    assert (0, 1, -1, 50, 30) == tuple(
        numbers[name] for name in ("home_goals", "away_goals", "score_difference", "minute", "minutes_since_goal")
    )
    assert numbers["poisson_away"] > before["poisson_away"]
    assert numbers["remaining_home_goals"] == pytest.approx(before["expected_home_goals"] * 0.5173 * ONE_APART)


def test_the_final_score_is_certain() -> None:
    event = MatchEvent("f", "m", EventKind.FULL_TIME, 99, 90, home_score=2, away_score=2)
    numbers = row(after_match_event(rated(scheduled()), event))

    assert (2, 2, 0, 1, 0) == tuple(
        numbers[name] for name in ("home_goals", "away_goals", "poisson_home", "poisson_draw", "poisson_away")
    )


def test_extra_time_still_has_goals_to_come() -> None:
    assert 0 < row(after(scheduled(), EventKind.TICK, 115))["remaining_home_goals"] < 0.3


def test_a_red_card_turns_the_chances() -> None:
    even = scheduled(neutral=True)
    home, away = remaining(after(even, EventKind.RED_CARD, 0, Side.HOME))

    assert home < remaining(even)[0] == remaining(even)[1] < away


def told(home: float | None, away: float | None, *, neutral: bool = False) -> MatchState:
    values = {"expected_home_goals": home, "expected_away_goals": away}
    return after_feature_event(scheduled(neutral=neutral), FeatureEvent("r", "m", "ratings", 1, values))


def test_the_goals_to_come_are_those_the_ratings_expect_and_else_those_of_mean_teams() -> None:
    assert (2.5, 0.75) == remaining(told(2.5, 0.75))
    assert (exp(LOG_GOALS + HOME_LOG_GOALS), 0.75) == remaining(told(None, 0.75))
    assert (2.5, exp(LOG_GOALS)) == remaining(told(2.5, None))
    assert exp(LOG_GOALS) == remaining(told(None, None, neutral=True))[0]


def test_each_red_card_multiplies_the_goals_to_come_of_both_sides() -> None:
    state = told(2.0, 1.0)
    for number, side in enumerate((Side.HOME, Side.AWAY, Side.AWAY)):
        state = after_match_event(state, MatchEvent(f"red-{number}", "m", EventKind.RED_CARD, 0, 0, side))

    assert remaining(state) == pytest.approx((2.0 * 0.67 * 1.2**2, 1.0 * 0.67**2 * 1.2))


@pytest.mark.parametrize(("minute", "share"), [(0, 94), (90, 4), (91, 31), (122, 0), (140, 0)])
def test_goals_come_until_stoppage_time_or_the_end_of_extra_time(minute: int, share: int) -> None:
    assert remaining(after(told(2.0, 1.0), EventKind.TICK, minute)) == pytest.approx((2 * share / 94, share / 94))


def test_the_last_goal_of_either_side_counts() -> None:
    state = scheduled()
    for minute, side in ((10, Side.HOME), (20, Side.HOME), (15, Side.AWAY), (12, Side.AWAY)):
        state = after(state, EventKind.GOAL, minute, side)
    state = after(state, EventKind.TICK, 50)

    assert 30 == row(state)["minutes_since_goal"]
    assert 5 == row(after(after(state, EventKind.GOAL, 60, Side.AWAY), EventKind.TICK, 65))["minutes_since_goal"]


@pytest.mark.parametrize("absurd", [1e12, 41.0, -1.0, float("nan"), 3e38])
def test_a_rating_which_cannot_be_is_none(absurd: float) -> None:
    state = scheduled()

    assert remaining(state) == remaining(told(absurd, absurd))


def test_any_number_of_red_cards_leaves_numbers() -> None:
    state = scheduled()
    cards = b"".join(number.to_bytes(8, "big") for number in range(5_000))
    absurd = replace(state, home=replace(state.home, red_cards=cards))
    home, away = remaining(absurd)

    assert 0 <= home < away <= 40
    assert not np.isinf(SET.matrix([absurd])).any()


minutes = st.lists(st.tuples(st.sampled_from([EventKind.GOAL, EventKind.RED_CARD]), st.integers(0, 95)), max_size=8)


@given(st.lists(st.tuples(minutes, st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_a_row_has_the_same_bits_alone_and_among_others(
    stories: list[tuple[list[tuple[EventKind, int]], bool, bool]],
) -> None:
    states = []
    for events, neutral, has_rating in stories:
        state = rated(scheduled(neutral=neutral)) if has_rating else scheduled(neutral=neutral)
        for n, (kind, minute) in enumerate(events):
            state = after(state, kind, minute, (Side.HOME, Side.AWAY)[n % 2])
        states.append(state)

    together = SET.matrix(states)
    assert all(SET.matrix([state]).tobytes() == one.tobytes() for state, one in zip(states, together, strict=True))


def test_the_first_set_knows_nothing_of_divisions() -> None:
    state = rated(scheduled())
    (first,) = FEATURE_SETS["v1"].matrix([state]).tolist()
    newest, before = row(state), dict(zip(FEATURE_SETS["v1"].names, first, strict=True))

    changed = {name for name, value in before.items() if newest[name] != value and not isnan(value)}
    assert {"poisson_home", "poisson_draw", "poisson_away"} == changed
    assert 32 == len(first)


def test_draws_are_as_probable_as_in_the_division_and_ever_less_so_until_the_end() -> None:
    state = rated(scheduled())

    def odds(one: MatchState) -> float:
        """Return the odds of a draw over those of the goals alone."""
        numbers = row(one)
        lead = int(numbers["score_difference"])
        goals = outcome_chances(numbers["remaining_home_goals"], numbers["remaining_away_goals"], lead)[1]
        return numbers["poisson_draw"] / (1 - numbers["poisson_draw"]) / (goals / (1 - goals))

    assert odds(state) == pytest.approx(1.2, rel=1e-5)
    assert odds(after(state, EventKind.KICK_OFF, 0)) == pytest.approx(1.2, rel=1e-5)
    factors = [odds(after(state, EventKind.TICK, minute)) for minute in (5, 30, 80)]
    assert factors == sorted(factors, reverse=True)
    assert odds(after(state, EventKind.GOAL, 10, Side.HOME)) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("absurd", [0.0, -1.0, 1e12, float("nan"), float("inf")])
def test_a_draw_factor_which_cannot_be_is_none(absurd: float) -> None:
    with_it = after_feature_event(scheduled(), FeatureEvent("r", "m", "ratings", 1, {**VALUES, "draw_factor": absurd}))
    without = after_feature_event(scheduled(), FeatureEvent("r", "m", "ratings", 1, {**VALUES, "draw_factor": None}))

    assert row(with_it)["poisson_draw"] == row(without)["poisson_draw"]


def test_what_is_still_to_come_falls_from_all_to_little_and_none_after_extra_time() -> None:
    for curve in (LINEAR, MEASURED, LATE):
        assert (1.0, 0.0) == (curve[0], curve[-1])
        assert all(np.diff(curve[:91]) < 0)
        assert 0.03 < curve[90] < 0.06


@pytest.mark.parametrize(
    ("home", "away", "times"), [(0, 0, 1.0), (1, 0, 1.2), (2, 3, 1.2), (2, 0, 1.0), (1, 1, 1.0), (0, 4, 1.0)]
)
def test_both_sides_score_more_often_while_one_goal_is_between_them(home: int, away: int, times: float) -> None:
    state = rated(scheduled())
    for minute in range(home + away):
        state = after(state, EventKind.GOAL, 1 + minute, Side.HOME if minute < home else Side.AWAY)
    numbers, level = row(after(state, EventKind.TICK, 60)), row(after(rated(scheduled()), EventKind.TICK, 60))

    for side in ("home", "away"):
        name = f"remaining_{side}_goals"
        assert numbers[name] == pytest.approx(level[name] * times)


def test_a_set_that_was_published_says_what_it_said() -> None:
    state = after(after(rated(scheduled()), EventKind.GOAL, 20, Side.AWAY), EventKind.TICK, 85)
    (second,) = FEATURE_SETS["v2"].matrix([state]).tolist()
    newest, before = row(state), dict(zip(FEATURE_SETS["v2"].names, second, strict=True))

    assert before["remaining_home_goals"] == pytest.approx(before["expected_home_goals"] * 0.1028)
    assert newest["remaining_home_goals"] == pytest.approx(before["expected_home_goals"] * 0.1117 * ONE_APART)
