import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from models.reliability import confusion, reliability, wilson, worst_misses


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilson_s(pair):
    hits, n = pair
    expected = binomtest(hits, n).proportion_ci(method="wilson")

    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_bins_are_those_of_scikit_learn():
    chance = np.random.default_rng(0)
    chances = chance.random(2000).astype(np.float32)
    happened = chance.random(2000) < chances
    frequencies, forecasts = calibration_curve(happened, chances, n_bins=10)

    bins = reliability(chances, happened)

    assert [one.frequency for one in bins] == pytest.approx(frequencies.tolist())
    assert [one.forecast for one in bins] == pytest.approx(forecasts.tolist(), abs=1e-6)
    assert 2000 == sum(one.n for one in bins)
    assert all(one.low <= one.frequency <= one.high for one in bins)


def test_empty_bins_are_left_out_and_one_is_in_the_last():
    (only,) = reliability(np.array([1.0, 1.0], np.float32), np.array([True, False]))

    assert (1.0, 0.5, 2) == (only.forecast, only.frequency, only.n)


def test_confusion_has_what_was_said_in_its_rows():
    chance = np.random.default_rng(1)
    said, results = chance.dirichlet((1, 1, 1), 500).astype(np.float32), chance.integers(0, 3, 500)

    assert confusion_matrix(said.argmax(axis=1), results).tolist() == confusion(said, results).tolist()


def test_the_worst_comes_first():
    said = np.array([[0.2, 0.3, 0.5], [0.01, 0.09, 0.9], [0.1, 0.2, 0.7]], np.float32)

    assert [1, 2] == list(worst_misses(said, np.array([0, 0, 0]), 2))
