from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from features.rating_values import rating_values
from features.team_ratings import (
    FinishedMatch,
    TeamRating,
    after_result,
    expected_goals,
    expected_score,
    importance,
)

DRAW = FinishedMatch("m", 100, "Friendly", "Ajax", "PSV", neutral=True, home_score=1, away_score=1)
ratings = st.builds(
    TeamRating, st.just("Ajax"), st.floats(1000, 2200), st.floats(-1, 1), st.floats(-1, 1), matches=st.integers(0, 900)
)


def test_two_goals_in_a_world_cup_move_elo_as_its_page_says() -> None:
    home, away = TeamRating("Ajax", elo=1700.0), TeamRating("PSV", elo=1500.0)
    result = FinishedMatch("m", 1, "FIFA World Cup", "Ajax", "PSV", neutral=True, home_score=0, away_score=2)

    after_home, after_away = after_result(home, away, result)

    expected = 1 / (1 + 10 ** (-200 / 400))
    assert after_home.elo == pytest.approx(1700 - 60 * 1.5 * expected)
    assert after_away.elo == pytest.approx(1500 + 60 * 1.5 * expected)


def test_a_win_by_five_weighs_two() -> None:
    one, _ = after_result(TeamRating("Ajax"), TeamRating("PSV"), replace(DRAW, home_score=1, away_score=0))
    five, _ = after_result(TeamRating("Ajax"), TeamRating("PSV"), replace(DRAW, home_score=5, away_score=0))

    assert five.elo - 1500 == pytest.approx(2 * (one.elo - 1500))


def test_home_advantage_is_a_hundred_points_and_none_on_neutral_ground() -> None:
    ajax = TeamRating("Ajax")

    assert expected_score(ajax, ajax, neutral=True) == 0.5
    assert expected_score(ajax, ajax, neutral=False) == pytest.approx(1 / (1 + 10**-0.25))
    home, away = expected_goals(ajax, ajax, neutral=True)
    assert home == away


@given(ratings, ratings, st.integers(0, 9), st.integers(0, 9))
def test_elo_is_neither_made_nor_lost(home: TeamRating, away: TeamRating, ours: int, theirs: int) -> None:
    result = replace(DRAW, home_score=ours, away_score=theirs, neutral=False)

    after = after_result(home, away, result)

    assert sum(team.elo for team in after) == pytest.approx(home.elo + away.elo)


@given(ratings, ratings, st.integers(0, 9), st.integers(0, 9))
def test_each_result_is_a_step_up_its_likelihood(home: TeamRating, away: TeamRating, ours: int, theirs: int) -> None:
    result = replace(DRAW, home_score=ours, away_score=theirs)

    after = after_result(home, away, result)

    before_means, after_means = expected_goals(home, away, neutral=True), expected_goals(*after, neutral=True)
    for goals, old, new in zip((ours, theirs), before_means, after_means, strict=True):
        assert (goals > old) == (new > old) or new == old
        near = old + 0.01 * (new - old)
        assert poisson.logpmf(goals, near) >= poisson.logpmf(goals, old) - 1e-9


def test_form_is_an_exponentially_weighted_mean() -> None:
    team = TeamRating("Ajax", form_points=1.0, form_goals_for=1.0, form_goals_against=1.0)

    after, _ = after_result(team, TeamRating("PSV"), replace(DRAW, home_score=3, away_score=0))

    assert (after.form_points, after.form_goals_for, after.form_goals_against) == pytest.approx((1.3, 1.3, 0.85))
    assert (1, 100) == (after.matches, after.last_match_day)


def test_a_fold_of_draws_between_equals_changes_little() -> None:
    home, away = TeamRating("Ajax"), TeamRating("PSV")
    for _ in range(100):
        home, away = after_result(home, away, DRAW)

    assert (home.elo, away.elo) == (1500.0, 1500.0)
    assert expected_goals(home, away, neutral=True) == pytest.approx((1.0, 1.0), abs=0.02)


def test_the_values_name_rest_days_and_leave_those_of_a_new_team_out() -> None:
    played, fresh = TeamRating("Ajax", matches=3, last_match_day=90), TeamRating("PSV")

    values = rating_values(played, fresh, neutral=False, day=100)

    assert (10.0, None, 3.0, 100.0) == (
        values["home_rest_days"],
        values["away_rest_days"],
        values["home_matches"],
        values["elo_difference"],
    )
    assert 365.0 == rating_values(played, fresh, neutral=False, day=9000)["home_rest_days"]


def test_qualification_weighs_less_than_its_tournament() -> None:
    assert [60, 40, 50, 40, 20, 30] == [
        importance(name)
        for name in (
            "FIFA World Cup",
            "FIFA World Cup qualification",
            "UEFA Euro",
            "CONCACAF Nations League",
            "Friendly",
            "en.1",
        )
    ]
