"""From counts to verdicts to alarms, on streams with and without a planted shift."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from monitors.drift import DriftCounts, DriftWindow
from monitors.reference import ReferenceHistograms
from monitors.verdicts import DriftAlarm, DriftThresholds, FeatureDrift, window_drift

NAMES = ["minute", "rating", "competition", "home"]
Shift = Callable[[NDArray[np.float64]], None]


def rows(chance: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.column_stack(
        [chance.uniform(0, 90, n), chance.normal(size=n), chance.integers(0, 4, n), chance.beta(2, 3, n)]
    )


@pytest.fixture(scope="module")
def reference() -> ReferenceHistograms:
    matrix = rows(np.random.default_rng(10), 10_000)
    return ReferenceHistograms.from_matrix(NAMES, matrix, [f"m{n}" for n in range(10_000)], categories=["competition"])


def counted(reference: ReferenceHistograms, matrix: NDArray[np.float64], rows_a_match: int = 1) -> DriftCounts:
    window = DriftWindow(reference)
    window.add_many(
        [f"m{row // rows_a_match}" for row in range(len(matrix))], [f"p{row}" for row in range(len(matrix))], matrix
    )
    return window.counts()


def half_sigma(matrix: NDArray[np.float64]) -> None:
    matrix[:, 1] += 0.5


def nulls(matrix: NDArray[np.float64]) -> None:
    matrix[: int(0.3 * len(matrix)), 1] = np.nan


def new_category(matrix: NDArray[np.float64]) -> None:
    matrix[: len(matrix) // 5, 2] = 9


def outlier(matrix: NDArray[np.float64]) -> None:
    matrix[0, 1] = 1e6


def nothing(_: NDArray[np.float64]) -> None:
    pass


@pytest.mark.parametrize(
    ("shift", "drifted"),
    [
        (half_sigma, ["rating"]),
        (nulls, ["rating"]),
        (new_category, ["competition"]),
        (outlier, []),
        (nothing, []),
    ],
)
@pytest.mark.parametrize("n", [500, 5_000])
def test_a_planted_shift_alarms_in_its_second_window_and_an_outlier_never(
    reference: ReferenceHistograms, shift: Shift, drifted: list[str], n: int
) -> None:
    chance, alarm = np.random.default_rng(11), DriftAlarm()
    alarms = []
    for _ in range(2):
        matrix = rows(chance, n)
        shift(matrix)
        alarms.append(alarm.update(window_drift(counted(reference, matrix), reference)))

    assert alarms == [[], drifted]


@pytest.mark.parametrize("n", [500, 2_000, 50_000])
def test_windows_without_drift_have_no_drift(reference: ReferenceHistograms, n: int) -> None:
    chance = np.random.default_rng(12)
    verdicts = [
        drift.verdict for _ in range(10) for drift in window_drift(counted(reference, rows(chance, n)), reference)
    ]

    assert verdicts == ["OK"] * 40


def test_the_rows_of_few_matches_give_no_verdict_however_many_they_are(reference: ReferenceHistograms) -> None:
    matrix = np.repeat(rows(np.random.default_rng(13), 16), 500, axis=0)
    found = window_drift(counted(reference, matrix, rows_a_match=500), reference)

    assert [drift.verdict for drift in found] == ["TOO_FEW"] * 4
    assert [drift.n for drift in found] == [16] * 4
    assert found[0].psi is found[0].p_value is found[0].chi2 is None


def test_a_verdict_starts_at_500_matches(reference: ReferenceHistograms) -> None:
    matrix = rows(np.random.default_rng(14), 500)

    assert window_drift(counted(reference, matrix[:499]), reference)[0].verdict == "TOO_FEW"
    assert window_drift(counted(reference, matrix), reference)[0].verdict == "OK"


def test_a_feature_that_no_training_row_had_gives_a_verdict_once_it_comes() -> None:
    names = [f"m{n}" for n in range(10_000)]
    reference = ReferenceHistograms.from_matrix(["odds"], np.full((10_000, 1), np.nan), names)
    same = window_drift(counted(reference, np.full((500, 1), np.nan)), reference)[0]
    other = window_drift(counted(reference, np.zeros((500, 1))), reference)[0]

    assert (same.verdict, same.psi, same.p_value) == ("OK", 0, 1)
    assert other.verdict == "DRIFT"


def test_a_verdict_carries_its_figures(reference: ReferenceHistograms) -> None:
    matrix = rows(np.random.default_rng(15), 1_000)
    matrix[:100, 1] = np.nan
    rating, competition = window_drift(counted(reference, matrix), reference)[1:3]

    assert (rating.feature, rating.n, rating.bins) == ("rating", 1_000, 11)
    assert rating.null_rate == pytest.approx(0.1)
    assert rating.null_mean == pytest.approx((1 / 1_000 + 1 / 10_000) * 10)
    assert rating.ks is not None
    assert competition.ks is None
    assert competition.chi2_p_value is not None


def test_drift_needs_a_high_psi_and_a_low_p_value(reference: ReferenceHistograms) -> None:
    matrix = rows(np.random.default_rng(16), 50_000)
    matrix[:, 1] += 0.1
    small_but_certain = window_drift(counted(reference, matrix), reference)[1]

    assert small_but_certain.p_value is not None
    assert small_but_certain.p_value < 1e-6
    assert small_but_certain.verdict == "OK"
    assert window_drift(counted(reference, matrix), reference, DriftThresholds(psi=0.005))[1].verdict == "DRIFT"


def test_counts_over_other_bins_are_refused(reference: ReferenceHistograms) -> None:
    with pytest.raises(ValueError, match=r"counts over \(2,\) bins for a reference of \(11, 11, 6, 11\)"):
        window_drift(DriftCounts.empty((2,)), reference)


def verdict(name: str) -> list[FeatureDrift]:
    kind = {"d": "DRIFT", "o": "OK", "f": "TOO_FEW"}[name]
    return [FeatureDrift("x", 500, 10, 0, 0, 0, 0, 0, 0, 0, 0, kind)]  # type: ignore[arg-type]  # one of three


@pytest.mark.parametrize(
    ("verdicts", "alarmed"),
    [("d", 0), ("dd", 1), ("dod", 1), ("doo", 0), ("dood", 0), ("dfffd", 1), ("ddoo", 0), ("ffff", 0)],
)
def test_an_alarm_is_drift_in_two_of_the_last_three_windows_with_a_verdict(verdicts: str, alarmed: int) -> None:
    alarm, restarted = DriftAlarm(), DriftAlarm()
    for name in verdicts:
        alarm.update(verdict(name))
        restarted = DriftAlarm.from_dict(json.loads(json.dumps(restarted.to_dict())))
        restarted.update(verdict(name))

    assert alarm.alarmed == ["x"] * alarmed
    assert restarted.alarmed == alarm.alarmed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DriftThresholds(psi=0), "above 0, not 0"),
        (lambda: DriftThresholds(psi=float("nan")), "above 0, not nan"),
        (lambda: DriftThresholds(false_discovery_rate=1.5), "between 0 and 1, not 1.5"),
        (lambda: DriftThresholds(windows=4, of_last=3), "in 4 of the last 3 windows"),
    ],
)
def test_impossible_thresholds_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
