"""A roll-out by a plan, from the shadow to the promotion, while workers fall and partitions move in each step."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.children import END_SECONDS, ROOT
from tests.faults.findings import Findings
from tests.faults.model_faults import bundles_by_match, digest_of, look_for_changes
from tests.faults.place import MODEL_CONTROL
from tests.faults.run import CATCH_UP_SECONDS, Run
from tests.faults.scenario import Scenario
from tests.faults.topic_faults import environment_of
from tests.faults.worker_faults import started

PLAN = """
windowHours: 0.001
steps:
  - {stage: shadow, minMatches: 20, minHours: 0.004}
  - {stage: canary, percent: 5, minMatches: 20, minHours: 0.004}
  - {stage: canary, percent: 50, minMatches: 20, minHours: 0.004}
  - {stage: canary, percent: 100, minMatches: 20, minHours: 0.004}
checks:
  logLoss: {margin: 0.5, clip: 0.5}
"""
"""It ends with a promotion whichever of the two is better, and a step lasts longer than a worker's fall."""

ASKED = ["SHADOW", "CANARY", "CANARY", "CANARY", "PROMOTE"]


def models_rollout(run: Run) -> Findings:
    """A plan carried out to its end: a kill -9, a join or a leave in each step; and who carries it out falls, too."""
    workers = started(run, 3)
    run.a_moment()
    with rollout(run) as process:
        wait_asked(run, 1)
        fault_comes(run, workers[0].kill_child)
        wait_asked(run, 2)
        fault_comes(run, lambda: workers.append(run.worker(wait=False)))
        wait_asked(run, 3)
        process.kill()
        fault_comes(run, workers[1].kill_child)
    with rollout(run) as process:
        wait_asked(run, 4)
        fault_comes(run, workers[2].terminate)
        wait_asked(run, 5)
        fault_comes(run, workers[3].kill_child)
        code = process.wait(END_SECONDS)
    run.claim(code == 0, f"the roll-out ended with {code}: {said(run)}")
    run.wait_recovered()
    found = run.finish()
    asked = [one["action"] for one in changes(run)]
    run.claim(asked == ASKED, f"the roll-out asked for {', '.join(asked)}")
    by_match = bundles_by_match(run, found)
    look_for_changes(by_match, found)
    served = {digest for digests in by_match.values() for digest in digests}
    run.claim(served == {digest_of("heuristic"), digest_of("tree")}, f"matches were served by {sorted(served)}")
    return found


def wait_asked(run: Run, number: int) -> None:
    """Wait until the roll-out has asked for its change *number*."""
    run.wait(lambda: len(changes(run)) >= number, CATCH_UP_SECONDS, lambda: f"change {number} ({said(run)})")


def fault_comes(run: Run, fault: Callable[[], object]) -> None:
    """Let *fault* come, and wait until all partitions go on."""
    fault()
    run.fault_is_over()
    run.wait_recovered()


def changes(run: Run) -> list[Any]:
    """Return what has been asked for, in order."""
    return [run.log.decode(record.value()) for record in run.log.records(run.place.topic(MODEL_CONTROL))]


@contextmanager
def rollout(run: Run) -> Iterator[subprocess.Popen[bytes]]:
    """Carry the plan out, or go on with it where the topics say."""
    plan = run.children.folder / "plan.yaml"
    plan.write_text(PLAN)
    words = ("rollout", "start", digest_of("tree"), "--plan", str(plan), "--why", "a fault")
    command = (sys.executable, "-P", "-m", "streams.cli", *words)
    with (run.children.folder / "rollout.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment_of(run), cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(END_SECONDS)


def said(run: Run) -> str:
    """Return the last sentences of who carries the plan out."""
    return " | ".join((run.children.folder / "rollout.log").read_text().splitlines()[-3:])


ROLLOUT_FAULTS = (Scenario("models-rollout", models_rollout, events=20_000),)
