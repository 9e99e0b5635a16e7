from dataclasses import replace

import pytest

from features.seasons import entering
from features.team_ratings import TeamRating

TEAM = TeamRating(
    "Ajax", attack=0.5, defence=0.3, matches=80, last_match_day=100, division="nl.2", settled=80, season_matches=38,
    pi_home=1.0, pi_away=0.5,
)  # fmt: skip


def test_from_one_week_to_the_next_nothing_changes() -> None:
    assert entering(TEAM, "nl.2", 107) == TEAM
    assert entering(TEAM, "FIFA World Cup", 107) == TEAM


def test_after_the_summer_a_team_is_nearer_to_the_mean_and_less_settled() -> None:
    team = entering(TEAM, "nl.2", 190)

    assert (0.493, 0.2958) == pytest.approx((team.attack, team.defence))
    assert (5, 0, 80) == (team.settled, team.season_matches, team.matches)


def test_a_promoted_team_is_among_the_weaker_and_a_relegated_one_among_the_better() -> None:
    weak = replace(TEAM, attack=-0.3, defence=-0.3, pi_home=-0.8, pi_away=-0.8, division="nl.1")
    up, down = entering(TEAM, "nl.1", 190), entering(weak, "nl.2", 190)

    assert up.attack < 0.1 < TEAM.attack
    assert up.defence < 0 < TEAM.defence
    assert up.pi_home < 0 < TEAM.pi_home
    assert weak.attack < 0 < down.attack
    assert weak.pi_home < 0 < down.pi_home
    assert ("nl.1", 2, 0) == (up.division, up.settled, up.season_matches)


def test_a_new_team_is_a_little_weaker_than_the_mean_and_a_renamed_division_is_no_move() -> None:
    new = entering(TeamRating("PSV"), "nl.2", 5)

    assert (-0.077, -0.077, "nl.2", 0) == (new.attack, new.defence, new.division, new.settled)
    assert entering(TEAM, "nl.2b", 107) == replace(TEAM, division="nl.2b")


def test_outside_of_divisions_a_break_only_begins_a_season() -> None:
    assert entering(TEAM, "Friendly", 190) == replace(TEAM, season_matches=0)
    assert entering(TeamRating("Ajax"), "Friendly", 190) == TeamRating("Ajax")
