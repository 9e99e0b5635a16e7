import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from models.predictors import softmax
from models.scores import cost_scores, scores


@pytest.fixture
def forecast():
    chance = np.random.default_rng(0)
    shares = softmax(chance.normal(size=(500, 3)))
    return shares.astype(np.float32), np.array([chance.choice(3, p=row) for row in shares])


def test_log_loss_and_accuracy_are_scikit_learns(forecast):
    shares, results = forecast
    found = scores(shares, results)

    whole = shares / shares.sum(axis=1, keepdims=True, dtype=np.float64)

    assert log_loss(results, whole, labels=[0, 1, 2]) == pytest.approx(found["log_loss"])
    assert accuracy_score(results, shares.argmax(axis=1)) == found["accuracy"]


def test_rps_brier_and_calibration_are_those_of_a_slow_loop(forecast):
    shares, results = forecast
    rps = brier = 0.0
    bins = {}
    for row, result in zip(shares.astype(float), results, strict=True):
        truth = [float(place == result) for place in range(3)]
        rps += sum((sum(row[: end + 1]) - sum(truth[: end + 1])) ** 2 for end in range(2)) / 2
        brier += sum((share - happened) ** 2 for share, happened in zip(row, truth, strict=True))
        for one in range(3):
            bins.setdefault((one, math.floor(row[one] * 10)), []).append(row[one] - truth[one])
    ece = sum(abs(sum(gaps)) for gaps in bins.values()) / len(results) / 3
    found = scores(shares, results)

    assert rps / len(results) == pytest.approx(found["rps"])
    assert brier / len(results) == pytest.approx(found["brier"])
    assert ece == pytest.approx(found["ece"])


def test_a_sure_forecast_which_fails_costs_much_but_not_everything():
    found = scores(np.array([[1.0, 0.0, 0.0]], dtype=np.float32), np.array([2]))

    assert math.log(1e15) == pytest.approx(found["log_loss"])
    assert 1.0 == found["rps"]


def test_the_decision_of_least_expected_cost_is_that_of_a_slow_loop():
    chance = np.random.default_rng(3)
    said = chance.dirichlet([1, 1, 1], 200).astype(np.float32)
    results, costs = chance.integers(0, 3, 200), chance.random((3, 3)) * 5
    paid, expected = [], []
    for row, result in zip(said.tolist(), results.tolist(), strict=True):
        risks = [sum(row[comes] * costs[decision][comes] for comes in range(3)) for decision in range(3)]
        best = risks.index(min(risks))
        paid.append(costs[best][result])
        expected.append(risks[best])

    found = cost_scores(said, results, costs)

    assert pytest.approx(float(np.mean(paid)), abs=1e-12) == found["cost"]
    assert pytest.approx(float(np.mean(expected)), abs=1e-9) == found["expected_cost"]


def test_with_zero_one_costs_the_cost_is_what_accuracy_leaves():
    chance = np.random.default_rng(4)
    said, results = chance.dirichlet([2, 1, 1], 300).astype(np.float32), chance.integers(0, 3, 300)

    assert pytest.approx(1 - scores(said, results)["accuracy"]) == cost_scores(said, results, 1 - np.eye(3))["cost"]
