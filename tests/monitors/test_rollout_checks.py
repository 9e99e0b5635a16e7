"""What each check finds, case by case."""

import dataclasses
import functools
import operator

import numpy as np
import pytest
from scipy.stats import binom

from monitors.cbpe import Estimate, estimated
from monitors.confidence_sequence import bounds
from monitors.differences import Differences, differences
from monitors.latency import LatencySketch
from monitors.psi import psi
from monitors.rollout_checks import Known, checked, checks_of, difference_of
from monitors.rollout_evidence import NO_CELLS, Evidence, cells
from monitors.rollout_plan import plan_of

THRESHOLDS = {
    "errorRate": {"limit": 0.01, "minSamples": 100},
    "p99Seconds": {"limit": 0.2, "minSamples": 50},
    "outputPsi": {"limit": 0.25, "minSamples": 100, "dryRun": True},
    "pendingLogLoss": {"limit": 0.1, "minSamples": 10},
}
PLAN = plan_of(
    {
        "steps": [{"stage": "canary", "percent": 100, "minMatches": 50}],
        "checks": {"logLoss": {"margin": 0.02, "clip": 0.5}, **THRESHOLDS},
    },
    "plan",
)


def found(name, plan=PLAN, margin=0.02, **given):
    known = dataclasses.replace(Known(Evidence(), Differences(), 0, NO_CELLS, NO_CELLS, margin, 50), **given)
    return {one.name: one for one in checked(plan, known, difference_of(plan, known))}[name]


def of(mean: float, count: int, sigma: float = 0.1) -> Differences:
    """Differences with exactly that mean and standard deviation."""
    return differences(mean + sigma * np.tile([-1.0, 1.0], count // 2), 0.5)


def waiting(said) -> Estimate:
    """What matches expect of themselves, of which each has one prediction."""
    return functools.reduce(operator.add, [estimated(row[None]) for row in said])


def test_only_what_the_plan_names_is_checked_and_the_log_loss_always():
    bare = plan_of({"steps": [{"stage": "canary", "percent": 100, "minMatches": 1}]}, "plan")

    assert ["logLoss"] == list(checks_of(bare))
    assert ["logLoss", *THRESHOLDS] == list(checks_of(PLAN))


@pytest.mark.parametrize(
    ("mean", "count", "verdict"),
    [
        (0.0, 40, "INCONCLUSIVE"),
        (0.0, 1_000, "SUCCESS"),
        (-0.05, 200, "SUCCESS"),
        (0.05, 200, "FAILURE"),
        (0.02, 300, "INCONCLUSIVE"),
        (0.02, 2_000, "FAILURE"),
        (0.01, 20_000, "SUCCESS"),  # surely worse, and surely by less than the margin: that is what was asked
    ],
)
def test_the_log_loss_succeeds_below_the_margin_and_fails_above_nothing(mean, count, verdict):
    outcomes = of(mean, count)

    told = found("logLoss", outcomes=outcomes)

    assert verdict == told.verdict
    interval = bounds(outcomes, 0.5, PLAN.alpha)
    assert interval is not None
    assert f"{mean:+.4f} nats over {count:,} matches, surely {interval.lower:+.4f} to {interval.upper:+.4f}" in told.why


def test_a_step_with_a_wide_margin_still_fails_what_is_surely_worse_and_not_surely_within_the_plans():
    assert "FAILURE" == found("logLoss", outcomes=of(0.05, 200), margin=0.2).verdict
    assert "SUCCESS" == found("logLoss", outcomes=of(0.0, 40), margin=0.2).verdict


def test_a_verdict_does_not_rest_on_what_was_clipped():
    good, bad = of(-0.01, 1_000), of(0.05, 200)
    terrible = differences(np.full(10, 30.0), 0.5)
    wonderful = differences(np.full(10, -30.0), 0.5)

    told = found("logLoss", outcomes=good + terrible)

    assert "SUCCESS" == found("logLoss", outcomes=good).verdict
    assert "INCONCLUSIVE" == told.verdict
    whole = (-0.01 * 1_000 + 300) / 1_010
    assert f"{whole:+.4f} nats over 1,010 matches (10 clipped)" in told.why
    assert "FAILURE" == found("logLoss", outcomes=bad).verdict
    assert "INCONCLUSIVE" == found("logLoss", outcomes=bad + wonderful).verdict


@pytest.mark.parametrize(
    ("events", "errors", "verdict"),
    [
        (99, 50, "INCONCLUSIVE"),
        (1_000, 10, "SUCCESS"),
        (1_000, int(binom.isf(0.001, 1_000, 0.01)), "INCONCLUSIVE"),
        (1_000, int(binom.isf(0.001, 1_000, 0.01)) + 1, "FAILURE"),
        (160, 2, "INCONCLUSIVE"),
        (160, 160, "FAILURE"),
    ],
)
def test_the_error_rate_is_that_of_the_window_and_fails_when_it_is_above_the_limit_by_more_than_chance(
    events, errors, verdict
):
    told = found("errorRate", window=Evidence(events=events, errors=errors))

    assert verdict == told.verdict
    assert f"{errors:,} of {events:,} events not scored" in told.why


@pytest.mark.parametrize(("slow", "verdict"), [(0, "SUCCESS"), (5, "FAILURE")])
def test_the_latency_is_its_99th_percentile(slow, verdict):
    sketch = LatencySketch()
    sketch.update_many([0.01] * 100 + [1.0] * slow)

    assert verdict == found("p99Seconds", window=Evidence(latency=sketch)).verdict
    assert "INCONCLUSIVE" == found("p99Seconds").verdict


def test_the_outputs_are_compared_class_by_class():
    chance = np.random.default_rng(2)
    one, other = chance.dirichlet((4, 2, 2), 500), chance.dirichlet((2, 2, 4), 500)
    edges = np.linspace(0, 1, 11)
    counts = [[np.histogram(said[:, place], edges)[0] for place in range(3)] for said in (one, other)]
    expected = max(psi(ours, theirs) for ours, theirs in zip(*counts, strict=True))

    told = found("outputPsi", challenger_outputs=cells(one), champion_outputs=cells(other))

    assert ("FAILURE", True) == (told.verdict, told.dry_run)
    assert f"is {expected:.4f} at most, over 500 matches" in told.why
    same = found("outputPsi", challenger_outputs=cells(one), champion_outputs=cells(one))
    assert ("SUCCESS", True) == (same.verdict, "is 0.0000 at most" in same.why)
    assert "INCONCLUSIVE" == found("outputPsi").verdict
    assert "INCONCLUSIVE" == found("outputPsi", champion_outputs=cells(one)).verdict  # the challenger said nothing


def test_while_results_are_pending_the_challengers_own_probabilities_speak():
    sure, unsure = np.tile([0.8, 0.1, 0.1], (20, 1)), np.full((20, 3), 1 / 3)
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.1))
    worse = Evidence(challenger_pending=waiting(unsure), champion_pending=waiting(sure))
    better = Evidence(challenger_pending=waiting(sure), champion_pending=waiting(unsure))

    told = found("pendingLogLoss", window=worse)

    assert "FAILURE" == told.verdict
    assert f"worse by {np.log(3) - entropy:+.4f} nats, over 20 matches without a result" in told.why
    assert "SUCCESS" == found("pendingLogLoss", window=better).verdict
    assert "SUCCESS" == found("pendingLogLoss", window=worse, outcomes_of_step=50).verdict
    assert "INCONCLUSIVE" == found("pendingLogLoss").verdict


def test_what_was_left_out_is_told_and_is_no_error():
    plan = plan_of(
        {"steps": [{"stage": "canary", "percent": 100, "minMatches": 1}], "checks": {"errorRate": {"limit": 0.01}}}, "p"
    )
    known = Known(Evidence(events=1_000, errors=1, left_out=500), Differences(), 0, NO_CELLS, NO_CELLS, 0.01, 1)

    (_, rate) = checked(plan, known, difference_of(plan, known))

    assert "SUCCESS" == rate.verdict
    assert "1 of 1,000 events not scored, 0.10% (500 more were left out): not above 0.01" == rate.why
