"""PSI against SciPy, against its null distribution, and against the traps of other libraries."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, power_divergence

from monitors.histograms import CategoryBins, QuantileBins, counts
from monitors.psi import SMOOTHING, matches_needed, psi, psi_null_mean, psi_p_value

COUNTS = st.lists(st.integers(1, 1_000), min_size=2, max_size=12)


def likelihood_ratio(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(power_divergence(observed, expected, lambda_="log-likelihood").statistic)


@given(st.data(), COUNTS)
def test_psi_is_scipys_divergence_both_ways(data: st.DataObject, reference: list[int]) -> None:
    current = data.draw(st.lists(st.integers(0, 1_000), min_size=len(reference), max_size=len(reference)).filter(any))
    p, q = (np.array(side) + SMOOTHING for side in (current, reference))
    p, q = p / p.sum(), q / q.sum()

    assert (likelihood_ratio(p, q) + likelihood_ratio(q, p)) / 2 == pytest.approx(psi(current, reference), abs=1e-12)


@given(st.data(), COUNTS)
def test_psi_is_never_negative_and_the_same_both_ways(data: st.DataObject, reference: list[int]) -> None:
    current = data.draw(st.permutations(reference))

    assert psi(current, reference) >= 0
    assert psi(current, reference) == pytest.approx(psi(reference, current))


def test_psi_of_equal_counts_is_zero() -> None:
    assert psi([3, 5, 0], [3, 5, 0]) == 0


def test_a_bin_empty_on_both_sides_says_nothing() -> None:
    assert psi([100, 400], [5_000, 5_000]) == psi([100, 0, 400], [5_000, 0, 5_000])


def test_the_p_value_is_scipys() -> None:
    scale = 1 / 500 + 1 / 10_000

    assert chi2.sf(0.05 / scale, 9) == pytest.approx(psi_p_value(0.05, 500, 10_000, 10), rel=1e-12)


def test_one_bin_alone_cannot_drift() -> None:
    assert psi_p_value(0, 500, 10_000, 1) == 1


def unsmoothed_psi(current: ArrayLike, reference: ArrayLike) -> float:
    # Of 3,000 windows of 100 matches a handful has an empty bin.
    p, q = (np.maximum(side, 0.01) / np.maximum(side, 0.01).sum() for side in (current, reference))
    return (likelihood_ratio(p, q) + likelihood_ratio(q, p)) / 2


def null_runs(n: int, measure: Callable[[ArrayLike, ArrayLike], float] = psi) -> NDArray[np.float64]:
    runs = 3_000
    chance = np.random.default_rng(20221120)
    shares = np.full(10, 0.1)
    references, currents = chance.multinomial(10_000, shares, size=runs), chance.multinomial(n, shares, size=runs)
    return np.array([measure(current, reference) for current, reference in zip(currents, references, strict=True)])


def test_without_drift_500_matches_never_pass_the_threshold() -> None:
    found = null_runs(500)

    assert found.mean() == pytest.approx(0.019, abs=0.0005)
    assert found.mean() == pytest.approx(psi_null_mean(500, 10_000, 10), rel=0.03)
    assert (found > 0.1).mean() == 0


def test_without_drift_100_matches_pass_the_threshold_often_which_is_why_they_get_no_verdict() -> None:
    unsmoothed = null_runs(100, unsmoothed_psi)
    smoothed = null_runs(100)

    assert (unsmoothed > 0.1).mean() == pytest.approx(0.375, abs=0.03)
    assert 0.25 < (smoothed > 0.1).mean() < (unsmoothed > 0.1).mean()
    assert matches_needed([1_000] * 10) > 100


@pytest.mark.parametrize("n", [500, 5_000, 50_000])
def test_p_values_without_drift_are_uniform_enough(n: int) -> None:
    found = np.array([psi_p_value(value, n, 10_000, 10) for value in null_runs(n)])

    assert (found < 0.05).mean() == pytest.approx(0.05, abs=0.015)
    assert (found < 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_trap_one_outlier_does_not_hide_a_shift() -> None:
    chance = np.random.default_rng(5)
    reference, current = chance.normal(size=10_000), chance.normal(0.5, size=2_000)
    bins = QuantileBins.of(reference)
    before = psi(counts(bins, current), counts(bins, reference))
    after = psi(counts(bins, [*current, 1e6]), counts(bins, reference))

    assert before > 0.2
    assert after == pytest.approx(before, rel=0.01)


def test_trap_one_outlier_makes_no_drift() -> None:
    chance = np.random.default_rng(6)
    reference, current = chance.normal(size=10_000), chance.normal(size=2_000)
    bins = QuantileBins.of(reference)

    assert psi(counts(bins, [*current, 1e6]), counts(bins, reference)) < 0.02


def test_trap_an_empty_bin_does_not_explode() -> None:
    reference = [1_000] * 10
    current = [0] + [11] * 8 + [12]

    # Filled with 1e-308 instead, this one bin alone would give (0.1 - 0) * ln(0.1 / 1e-308), which is 70.
    assert psi(current, reference) < 0.5


def test_trap_a_feed_going_half_null_is_seen() -> None:
    chance = np.random.default_rng(7)
    reference, current = chance.normal(size=10_000), chance.normal(size=1_000)
    bins = QuantileBins.of(reference)
    current[::2] = np.nan

    assert psi(counts(bins, current), counts(bins, reference)) > 1


def test_trap_a_category_never_seen_is_seen() -> None:
    reference, current = [0.0, 1.0] * 5_000, [0.0, 1.0, 2.0] * 300
    bins = CategoryBins.of(reference)

    assert psi(counts(bins, current), counts(bins, reference)) > 1


def test_trap_missing_values_do_not_raise_the_matches_needed() -> None:
    assert matches_needed([1_000] * 10 + [0]) == 500
    assert matches_needed([500] * 20) == 1_000


@pytest.mark.parametrize(
    ("current", "reference", "message"),
    [
        ([0, 0], [1, 1], "nothing to compare: 0 values against 2"),
        ([1, 1], [0, 0], "2 values against 0"),
        ([1, 1], [1, 1, 1], "different bins"),
    ],
)
def test_psi_of_nothing_is_refused(current: list[int], reference: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        psi(current, reference)
