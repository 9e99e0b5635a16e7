from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.pi_ratings import expected_margin, lesson

ratings = st.floats(-3.0, 3.0)


def test_a_surprise_counts_for_its_logarithm() -> None:
    assert expected_margin(3.0, -3.0) == pytest.approx(18.0)
    assert lesson(0.0, 0.0, 2) == pytest.approx(0.035 * 3 * log10(3))
    assert lesson(3.0, -3.0, 17) == pytest.approx(-0.035 * 3 * log10(2))


@given(ratings, ratings, st.integers(-9, 9))
def test_a_result_moves_what_is_expected_towards_it(home: float, away: float, margin: int) -> None:
    before, learned = expected_margin(home, away), lesson(home, away, margin)
    after = expected_margin(home + learned, away - learned)

    assert (learned > 0) == (margin > before)
    assert min(before, margin) - 1.0 <= after <= max(before, margin) + 1.0


@given(ratings, ratings)
def test_who_plays_at_home_is_all_the_difference_there_is(home: float, away: float) -> None:
    assert expected_margin(home, away) == pytest.approx(-expected_margin(away, home))
