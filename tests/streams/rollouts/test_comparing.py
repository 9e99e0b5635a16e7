"""Two bundles on past matches: the gate is told what a slow loop over the matches would tell it."""

import itertools
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.history import EPOCH, international_matches
from models.bundle import bundle_of_kind, load_bundle
from models.rows import grid_minutes, history_rows
from monitors.rollout_plan import plan_of
from streams.rollouts.comparing import compared, judgements, offline
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
