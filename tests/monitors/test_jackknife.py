import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitors.jackknife import LEAST_GROUPS, ratio_interval

GROUPS = st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), min_size=LEAST_GROUPS, max_size=30)


@given(st.lists(st.floats(0, 10), min_size=LEAST_GROUPS, max_size=40))
def test_of_single_values_it_is_students_interval_of_their_mean(values):
    low, high = ratio_interval(values, [1] * len(values))

    mean, error = np.mean(values), stats.sem(values)
    half = stats.t.ppf(0.975, len(values) - 1) * error
    assert (pytest.approx(mean - half, abs=1e-9), pytest.approx(mean + half, abs=1e-9)) == (low, high)


@given(GROUPS)
def test_it_is_what_leaving_out_each_group_in_a_loop_gives(groups):
    low, high = ratio_interval([total for total, _ in groups], [size for _, size in groups], level=0.9)

    ratios = []
    for left_out in range(len(groups)):
        kept = [one for place, one in enumerate(groups) if place != left_out]
        ratios.append(sum(total for total, _ in kept) / sum(size for _, size in kept))
    n = len(groups)
    variance = (n - 1) / n * sum((one - sum(ratios) / n) ** 2 for one in ratios)
    ratio = sum(total for total, _ in groups) / sum(size for _, size in groups)
    half = stats.t.ppf(0.95, n - 1) * variance**0.5
    assert (pytest.approx(ratio - half, abs=1e-8), pytest.approx(ratio + half, abs=1e-8)) == (low, high)


def test_few_groups_give_none():
    assert ratio_interval([1.0] * (LEAST_GROUPS - 1), [2] * (LEAST_GROUPS - 1)) is None
