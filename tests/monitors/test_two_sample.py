"""KS, chi2 and Benjamini-Hochberg against SciPy."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from monitors.histograms import QuantileBins, counts
from monitors.two_sample import benjamini_hochberg, chi_square, kolmogorov_smirnov

COUNTS = st.lists(st.integers(0, 300), min_size=3, max_size=3)


@given(COUNTS.filter(any), COUNTS.filter(any))
def test_ks_is_scipys_on_the_bins(current: list[int], reference: list[int]) -> None:
    mine, theirs = np.repeat(np.arange(3), current), np.repeat(np.arange(3), reference)
    expected = ks_2samp(mine, theirs, method="asymp").statistic

    assert expected == pytest.approx(kolmogorov_smirnov(current, reference).statistic, abs=1e-12)


def test_ks_p_value_is_scipys_for_many_values() -> None:
    chance = np.random.default_rng(8)
    for shift in (0.0, 0.02, 0.05):
        mine, theirs = chance.normal(shift, size=5_000), chance.normal(size=10_000)
        bins = QuantileBins.of(theirs)
        binned = [bins.indices(side) for side in (mine, theirs)]
        expected = ks_2samp(*binned, method="asymp").pvalue

        assert expected == pytest.approx(
            kolmogorov_smirnov(counts(bins, mine), counts(bins, theirs)).p_value, rel=0.1, abs=0.01
        )


def test_binned_ks_is_never_above_the_ks_of_the_values() -> None:
    chance = np.random.default_rng(9)
    for _ in range(20):
        mine, theirs = chance.normal(0.1, size=700), chance.normal(size=900)
        bins = QuantileBins.of(theirs)

        found = kolmogorov_smirnov(counts(bins, mine), counts(bins, theirs)).statistic
        assert found <= ks_2samp(mine, theirs).statistic + 1e-12


def test_ks_of_an_empty_side_says_nothing() -> None:
    assert kolmogorov_smirnov([0, 0], [1, 1]) == (0, 1)


@given(COUNTS, COUNTS)
def test_chi_square_is_scipys(current: list[int], reference: list[int]) -> None:
    table = np.array([current, reference])
    table = table[:, table.sum(axis=0) > 0]
    assume(table.sum(axis=1).all() and table.shape[1] > 1)
    expected = chi2_contingency(table, correction=False)
    found = chi_square(current, reference)

    assert expected.statistic == pytest.approx(found.statistic, abs=1e-9)
    assert expected.pvalue == pytest.approx(found.p_value, abs=1e-9)


def test_chi_square_of_one_used_bin_says_nothing() -> None:
    assert chi_square([5, 0], [9, 0]) == (0, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.01, 0.05, 0.2]))
def test_benjamini_hochberg_is_scipys(p_values: list[float], level: float) -> None:
    adjusted = false_discovery_control(p_values)
    assume(np.all(np.abs(adjusted - level) > 1e-12))

    assert (adjusted <= level).tolist() == benjamini_hochberg(p_values, level).tolist()


def test_benjamini_hochberg_of_nothing_is_nothing() -> None:
    assert benjamini_hochberg([], 0.05).tolist() == []


def test_a_false_discovery_rate_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1, not 1"):
        benjamini_hochberg([0.5], 1)
