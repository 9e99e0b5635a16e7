"""The gate: what holds for any evidence, and the course of roll-outs case by case."""

import functools
import json
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.cbpe import estimated
from monitors.confidence_sequence import bounds
from monitors.differences import differences
from monitors.latency import LatencySketch
from monitors.rollout import HOUR_MS, Rollout, begun, judged, let_go_on
from monitors.rollout_evidence import Evidence, cells
from monitors.rollout_plan import plan_of

PLAN = plan_of(
    {
        "windowHours": 1,
        "steps": [
            {"stage": "shadow", "minMatches": 4, "minHours": 2, "maxHours": 6, "margin": 0.4},
            {"stage": "canary", "percent": 5, "minMatches": 2, "maxHours": 6, "margin": 0.2},
            {"stage": "canary", "percent": 100, "minMatches": 2, "maxHours": 8},
        ],
        "checks": {
            "logLoss": {"margin": 0.1},
            "errorRate": {"limit": 0.1, "minSamples": 5, "failureLimit": 1, "consecutiveSuccessLimit": 2},
            "outputPsi": {"limit": 0.25, "minSamples": 5, "dryRun": True},
        },
    },
    "plan",
)
EVENTS = 20


def evidence(values=(), errors=0, said=None, events=EVENTS) -> Evidence:
    champion = np.full((events, 3), 1 / 3)
    challenger = champion if said is None else np.tile(said, (events, 1))
    latency = LatencySketch()
    latency.update_many([0.01] * (events - errors))
    return Evidence(
        differences(np.array(values, dtype=float), 0.5),
        events,
        errors,
        latency,
        cells(challenger),
        cells(champion),
        estimated(challenger),
        estimated(champion),
    )


GOOD = evidence([-0.01, 0.01] * 50)
SICK = evidence([-0.01, 0.01] * 50, errors=EVENTS)
NOTHING = Evidence()

PART = st.builds(
    evidence,
    st.lists(st.sampled_from([-3.0, -0.2, -0.05, 0.0, 0.05, 0.3]), max_size=60),
    st.sampled_from([0, 0, 0, 1, 12]),
    st.sampled_from([None, (0.9, 0.05, 0.05)]),
)
WINDOWS = st.lists(st.lists(PART, max_size=3), max_size=12)


def course(windows, plan=PLAN, rollout=None):
    """Give the roll-out and the judgement after each window, from the one given on."""
    rollout = rollout or begun(0)
    after = []
    for window in windows:
        rollout, judgement = judged(plan, rollout, rollout.until_ms + HOUR_MS, window)
        after.append((rollout, judgement))
    return after


def together(parts):
    return functools.reduce(operator.add, parts, Evidence())


@settings(max_examples=60)
@given(WINDOWS, st.randoms(use_true_random=False))
def test_the_order_and_grouping_of_what_came_in_a_window_does_not_matter(windows, random):
    shuffled = [random.sample(parts, len(parts)) for parts in windows]
    grouped = [together(parts[:1]) + together(parts[1:]) for parts in shuffled]

    assert course(map(together, windows)) == course(grouped)


@settings(max_examples=60)
@given(WINDOWS)
def test_steps_follow_one_another_and_an_end_is_for_ever(windows):
    before = begun(0)
    for rollout, judgement in course(map(together, windows)):
        if before.ended:
            assert (before, None) == (rollout, judgement)
        else:
            assert rollout.step - before.step in {0, 1}
            assert "ROLLED_BACK" != before.status != "PROMOTED"
            assert judgement is not None
            assert judgement.status == rollout.status
            assert before.status != "HELD" or rollout.status in {"HELD", "ROLLED_BACK"}
        before = rollout


@settings(max_examples=100)
@given(WINDOWS)
def test_nothing_is_promoted_without_its_proof_and_nothing_rolled_back_without_a_failure(windows):
    for rollout, judgement in course(map(together, windows)):
        if judgement is None:
            continue
        failed = {one.name for one in judgement.checks if one.verdict == "FAILURE"} - {"outputPsi"}
        if rollout.status == "PROMOTED":
            found = bounds(rollout.outcomes, 0.5, PLAN.alpha)
            assert found is not None
            assert found.upper < 0.1
            assert len(PLAN.steps) == rollout.step + 1
            assert not failed
        if rollout.status == "ROLLED_BACK":
            assert "FAILURE" == judgement.verdict
            assert failed
        if "logLoss" in failed:
            assert "ROLLED_BACK" == rollout.status


VALUES = st.lists(st.lists(st.floats(-3, 3), max_size=20), min_size=1, max_size=8)


@settings(max_examples=60)
@given(VALUES)
def test_the_differences_told_are_those_of_all_matches_so_far_with_what_was_clipped_put_back(windows):
    before, known = 0, []
    for values, (rollout, judgement) in zip(windows, course(map(evidence, windows)), strict=True):
        known += values
        if judgement is None:
            return
        if not known:
            assert judgement.difference is None
            continue
        within = np.clip(known, -0.5, 0.5)
        found = bounds(differences(within, 0.5), 0.5, PLAN.alpha)
        cut = np.mean(known) - np.mean(within)

        told = judgement.difference
        assert (len(known), sum(within != known)) == (told.matches, told.clipped)
        assert pytest.approx(np.mean(known), abs=1e-9) == told.mean
        assert pytest.approx(found.lower + min(cut, 0), abs=1e-9) == told.lower
        assert pytest.approx(found.upper + max(cut, 0), abs=1e-9) == told.upper
        assert PLAN.margin_of(before) == told.margin
        before = rollout.step


@settings(max_examples=40)
@given(WINDOWS, st.integers(0, 11))
def test_a_state_survives_json_at_any_window(windows, cut):
    windows = list(map(together, windows))
    whole, start = course(windows), course(windows[:cut])
    kept = Rollout.from_dict(json.loads(json.dumps(start[-1][0].to_dict()))) if start else begun(0)

    assert whole == start + course(windows[cut:], rollout=kept)


def test_a_window_that_was_judged_before_changes_nothing():
    (first, _), (second, _) = course([GOOD, GOOD])

    assert (second, None) == judged(PLAN, second, second.until_ms, SICK)
    assert (second, None) == judged(PLAN, second, first.until_ms, SICK)


def test_a_good_challenger_goes_through_every_step_and_is_promoted():
    told = [(judgement.step, judgement.verdict, judgement.status) for _, judgement in course([GOOD] * 6)]

    assert [
        ("shadow", "INCONCLUSIVE", "RUNNING"),
        ("shadow", "SUCCESS", "RUNNING"),
        ("canary 5 %", "INCONCLUSIVE", "RUNNING"),
        ("canary 5 %", "SUCCESS", "RUNNING"),
        ("canary 100 %", "INCONCLUSIVE", "RUNNING"),
        ("canary 100 %", "SUCCESS", "PROMOTED"),
    ] == told


def test_a_step_waits_for_its_matches_and_hours():
    few = [evidence([0.0])] * 3
    told = course([evidence([0.0, 0.0]), *few])

    assert [0, 0, 0, 0] == [rollout.step for rollout, _ in told]
    long = evidence([0.0] * 100)
    waiting = course([long] * 2)
    assert [0, 1] == [rollout.step for rollout, _ in waiting]
    assert "shadow goes on after 100 of 4 matches and 1 of 2 h" in waiting[0][1].why


def test_a_worse_challenger_is_rolled_back_in_the_window_in_which_that_is_sure():
    *before, (rollout, judgement) = course([evidence([0.3, 0.1] * 5)] * 3)

    assert ["RUNNING", "RUNNING"] == [one.status for one, _ in before]
    assert "ROLLED_BACK" == rollout.status
    assert judgement.why.startswith("rolled back in shadow; logLoss: challenger less champion is +0.2000 nats over 30")


def test_failures_up_to_the_limit_are_borne_and_one_more_rolls_back():
    borne = course([SICK, GOOD, GOOD])
    both = course([SICK, GOOD, SICK])

    assert (1, "RUNNING") == (borne[-1][0].step, borne[-1][0].status)
    assert "errorRate: 20 of 20 events not scored, 100.00%: above 0.1" in borne[0][1].why
    assert "ROLLED_BACK" == both[-1][0].status
    assert "errorRate: 20 of 20 events not scored, 100.00%: above 0.1" in both[-1][1].why


def test_failures_are_counted_anew_in_each_step():
    assert "RUNNING" == course([SICK, GOOD, GOOD, SICK, GOOD])[-1][0].status


def test_successes_have_to_be_consecutive():
    unknown = evidence([0.0] * 20, events=0)

    assert [0, 0, 0, 1] == [one.step for one, _ in course([GOOD, unknown, GOOD, GOOD])]


def test_a_dry_run_is_told_and_decides_nothing():
    other = evidence([-0.01, 0.01] * 50, said=(0.9, 0.05, 0.05))
    told = course([other] * 6)

    found = {one.name: (one.verdict, one.dry_run) for one in told[-1][1].checks}
    assert ("FAILURE", True) == found["outputPsi"]
    assert "PROMOTED" == told[-1][0].status
    assert "outputPsi" not in told[-1][1].why


def test_what_stays_inconclusive_is_held_until_a_person_lets_it_go_on_for_as_long_again():
    told = course([NOTHING] * 6)
    held, judgement = told[-1]

    assert ["RUNNING"] * 5 + ["HELD"] == [one.status for one, _ in told]
    assert "shadow is held after 6 h: a person has to say whether it goes on" in judgement.why
    assert ["HELD"] * 3 == [one.status for one, _ in course([GOOD] * 3, rollout=held)]
    assert "ROLLED_BACK" == course([evidence([0.4] * 50)], rollout=held)[-1][0].status
    again = let_go_on(held, held.until_ms)
    assert held.outcomes == again.outcomes
    assert "PROMOTED" == course([GOOD] * 6, rollout=again)[-1][0].status
    assert ["RUNNING"] * 5 + ["HELD"] == [one.status for one, _ in course([NOTHING] * 6, rollout=again)]


AB_TEST = plan_of(
    {
        "windowHours": 1,
        "steps": [
            {"stage": "canary", "percent": 50, "minMatches": 40, "maxMatches": 40},
            {"stage": "canary", "percent": 100, "minMatches": 1},
        ],
        "checks": {"logLoss": {"margin": 0.1}},
    },
    "plan",
)


def test_an_ab_test_says_after_its_matches_which_it_is_or_is_held():
    unsure = evidence([0.3, -0.3] * 10)
    better, even = (course([one] * 2, AB_TEST)[-1] for one in (evidence([-0.05] * 20), unsure))

    assert ("SUCCESS", "RUNNING", 1) == (better[1].verdict, better[1].status, better[0].step)
    assert ("INCONCLUSIVE", "HELD") == (even[1].verdict, even[1].status)
    assert "canary 50 % is held after 40 matches: a person has to say whether it goes on" in even[1].why
    again = course([unsure] * 2, AB_TEST, let_go_on(even[0], even[0].until_ms))
    assert ["RUNNING", "HELD"] == [one.status for one, _ in again]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(-0.5, 0.5)), max_size=20), st.integers(0, 20))
def test_the_outcomes_of_segments_add_up_whatever_came_in_which_window(known, cut):
    def of(part):
        return {
            name: differences(np.array([value for segment, value in part if segment == name]), 0.5)
            for name in dict.fromkeys(segment for segment, _ in part)
        }

    windows = [Evidence(segments=of(part)) for part in (known[:cut], known[cut:])]

    assert of(known) == course(windows)[-1][0].segments
    assert of(known) == Evidence.from_dict(json.loads(json.dumps(together(windows).to_dict()))).segments


def test_only_what_is_held_can_be_let_go_on():
    with pytest.raises(ValueError, match="a roll-out that is RUNNING is not held"):
        let_go_on(begun(0), 1)


def test_a_corrected_result_counts_as_if_it_had_come_so():
    wrong, right = evidence([0.4, 0.01]), evidence([-0.4, 0.01])
    correction = Evidence(right.outcomes - wrong.outcomes)

    corrected, plain = course([wrong, correction])[-1], course([right, NOTHING])[-1]

    assert plain[0].outcomes == corrected[0].outcomes
    assert plain[1].checks[0] == corrected[1].checks[0]
