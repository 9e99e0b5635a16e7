from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson, skellam

from features.divisions import DRAW_FACTORS, DivisionRates, draw_chance, rates_after, tier_of

means = st.floats(0.1, 4.0)


@pytest.mark.parametrize(
    ("competition", "tier"),
    [("en.1", 1), ("mx.2ascenso", 2), ("italy.3-seriec_a", 3), ("FIFA World Cup", None), ("No. 1 Cup", None),
     ("en.", None), ("afl", None), ("", None)],
)  # fmt: skip
def test_a_division_is_known_by_its_name(competition: str, tier: int | None) -> None:
    assert tier == tier_of(competition)


@given(means, means)
def test_the_chance_of_a_draw_is_skellam_s(home: float, away: float) -> None:
    assert draw_chance(home, away, 1.0) == pytest.approx(skellam.pmf(0, home, away), abs=1e-7)


@given(means, means, st.floats(*DRAW_FACTORS))
def test_a_factor_multiplies_the_odds_of_a_draw(home: float, away: float, factor: float) -> None:
    plain, found = draw_chance(home, away, 1.0), draw_chance(home, away, factor)

    assert found / (1 - found) == pytest.approx(factor * plain / (1 - plain))


def test_the_rates_come_near_to_those_by_which_results_are_drawn() -> None:
    chance = np.random.default_rng(1)
    rates = DivisionRates("nl.1")
    for home, away in poisson.rvs((1.7, 1.1), size=(4000, 2), random_state=chance).tolist():
        found = float(np.exp(rates.log_goals + rates.home_log_goals)), float(np.exp(rates.log_goals))
        rates = rates_after(rates, found, (home, away))

    assert rates.log_goals == pytest.approx(log(1.1), abs=0.12)
    assert rates.home_log_goals == pytest.approx(log(1.7 / 1.1), abs=0.15)
    assert rates.draw_factor == pytest.approx(1.0, abs=0.15)
    assert 4000 == rates.matches


def test_many_draws_make_draws_more_probable_but_not_without_end() -> None:
    rates = DivisionRates("nl.1")
    for _ in range(1000):
        rates = rates_after(rates, (1.4, 1.1), (1, 1))

    assert rates.draw_factor == DRAW_FACTORS[1]
