"""A small version of `touchline drift simulate`, and the streams it makes, against SciPy."""

import itertools

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, kstest, poisson, power_divergence

from monitors.drift import DriftWindow
from monitors.made_streams import KINDS, OUTLIER, PLANTED, MadeStream
from monitors.operating_characteristics import Trial, characteristics, overall
from monitors.psi import SMOOTHING
from monitors.verdicts import DriftThresholds, window_drift

USUAL = DriftThresholds()


def stream(seed: int, rows_a_match: int = 1) -> MadeStream:
    return MadeStream(len(KINDS), rows_a_match, np.random.default_rng(seed))


@pytest.mark.parametrize("n", [550, 2_000])
def test_alarms_are_right_without_drift_with_it_and_after_an_outlier(n: int) -> None:
    found = characteristics(Trial(n, runs=5, windows=10, features=2 * len(KINDS)), 7, USUAL)

    assert found.feature_windows >= 5 * 13 * 16
    assert found.false_alarm_rate is not None
    assert found.false_alarm_rate <= 0.01
    assert 0 == found.outlier_alarms
    assert dict.fromkeys(PLANTED, 1.0) == found.detected
    assert all(one is not None and one <= 2 for one in found.windows_to_detection.values())


def test_p_values_are_as_often_below_5_percent_as_they_say() -> None:
    found = characteristics(Trial(600, runs=10, windows=10, features=16), 3, USUAL)

    assert found.significant == pytest.approx(0.05, abs=0.02)


def test_few_matches_with_many_rows_alarm_for_nothing_where_rows_are_counted_and_have_no_verdict_as_matches() -> None:
    rows = characteristics(Trial(32, 30, "row", runs=1), 5, USUAL)
    matches = characteristics(Trial(32, 30, "match", runs=1, windows=2), 5, USUAL)

    assert rows.false_alarm_rate is not None
    assert rows.false_alarm_rate > 0.05
    assert rows.significant is not None
    assert rows.significant > 0.5
    assert (0, None) == (matches.feature_windows, matches.false_alarm_rate)
    assert dict.fromkeys(PLANTED, 0.0) == matches.detected


def test_correlated_rows_leave_the_p_values_of_matches_right() -> None:
    found = characteristics(Trial(600, 5, runs=4, windows=5), 11, USUAL)

    assert found.significant == pytest.approx(0.05, abs=0.03)
    assert 0 == found.false_alarms


def test_equal_seeds_give_equal_figures_and_others_do_not() -> None:
    trial = Trial(550, runs=1, windows=3)
    first, again, other = (characteristics(trial, seed, USUAL) for seed in (1, 1, 2))

    assert first == again
    assert first.significant != other.significant


def test_the_figures_of_all_sizes_together_weigh_feature_windows_and_streams() -> None:
    found = [characteristics(Trial(n, runs=1, windows=2), 1, USUAL) for n in (100, 550)]

    assert 0.0 == overall(found)["false_alarm_rate"]
    assert dict.fromkeys(PLANTED, 0.5) == overall(found)["detected"]
    assert dict.fromkeys(PLANTED, 2.0) == overall(found)["windows_to_detection"]
    assert overall(found[:1])["false_alarm_rate"] is None


@pytest.mark.parametrize("planted", [None, *PLANTED])
def test_the_figures_of_a_window_are_scipys(planted) -> None:
    made = stream(21)
    reference = made.reference()
    batch = made.window(700, planted, 0 if planted is None else made.column_of(planted, 0))
    window = DriftWindow(reference)
    window.add_many(batch.match_ids, batch.row_ids, batch.matrix)
    counts = window.counts()

    columns = zip(window_drift(counts, reference), counts.counts, reference.histograms, strict=True)
    for drift, current, histogram in columns:
        table = np.array([current, histogram.counts])
        used = table[:, table.sum(axis=0) > 0]
        p, q = ((side + SMOOTHING) / (side + SMOOTHING).sum() for side in used)
        both_ways = sum(power_divergence(*pair, lambda_="log-likelihood").statistic for pair in ((p, q), (q, p))) / 2
        assert both_ways == pytest.approx(drift.psi, abs=1e-12)
        assert chi2_contingency(used, correction=False).statistic == pytest.approx(drift.chi2)
        if drift.ks is not None:
            values = [np.repeat(np.arange(len(side) - 1), side[:-1]) for side in (current, histogram.counts)]
            assert ks_2samp(*values, method="asymp").statistic == pytest.approx(drift.ks)


def test_columns_have_the_distributions_they_are_named_after() -> None:
    matrix = stream(4).window(20_000).matrix
    columns = dict(zip(KINDS, matrix.T, strict=True))

    assert kstest(columns["normal"], "norm").pvalue > 0.001
    assert kstest(columns["skewed"], "expon").pvalue > 0.001
    assert kstest(columns["heavy"], "lognorm", (1,)).pvalue > 0.001
    assert kstest(columns["uniform"], "uniform", (0, 90)).pvalue > 0.001
    found = np.bincount(columns["count"].astype(int), minlength=4)[:4] / 20_000
    np.testing.assert_allclose(poisson.pmf(range(4), 1.3), found, atol=0.015)
    assert columns["flag"].mean() == pytest.approx(0.95, abs=0.01)
    assert np.isnan(columns["gaps"]).mean() == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("column", range(5))
def test_a_shift_moves_the_mean_of_its_column_by_half_a_standard_deviation_and_no_other(column: int) -> None:
    before, after = (stream(5).window(20_000, planted, column).matrix for planted in (None, "shift"))
    moved = (np.nanmean(after, axis=0) - np.nanmean(before, axis=0)) / np.nanstd(before, axis=0)

    assert moved[column] == pytest.approx(0.5, abs=0.03)
    assert np.count_nonzero(moved) == 1


def test_drift_is_planted_as_described() -> None:
    nulls, category, flag = (
        stream(6).window(20_000, planted, stream(6).column_of(planted, 0)).matrix for planted in list(PLANTED)[1:]
    )

    assert np.isnan(nulls[:, 0]).mean() == pytest.approx(0.3, abs=0.01)
    assert (category[:, KINDS.index("category")] == 9).mean() == pytest.approx(0.1, abs=0.01)
    assert flag[:, KINDS.index("flag")].mean() == pytest.approx(0.7, abs=0.01)
    outlier = stream(6, 3).window(50, outlier=True).matrix
    assert [3 * len(KINDS)] == [np.count_nonzero(outlier == OUTLIER)]


def test_rows_of_a_match_resemble_each_other_and_matches_do_not() -> None:
    batch = stream(8, 2).window(5_000)
    first, second = batch.matrix[::2, 0], batch.matrix[1::2, 0]

    assert batch.match_ids[::2] == batch.match_ids[1::2]
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.9, abs=0.02)
    assert abs(np.corrcoef(first, np.roll(first, 1))[0, 1]) < 0.05
    assert all(a != b for a, b in itertools.pairwise(batch.match_ids[::2]))


def test_too_few_features_are_refused() -> None:
    with pytest.raises(ValueError, match=f"7 features; one of each kind .* makes {len(KINDS)}"):
        MadeStream(7, 1, np.random.default_rng(0))
