"""What is served and a roll-out, over records that are made here, as the real views make them."""

from dataclasses import replace

import numpy as np

from models.serving import Serving, after_control, why_void
from monitors.differences import differences
from monitors.latency import LatencySketch
from monitors.rollout import begun, judged
from monitors.rollout_evidence import Evidence, cells
from schemas.records import ControlAction, ModelControl, ModelStatus
from streams.control.log import Change
from streams.dashboard.rollouts import Look, RolloutView
from streams.dashboard.serving import ServingView, kept
from streams.rollouts.plans import usual_plan
from streams.rollouts.trials import Trial

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS
DIGEST = "d" * 64
CHALLENGER = "c" * 64
PLAN = usual_plan()
SINCE_MS = NOW_MS - 60 * DAY_MS
TRIAL = Trial("m", DIGEST, CHALLENGER, SINCE_MS)


def serving() -> ServingView:
    """Return a challenger that is tried, what came before, a change that is void, and a worker that does not follow."""
    view, now = ServingView("m"), Serving()
    first = ModelControl(
        "m", ControlAction.PROMOTE, DIGEST, None, 0.0, shadow=False, running=False, by="anna@club", why="the season",
        at_ms=NOW_MS - 90 * DAY_MS, replaces=None, revision=1,
    )  # fmt: skip
    asked = [
        first,
        replace(first, by="ben@club", at_ms=NOW_MS - 90 * DAY_MS + 9, why="too late"),
        replace(first, action=ControlAction.SHADOW, challenger=CHALLENGER, shadow=True, why="a <b>try</b>",
                at_ms=SINCE_MS, replaces=DIGEST, revision=2),
    ]  # fmt: skip
    found = []
    for offset, one in enumerate(asked):
        found.append(Change(offset, one, why_void(now, one)))
        now = after_control(now, one)
    view.changed(kept(tuple(found), now), now)
    last = ModelStatus("w0", "predict", "m", "1", DIGEST, (0, 1, 2), NOW_MS, None, 2, CHALLENGER)
    away = f"bundle {CHALLENGER:.12} is not in the store"
    view.reported([last, replace(last, worker="w1", partitions=(3,), revision=1, challenger=None, refused=away)])
    view.reported([replace(last, worker="s0", role="shadow", partitions=(0, 1, 2, 3))])
    return view


def rollout(windows: int = 60, trial: Trial = TRIAL) -> RolloutView:
    """Return a roll-out after so many windows of a day with ten matches each, of two models that are equally good."""
    view, state, found = RolloutView(PLAN), begun(trial.since_ms), []
    chance = np.random.default_rng(7)
    for number in range(windows):
        known = differences(chance.normal(0.0, 0.1, 10), 0.5)
        outputs = cells(chance.dirichlet((3, 2, 2), 10))
        latency = LatencySketch()
        latency.update_many(chance.gamma(2, 0.01, 700))
        evidence = Evidence(known, 700, 0, latency, outputs, outputs)
        state, judgement = judged(PLAN, state, trial.since_ms + (number + 1) * DAY_MS, evidence)
        if judgement is not None:
            found.append((state, judgement))
    view.looked(Look(trial, 1, found), NOW_MS)
    return view
