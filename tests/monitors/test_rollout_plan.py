"""Plans, and what is said of those that cannot be."""

import copy

import pytest

from monitors.rollout_plan import MAX_STEPS, PlanError, plan_of

PLAN = {
    "alpha": 0.05,
    "windowHours": 24,
    "steps": [
        {"stage": "shadow", "minMatches": 10, "minHours": 24, "maxHours": 240, "margin": 0.05},
        {"stage": "canary", "percent": 5, "minMatches": 10},
        {"stage": "canary", "percent": 100, "minMatches": 10},
    ],
    "checks": {"logLoss": {"margin": 0.01}, "errorRate": {"limit": 0.01, "failureLimit": 2, "dryRun": True}},
}
YES = True  # as YAML reads it


def changed(value, *place):
    plan = copy.deepcopy(PLAN)
    inner = plan
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return plan


def test_a_plan_is_read_with_argos_words_and_what_is_left_out_has_a_default():
    plan = plan_of(PLAN, "plan.yaml")

    assert ["shadow", "canary 5 %", "canary 100 %"] == [step.name for step in plan.steps]
    assert [0.0, 0.05, 1.0] == [step.share for step in plan.steps]
    assert [0.05, 0.01, 0.01] == [plan.margin_of(number) for number in range(3)]
    rate = plan.checks.error_rate
    assert rate is not None
    assert (0.01, 2, 1, True, 100) == (
        rate.limit, rate.failure_limit, rate.consecutive_success_limit, rate.dry_run, rate.min_samples
    )  # fmt: skip
    assert plan.checks.output_psi is None
    assert (0.01, 0.0, 0.5) == (plan.checks.log_loss.margin, plan.checks.log_loss.fail_above, plan.checks.log_loss.clip)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ([], "p.yaml is list, not a mapping with steps and checks"),
        (None, "p.yaml is NoneType, not a mapping"),
        ({}, "p.yaml: steps is missing"),
        (changed(0.7, "alpha"), "p.yaml: alpha is 0.7: input should be less than 0.5"),
        (changed(float("nan"), "alpha"), "p.yaml: alpha is nan: input should be a finite number"),
        (changed("5 %", "alpha"), "p.yaml: alpha is '5 %': input should be a valid number"),
        (changed(YES, "steps", 0, "minMatches"), "steps.step 1.minMatches is True: input should be a valid integer"),
        (changed(0, "steps", 1, "minMatches"), "steps.step 2.minMatches is 0: input should be greater than or equal"),
        (changed(1, "steps", 1, "sharePercent"), "p.yaml: steps.step 2.sharePercent is not a field of a plan"),
        (changed("blue", "steps", 1, "stage"), "steps.step 2.stage is 'blue': input should be 'shadow', 'canary'"),
        (changed(5, "steps", 0, "percent"), "step 1: a shadow serves nothing: percent is 5 and has no place here"),
        (changed(None, "steps", 1, "percent"), "steps.step 2: a canary needs percent, such as 5"),
        (changed("bandit", "steps", 1, "stage"), "steps.step 2: a bandit needs floor, such as 1"),
        (changed(2, "steps", 1, "floor"), "steps.step 2: a canary has no floor: 2"),
        (changed({"stage": "bandit", "minMatches": 1}, "steps", 1), "step 2: a bandit needs percent, such as 50"),
        (changed({"stage": "bandit", "percent": 5, "floor": 5, "minMatches": 1}, "steps", 1),
         "steps.step 2: floor 5 is not below percent 5"),
        (changed(9, "steps", 0, "maxMatches"), "steps.step 1: minMatches 10 is more than maxMatches 9"),
        (changed(300, "steps", 0, "minHours"), "steps.step 1: minHours 300 is more than maxHours 240"),
        (changed(50, "steps", 2, "percent"), "p.yaml: the last step is canary 50 %, not canary 100 %"),
        (changed([], "steps"), "p.yaml: steps is []: "),
        (changed([PLAN["steps"][2]] * (MAX_STEPS + 1), "steps"), "should have at most 50 items"),
        (changed([PLAN["steps"][i] for i in (1, 0, 2)], "steps"),
         "the shares of the steps do not rise: canary 5 %, shadow, canary 100 %"),
        (changed(0.02, "steps", 2, "margin"),
         "margins may not grow from step to step, and the last is the plan's, 0.01; these are 0.05, 0.01, 0.02"),
        (changed(0.002, "steps", 1, "margin"), "these are 0.05, 0.002, 0.01"),
        (changed(0.02, "checks", "logLoss", "failAbove"),
         "checks.logLoss: failAbove 0.02, margin 0.01 and clip 0.5 are not in this order"),
        (changed(YES, "checks", "logLoss", "dryRun"), "p.yaml: checks.logLoss.dryRun is not a field of a plan"),
        (changed(-1, "checks", "errorRate", "failureLimit"), "checks.errorRate.failureLimit is -1: "),
        (changed({}, "checks", "errorRate"), "p.yaml: checks.errorRate.limit is missing"),
        (changed({"limit": 1}, "checks", "cpu"), "p.yaml: checks.cpu is not a field of a plan"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_sentence(plan, sentence):
    with pytest.raises(PlanError) as error:
        plan_of(plan, "p.yaml")

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bandit_is_called_by_its_floor_and_cap():
    plan = plan_of(changed({"stage": "bandit", "percent": 50, "floor": 1, "minMatches": 9}, "steps", 1), "p.yaml")

    assert ["shadow", "bandit 1 to 50 %", "canary 100 %"] == [step.name for step in plan.steps]


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(PlanError) as error:
        plan_of(changed(0, "steps", 0, "minMatches") | {"alpha": 2}, "p.yaml")

    assert 2 == len(str(error.value).split("; "))
