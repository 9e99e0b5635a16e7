"""The roll-out on the page: what `touchline rollout status --json` tells, in parts that change little and stay few."""

import json
from collections.abc import Sequence

import numpy as np

from monitors.differences import differences
from monitors.rollout import HOUR_MS, Judgement, Rollout, begun, judged
from monitors.rollout_evidence import Evidence
from monitors.rollout_plan import plan_of
from streams.brokers import BrokerError
from streams.dashboard.rollouts import CHUNKS, Look, RolloutView, TrialWatch
from streams.dashboard.serving import ControlFeed
from streams.rollouts.standing import standing_as_json, window_as_json
from streams.rollouts.trials import Trial
from tests.streams.web.canned import SETTINGS

PLAN = plan_of(
    {"windowHours": 1, "steps": [{"stage": "canary", "percent": 100, "minMatches": 10**6, "maxHours": 8000}]}, "plan"
)
TRIAL = Trial("m", "a" * 64, "b" * 64, 0)


def windows(count: int) -> list[tuple[Rollout, Judgement]]:
    found, rollout = [], begun(0)
    chance = np.random.default_rng(1)
    for number in range(count):
        evidence = Evidence(differences(chance.normal(0, 0.1, number % 3), 0.5))
        rollout, judgement = judged(PLAN, rollout, (number + 1) * HOUR_MS, evidence)
        assert judgement is not None
        found.append((rollout, judgement))
    return found


def parts(view: RolloutView) -> dict:
    return {name: json.loads(text) for name, text in view.shown().items()}


def sequence(told: dict) -> list[dict]:
    return [one for name in sorted(told) if name.startswith("sequence:") for one in told[name]]


def test_the_parts_are_what_the_command_tells_however_many_windows_come_at_once():
    found, view = windows(130), RolloutView(PLAN)
    for first, last in ((0, 0), (0, 1), (1, 60), (60, 130)):
        view.looked(Look(TRIAL, 1, found[first:last]), last)
    told = parts(view)

    whole = [json.loads(json.dumps(window_as_json(*one))) for one in found]
    assert json.loads(json.dumps(standing_as_json(PLAN, TRIAL, found[-1][0]))) == told["standing"]
    assert whole[-1] == told["last"]
    points = [{name: one[name] for name in ("until_ms", "step", "verdict", "difference")} for one in whole]
    assert points == sequence(told)
    assert {"as_of_ms": 130, "problem": None} == told["judged"]


def test_one_more_window_changes_few_parts_and_all_windows_stay_few():
    view = RolloutView(PLAN)
    found = windows(1)
    view.looked(Look(TRIAL, 1, found * 3000), 1)
    before = view.shown()
    view.looked(Look(TRIAL, 1, found), 2)
    after = view.shown()

    assert CHUNKS == len([name for name in after if name.startswith("sequence:")])
    assert 39 * 50 + 1 == len(sequence(parts(view)))  # of 3,001 windows the last
    assert len([name for name in after if after[name] != before.get(name)]) <= 4


def test_what_is_read_anew_begins_anew_and_an_end_leaves_nothing():
    found, view = windows(3), RolloutView(PLAN)
    view.looked(Look(TRIAL, 1, found), 1)
    view.looked(Look(TRIAL, 2, found[:2]), 2)
    assert 2 == len(sequence(parts(view)))

    view.looked(Look(None, 3, []), 3)
    told = parts(view)
    assert [None, None, []] == [told["standing"], told["last"], sequence(told)]


def test_a_trial_whose_first_window_goes_on_stands_at_its_beginning():
    view = RolloutView(PLAN)
    view.looked(Look(TRIAL, 1, []), 5)
    told = parts(view)

    assert json.loads(json.dumps(standing_as_json(PLAN, TRIAL, begun(0)))) == told["standing"]
    assert told["last"] is None


def test_while_brokers_are_away_the_page_says_so_and_how_old_it_is():
    view = RolloutView(PLAN)
    view.looked(Look(TRIAL, 1, windows(1)), 7)
    view.looked(Look(TRIAL, 1, [], "the brokers do not answer"), 9)

    told = parts(view)
    assert {"as_of_ms": 7, "problem": "the brokers do not answer"} == told["judged"]
    assert 1 == len(sequence(told))


class Away(ControlFeed):
    """Changes that cannot be read."""

    def __init__(self) -> None: ...

    model = "m"

    def read_now(self, _patience: float) -> tuple[Sequence, object]:
        raise BrokerError("the brokers do not answer")


def test_an_outage_is_a_problem_of_a_look_and_no_error():
    watch = TrialWatch(SETTINGS, PLAN, Away())

    assert Look(None, 0, [], "the brokers do not answer") == watch()
    watch.close()
