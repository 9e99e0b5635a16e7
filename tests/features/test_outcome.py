import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import skellam

from features.outcome import outcome_chances

means = st.floats(0.001, 12)


@given(means, means, st.integers(-12, 12))
def test_the_chances_are_skellam_s(home: float, away: float, lead: int) -> None:
    expected = skellam.sf(-lead, home, away), skellam.pmf(-lead, home, away), skellam.cdf(-lead - 1, home, away)

    assert outcome_chances(home, away, lead) == pytest.approx(expected, abs=1e-6)


@given(means, means, st.integers(-12, 12))
def test_the_chances_are_chances(home: float, away: float, lead: int) -> None:
    chances = outcome_chances(home, away, lead)

    assert all(0 <= chance <= 1 + 1e-12 for chance in chances)
    assert sum(chances) == pytest.approx(1)


@pytest.mark.parametrize(("lead", "chances"), [(2, (1, 0, 0)), (0, (0, 1, 0)), (-1, (0, 0, 1))])
def test_the_score_is_the_outcome_when_no_goal_is_to_come(lead: int, chances: tuple[float, float, float]) -> None:
    assert chances == outcome_chances(0.0, 0.0, lead)
