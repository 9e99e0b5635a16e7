"""A network begins as what it starts from, and is the same each time."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from features.feature_sets import FEATURE_SETS, NEWEST
from models import network_fitting
from models.heuristic import heuristic_member
from models.network import NetworkMember, Scaling
from models.network_fitting import begin_as_prior, begin_as_start, fit_network
from models.predictors import CLASSES
from models.scores import log_losses
from tests.models.conftest import synthetic_rows

NAMES = FEATURE_SETS[NEWEST].names
START = heuristic_member(NAMES)


@pytest.fixture(scope="module")
def rows():
    return synthetic_rows(NAMES)


def fitted(rows, start=START, seed=3, passes=4):
    weights = np.ones(len(rows.results))
    return fit_network(rows.matrix, rows.results, weights, start, layers=(8, 5), passes=passes, seed=seed)


@pytest.mark.parametrize("layers", [(3,), (8, 5), (16, 3, 7)])
def test_before_it_has_learned_it_says_what_its_start_says(rows, layers):
    network = MLPClassifier(layers, random_state=1)
    member = NetworkMember(Scaling(np.zeros(len(NAMES)), np.ones(len(NAMES))), network, START)
    network.partial_fit(member.inputs(rows.matrix), rows.results, classes=range(len(CLASSES)))
    assert not np.allclose(START.predict_proba(rows.matrix), member.predict_proba(rows.matrix), atol=1e-3)

    begin_as_start(network.coefs_, network.intercepts_)

    np.testing.assert_allclose(START.predict_proba(rows.matrix), member.predict_proba(rows.matrix), atol=1e-6)


def test_the_same_rows_give_the_same_network_and_another_seed_another(rows):
    first, again, other = fitted(rows), fitted(rows), fitted(rows, seed=4)

    assert all(np.array_equal(*pair) for pair in zip(first.model.coefs_, again.model.coefs_, strict=True))
    assert not np.array_equal(first.model.coefs_[0], other.model.coefs_[0])


def test_its_weights_are_the_mean_of_those_after_the_later_passes(rows, monkeypatch):
    after = []

    class Watched(MLPClassifier):
        def partial_fit(self, *rows, **given):
            super().partial_fit(*rows, **given)
            after.append(self.coefs_[0].copy())
            return self

    monkeypatch.setattr(network_fitting, "MLPClassifier", Watched)
    member = fitted(rows, passes=5)

    assert 1 + 5 == len(after)  # one of a few rows before, which only makes the arrays
    assert not np.allclose(after[-1], after[-2])
    np.testing.assert_allclose(np.mean(after[-3:], axis=0), member.model.coefs_[0], atol=1e-15)


def test_without_a_start_it_begins_as_how_often_what_happens_and_learns_from_the_features(rows):
    weights = np.linspace(1, 2, len(rows.results))
    member = fit_network(rows.matrix, rows.results, weights, None, layers=(8, 5), passes=400, seed=3)
    shares = np.array([weights[rows.results == one].sum() for one in range(len(CLASSES))]) / weights.sum()
    network = MLPClassifier((8, 5), random_state=1)
    network.partial_fit(member.inputs(rows.matrix), rows.results, classes=range(len(CLASSES)))
    begin_as_prior(network.coefs_, network.intercepts_, rows.results, weights)
    said = network.predict_proba(member.inputs(rows.matrix))

    assert len(member.model.coefs_[0]) == len(NAMES)
    np.testing.assert_allclose(np.broadcast_to(shares, said.shape), said, atol=1e-12)
    losses = [log_losses(one, rows.results).mean() for one in (said, member.predict_proba(rows.matrix))]
    assert losses[1] < losses[0] - 0.001
