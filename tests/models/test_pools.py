import numpy as np
import pytest
from scipy.optimize import minimize

from models.fitting import fit_member
from models.graph import export
from models.pools import LogitPool, MeanPool, PooledMember, fit_logit_pool
from models.predictors import softmax


@pytest.fixture
def members():
    chance = np.random.default_rng(3)
    signal = chance.normal(size=(800, 3))
    shares = [softmax(signal + chance.normal(scale=scale, size=signal.shape)).astype(np.float32) for scale in (0.3, 1)]
    results = np.array([chance.choice(3, p=row) for row in softmax(signal)])
    return shares, results


def test_the_mean_is_the_plain_mean(members):
    shares, _ = members

    assert np.allclose((shares[0] + shares[1]) / 2, MeanPool()(shares), atol=1e-7)


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_newton_finds_what_a_general_minimiser_finds(members, penalty):
    shares, results = members
    weights = np.linspace(0.5, 1.5, len(results))
    rows = np.column_stack([*(np.log(share.astype(np.float64)) for share in shares), np.ones(len(results))])
    mean = np.vstack([np.eye(3) / 2, np.eye(3) / 2, np.zeros((1, 3))])

    def loss(flat):
        found = flat.reshape(mean.shape)
        chosen = softmax(rows @ found)[np.arange(len(results)), results]
        return -(weights * np.log(chosen)).sum() + penalty / 2 * ((found - mean) ** 2).sum()

    expected = minimize(loss, mean.ravel(), method="BFGS", options={"gtol": 1e-4}).x.reshape(mean.shape)

    assert np.allclose(expected, fit_logit_pool(shares, results, weights, penalty).weights, atol=1e-4)


def test_a_strong_penalty_is_the_geometric_mean(members):
    shares, results = members
    pooled = fit_logit_pool(shares, results, np.ones(len(results)), penalty=1e9)(shares)
    expected = np.sqrt(shares[0].astype(np.float64) * shares[1])

    assert np.allclose(expected / expected.sum(axis=1, keepdims=True), pooled, atol=1e-5)


def test_the_regression_trusts_the_better_member(members):
    shares, results = members
    weights = fit_logit_pool(shares, results, np.ones(len(results)), penalty=1.0).weights

    assert np.trace(weights[:3]) > np.trace(weights[3:6])


@pytest.mark.parametrize("pool", [MeanPool(), LogitPool(np.linspace(-1, 1, 21).reshape(7, 3))])
def test_a_pool_in_a_graph_is_the_pool(pool, examples, tiny):
    pooled = PooledMember([fit_member("tree", examples, tiny), fit_member("mlp", examples, tiny)], pool)

    assert export(pooled, examples.matrix)
