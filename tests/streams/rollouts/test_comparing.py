"""Two bundles on past matches: the gate is told what a slow loop over the matches would tell it."""

import itertools
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.history import EPOCH, international_matches
from models.bundle import bundle_of_kind, load_bundle
from models.rows import grid_minutes, history_rows
from monitors.differences import differences
from monitors.rollout_allocation import chance_better
from monitors.rollout_plan import plan_of
from streams.rollouts.comparing import compared, judgements, offline, served
from streams.rollouts.plans import usual_plan
from tests.streams.small_history import write_history

FIRST = (date(2001, 3, 1) - EPOCH).days
PLAN = plan_of(
    {
        "windowHours": 48,
        "steps": [{"stage": "canary", "percent": 100, "minMatches": 10_000}],
        "checks": {"logLoss": {"failAbove": 0.01, "clip": 30}, "outputPsi": {"limit": 0.25, "dryRun": True}},
    },
    "plan",
)


@pytest.fixture(scope="module", name="matches")
def _matches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    write_history(folder, days=500)
    return list(international_matches(Path(folder)))


@pytest.fixture(scope="module", name="bundles")
def _bundles():
    return [load_bundle(bundle_of_kind(kind)) for kind in ("heuristic", "mlp")]


def test_each_match_counts_once_with_the_mean_of_its_moments(matches, bundles):
    champion, challenger = bundles
    told = list(judgements(PLAN, compared(champion, challenger, matches, grid_minutes, FIRST)))

    rows = history_rows(matches, champion.features, grid_minutes, FIRST)
    by_match: dict[str, list[float]] = {}
    ours, theirs = (one.score(rows.matrix, one.feature_set) for one in (challenger, champion))
    for place, match_id in enumerate(rows.match_ids):
        came = rows.results[place]
        loss = math.log(float(theirs[place, came])) - math.log(float(ours[place, came]))
        by_match.setdefault(match_id, []).append(loss)
    expected = [sum(losses) / len(losses) for losses in by_match.values()]
    rollout = told[-1][0]
    assert len(expected) == rollout.outcomes.matches == 500 - (date(2001, 3, 1) - date(2000, 1, 1)).days
    assert np.mean(expected) == pytest.approx(rollout.outcomes.mean, abs=1e-6)
    assert math.fsum(one**2 for one in expected) == pytest.approx(rollout.outcomes.squares, abs=1e-6)
    assert 3 * len(expected) == sum(rollout.champion_outputs) == sum(rollout.challenger_outputs)


def plan_with(step):
    return plan_of({"windowHours": 48, "steps": [step, {"stage": "canary", "percent": 100, "minMatches": 1}]}, "plan")


def by_hand(found):
    """Return the result's window, competition and difference of each match."""
    start, known = int(found.known_ms[0]), {}
    for place, match_id in enumerate(found.match_ids):
        came = found.results[place]
        loss = math.log(float(found.champion[place, came])) - math.log(float(found.challenger[place, came]))
        window = (int(found.known_ms[place]) - start) // (48 * 3_600_000)
        known.setdefault(match_id, (window, found.segments[place], []))[2].append(loss)
    return [(window, segment, sum(losses) / len(losses)) for window, segment, losses in known.values()]


def test_what_a_share_would_have_served_and_cost_is_that_of_a_calculation_by_hand(matches, bundles):
    plan = plan_with({"stage": "canary", "percent": 20, "minMatches": 10_000})
    found = compared(*bundles, matches, grid_minutes, FIRST)

    told = list(judgements(plan, found))
    shared = served(plan, found, told)

    known = [difference for window, _, difference in by_hand(found) if window < len(told)]
    assert 0.2 * len(known) == pytest.approx(shared.by_challenger)
    assert 0.2 * math.fsum(known) == pytest.approx(shared.nats, abs=1e-6)


def test_a_bandit_shares_each_competition_by_what_was_known_before_the_window(matches, bundles):
    step = {"stage": "bandit", "floor": 1, "percent": 60, "minMatches": 10_000}
    plan = plan_with(step)
    names = ("Gold Cup", "Gold Cup", "Friendly")
    leagues = [replace(match, competition=names[number % 3]) for number, match in enumerate(matches)]
    found = compared(*bundles, leagues, grid_minutes, FIRST)

    told = list(judgements(plan, found))
    shared = served(plan, found, told)

    known = [one for one in by_hand(found) if one[0] < len(told)]
    expected = 0.0
    for window, segment, _ in known:
        before = [one for one in known if one[0] < window]
        own, others = (
            differences(np.array([value for _, name, value in before if (name == segment) is same]), 0.5)
            for same in (True, False)
        )
        expected += min(max(chance_better(own, others), 0.01), 0.6)
    assert {segment for _, segment, _ in known} == set(names)
    assert expected == pytest.approx(shared.by_challenger, abs=1e-3)


def test_windows_are_those_of_the_plan_in_event_time(matches, bundles):
    told = list(judgements(PLAN, compared(*bundles, matches, grid_minutes, FIRST)))

    steps = {(later.until_ms - one.until_ms) / 3_600_000 for (one, _), (later, _) in itertools.pairwise(told)}
    assert {48} == steps
    assert 2 == told[0][0].outcomes.matches


def test_a_bundle_beside_itself_differs_in_nothing(matches, bundles):
    rollout, judgement = list(judgements(PLAN, compared(bundles[0], bundles[0], matches, grid_minutes, FIRST)))[-1]

    assert 0 == rollout.outcomes.mean == rollout.outcomes.squares
    assert "PSI of the outputs is 0.0000 at most" in judgement.checks[1].why


def test_offline_no_step_is_held_and_nothing_is_checked_that_only_a_running_worker_knows():
    plan = offline(usual_plan())

    assert {math.inf} == {step.max_hours for step in plan.steps}
    assert (None, None) == (plan.checks.error_rate, plan.checks.p99_seconds)
    assert usual_plan().checks.output_psi == plan.checks.output_psi
