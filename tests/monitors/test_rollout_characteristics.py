"""A small version of `touchline rollout simulate`."""

import dataclasses
import itertools

import pytest
from scipy.stats import binomtest

from monitors.rollout_characteristics import (
    Ending,
    Endings,
    Scenario,
    Trial,
    endings,
    exact_interval,
    overall,
    scenarios,
)
from monitors.rollout_plan import plan_of

# As the usual plan, with margins twice as wide and fewer steps, so that a verdict needs a quarter of the matches.
PLAN = plan_of(
    {
        "steps": [
            {"stage": "shadow", "minMatches": 100, "minHours": 48, "margin": 0.05},
            {"stage": "canary", "percent": 5, "minMatches": 50, "margin": 0.03},
            {"stage": "canary", "percent": 100, "minMatches": 50},
        ],
        "checks": {
            "logLoss": {"margin": 0.02},
            "errorRate": {"limit": 0.01},
            "p99Seconds": {"limit": 0.2},
            "outputPsi": {"limit": 0.25},
            "pendingLogLoss": {"limit": 0.1},
        },
    },
    "plan",
)
TRIAL = Trial(runs=12, matches=40)
WORSE, BETTER = Scenario("worse", 0.04), Scenario("better", -0.02)


@pytest.fixture(scope="module", name="found")
def _found():
    done = itertools.count()
    found = {one.name: endings(PLAN, one, TRIAL, lambda: next(done)) for one in (scenarios(PLAN)[0], WORSE, BETTER)}
    assert 3 * TRIAL.runs == next(done)
    return found


def test_equal_and_better_challengers_are_promoted_and_worse_ones_stopped_before_they_serve_much(found):
    assert TRIAL.runs == found["equal"].count("PROMOTED")
    assert TRIAL.runs == found["better"].count("PROMOTED")
    assert TRIAL.runs == found["worse"].count("ROLLED_BACK")
    assert {"shadow", "canary 5 %"} >= {one.step for one in found["worse"].found}


def test_a_better_challenger_needs_fewer_matches_than_an_equal_one(found):
    needed = [found[name].to_dict()["median_matches_to_verdict"] for name in ("better", "equal")]

    assert needed[0] < needed[1]


BANDIT = plan_of(
    {
        "steps": [
            {"stage": "shadow", "minMatches": 100, "minHours": 48, "margin": 0.05},
            {"stage": "bandit", "floor": 1, "percent": 50, "minMatches": 50, "margin": 0.03},
            {"stage": "canary", "percent": 100, "minMatches": 50},
        ],
        "checks": {"logLoss": {"margin": 0.02}},
    },
    "plan",
)


def test_who_serves_changes_no_verdict_and_a_bandit_serves_the_better_in_each_segment():
    mixed = Scenario("mixed", 0.0, 0.05)
    canary = BANDIT.model_copy(update={"steps": (BANDIT.steps[0], PLAN.steps[1], BANDIT.steps[2])})
    even = canary.model_copy(update={"steps": (*canary.steps[:1], _with_percent(canary.steps[1], 50), canary.steps[2])})
    few = Trial(runs=4, matches=40)

    by_bandit, by_canary = (endings(plan, mixed, few, lambda: None).found for plan in (BANDIT, even))

    verdicts = [[(one.status, one.matches) for one in found] for found in (by_bandit, by_canary)]
    assert verdicts[0] == verdicts[1]
    assert all(ours.lost < theirs.lost for ours, theirs in zip(by_bandit, by_canary, strict=True))
    # An even share has the worse serve half of the matches in each segment, whatever is known.
    assert all(one.lost == pytest.approx(0.05 * one.worse) for one in by_canary)


def _with_percent(step, percent):
    return step.model_copy(update={"percent": float(percent)})


def test_what_the_worse_serves_is_the_share_of_each_step(found):
    windows = 40  # matches, and as many without a result when the first are known
    for one in found["worse"].found:
        steps = {"shadow": 0.0, "canary 5 %": 0.05}
        assert one.worse <= steps[one.step] * (one.matches + windows)
        assert one.lost == pytest.approx(one.worse * 0.04)
        assert one.kick_offs == one.matches + 40
    assert {0.0} == {one.worse for one in found["equal"].found}
    better = found["better"].found
    assert all(one.matches * 0.5 < one.worse <= one.matches + windows for one in better)


def test_equal_seeds_give_equal_endings_and_others_do_not(found):
    few = dataclasses.replace(TRIAL, runs=2)
    again, other = (endings(PLAN, WORSE, dataclasses.replace(few, seed=seed), lambda: None) for seed in (1, 2))

    assert found["worse"].found[:2] == again.found
    assert again.found != other.found


@pytest.mark.parametrize(("count", "runs"), [(0, 200), (3, 200), (200, 200), (1, 1), (5, 10)])
def test_intervals_are_scipys(count, runs):
    low, high = binomtest(count, runs).proportion_ci(0.95, method="exact")

    assert (pytest.approx(low), pytest.approx(high)) == exact_interval(count, runs)


def test_rates_are_of_the_scenario_with_the_most_false_verdicts():
    def ended(difference, *statuses):
        return Endings(
            Scenario(str(difference), difference), [Ending(one, "shadow", 9, kick_offs=9) for one in statuses]
        )

    told = overall(
        PLAN,
        [
            ended(0.0, "PROMOTED", "ROLLED_BACK"),
            ended(-0.01, "PROMOTED", "PROMOTED"),
            ended(0.02, "HELD", "PROMOTED", "HELD", "ROLLED_BACK"),
            ended(0.04, "ROLLED_BACK", "ROLLED_BACK"),
            ended(0.01, "HELD", "HELD"),
        ],
    )

    assert (0.5, 0.25) == (told["false_rejections"], told["false_promotions"])
    assert [9, 9, 9, 9, None] == list(told["median_matches_to_verdict"].values())
