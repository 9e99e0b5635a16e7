"""Paired differences: sums against fractions, and in any order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.differences import Differences, differences, match_difference
from monitors.performance import judged, scores

VALUES = st.lists(st.floats(-30, 30), max_size=20)


def of(values, clip=0.5):
    return differences(np.array(values, dtype=float), clip)


@given(VALUES.filter(len), st.sampled_from([0.1, 0.5, 2.0]))
def test_mean_squares_and_what_was_clipped_are_those_of_a_slow_loop(values, clip):
    found = of(values, clip)
    within = [min(max(value, -clip), clip) for value in values]

    n = len(values)
    assert n == found.matches
    assert sum(value != kept for value, kept in zip(values, within, strict=True)) == found.clipped
    assert float(sum(map(Fraction, within)) / n) == pytest.approx(found.mean, abs=1e-15)
    assert float(sum(Fraction(value) ** 2 for value in within)) == pytest.approx(found.squares, abs=1e-12)
    whole = float(sum(map(Fraction, values)) / n)
    assert whole == pytest.approx(found.mean + found.cut_above - found.cut_below, abs=1e-12)
    assert found.cut_above >= 0 <= found.cut_below


@given(VALUES, VALUES, VALUES)
def test_they_add_in_any_order_and_grouping_and_what_is_taken_out_leaves_no_trace(first, second, third):
    a, b, c = of(first), of(second), of(third)

    assert of(first + second + third) == (a + b) + c == c + (b + a)
    assert a + c == (a + b + c) - b
    assert Differences() == b - b


def test_the_difference_of_a_match_is_that_of_the_mean_log_losses():
    chance = np.random.default_rng(3)
    challenger, champion = chance.dirichlet((1, 1, 1), (2, 7))
    challenger[0] = (0, 1, 0)

    ours, theirs = (scores(judged(said, 2)) for said in (challenger, champion))
    assert ours is not None
    assert theirs is not None
    assert ours.log_loss - theirs.log_loss == pytest.approx(match_difference(challenger, champion, 2), abs=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [(2, 3), (0, 0)])
def test_predictions_of_different_events_are_no_pair(ours, theirs):
    with pytest.raises(ValueError, match="are not of the same events"):
        match_difference(np.full((ours, 3), 1 / 3), np.full((theirs, 3), 1 / 3), 0)


def test_numbers_of_another_layout_are_refused():
    with pytest.raises(ValueError, match="7 numbers are no differences, which have 8"):
        Differences((0,) * 7)
