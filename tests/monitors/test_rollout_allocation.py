"""The share of a bandit is the posterior chance that the challenger is better in a segment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import invgamma, norm

from monitors.differences import Differences, differences
from monitors.rollout_allocation import PRIOR_DEVIATION, PRIOR_MATCHES, chance_better, shares
from monitors.rollout_plan import Step

BANDIT = Step(stage="bandit", percent=50.0, floor=2.0, minMatches=1)
CANARY = Step(stage="canary", percent=5.0, minMatches=1)
NOTHING = Differences()


def drawn(mean: float, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.1, count)


@pytest.mark.parametrize(
    ("own", "others"),
    [(drawn(0.01, 7), drawn(-0.02, 0)), (drawn(-0.01, 60), drawn(0.03, 90)), (drawn(0.02, 300), drawn(0.0, 11))],
)
def test_the_chance_is_that_of_a_sum_over_a_grid(own, others):
    # Prior times likelihood, summed over means and variances.
    pooled = PRIOR_MATCHES + len(others)
    before, weight = others.sum() / pooled, 1 / (1 / PRIOR_MATCHES + 1 / pooled)
    variances = np.linspace(0.004, 0.03, 801)[:, None]
    means = np.linspace(-0.15, 0.15, 3000)[None, :]
    of_variance = invgamma(PRIOR_MATCHES / 2, scale=PRIOR_MATCHES * PRIOR_DEVIATION**2 / 2).logpdf(variances)
    of_mean = norm.logpdf(means, before, np.sqrt(variances / weight))
    likelihood = sum(norm.logpdf(one, means, np.sqrt(variances)) for one in own)
    logs = of_variance + of_mean + likelihood
    weights = np.exp(logs - logs.max())
    expected = weights[:, means[0] < 0].sum() / weights.sum()

    assert expected == pytest.approx(chance_better(differences(own, 1.0), differences(others, 1.0)), abs=5e-4)


@given(st.lists(st.floats(-0.5, 0.5), max_size=30), st.lists(st.floats(-0.5, 0.5), max_size=30))
def test_one_is_as_surely_better_as_the_other_is_worse(own, others):
    def chance(sign):
        return chance_better(differences(sign * np.array(own), 0.5), differences(sign * np.array(others), 0.5))

    assert 1 == pytest.approx(chance(1.0) + chance(-1.0), abs=1e-9)


def test_a_segment_without_a_match_follows_the_others_less_surely():
    worse = differences(drawn(0.03, 400), 0.5)

    assert chance_better(worse, NOTHING) < chance_better(NOTHING, worse) < 0.1


def test_shares_have_a_floor_and_a_cap_and_follow_their_segment():
    segments = {
        "worse": differences(drawn(0.05, 400), 0.5),
        "better": differences(drawn(-0.05, 400), 0.5),
        "new": NOTHING,
    }
    found = shares(BANDIT, segments)

    assert (0.02, 0.5) == (found["worse"], found["better"])
    assert 0.02 < found["new"] <= 0.5
    assert dict.fromkeys(segments, 0.05) == shares(CANARY, segments)
