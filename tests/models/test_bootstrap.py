import numpy as np
import pytest
from scipy import stats

from models.bootstrap import paired_interval


def test_the_interval_is_that_of_scipy():
    chance = np.random.default_rng(3)
    others = chance.exponential(size=400)
    losses = others + chance.normal(-0.05, 0.3, 400)

    found = paired_interval(losses, others, draws=8000)

    expected = stats.bootstrap((losses - others,), np.mean, n_resamples=8000, method="percentile", rng=1)
    assert pytest.approx(tuple(expected.confidence_interval), abs=0.003) == found


def test_it_is_the_same_each_time_and_holds_no_zero_for_a_sure_difference():
    others = np.linspace(0.5, 1.5, 100)

    assert paired_interval(others - 0.1, others) == paired_interval(others - 0.1, others)
    assert pytest.approx((-0.1, -0.1)) == paired_interval(others - 0.1, others)


def test_draws_in_several_parts_are_as_many(monkeypatch):
    monkeypatch.setattr("models.bootstrap._AT_ONCE", 250)
    losses = np.random.default_rng(0).normal(size=100)

    low, high = paired_interval(losses, np.zeros(100), draws=501)

    assert low < losses.mean() < high
