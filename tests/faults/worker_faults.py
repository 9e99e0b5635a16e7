"""Faults of workers and of feeds: they join, leave, fall, freeze and wake, are older, repeat themselves, are late."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.faults.children import ROOT, FaultError, WorkerProcess
from tests.faults.matches import Shares
from tests.faults.run import CATCH_UP_SECONDS, Run
from tests.faults.scenario import Scenario

TIMES = 5
HOUR_MS = 3_600_000
VERSION_BEFORE = "14f62a7"  # the last commit before changelogs had epochs


def started(run: Run, count: int) -> list[WorkerProcess]:
    """Return *count* workers, started at the same time, with the load."""
    workers = [run.worker(wait=False) for _ in range(count)]
    run.load()
    return [worker.wait_ready() for worker in workers]


def workers_join_and_leave(run: Run) -> None:
    started(run, 1)
    for _ in range(TIMES):
        second = run.worker()
        run.a_moment()
        run.fault_is_over()
        second.stop()


def rolling_restart(run: Run) -> None:
    for worker in started(run, 3):
        run.a_moment()
        run.fault_is_over()
        worker.stop()
        run.worker()


def kill_nine(run: Run) -> None:
    workers = started(run, 2)
    for time in range(TIMES):
        run.a_moment()
        workers[time % 2].kill_child()
        run.fault_is_over()
        run.wait_recovered()


def zombie(run: Run) -> None:
    """It sleeps longer than its session lasts, wakes up with work in its hands, and does not know what has happened."""
    _, second = started(run, 2)
    run.wait_members(2)
    run.a_moment()
    second.freeze()
    run.wait_members(1)
    run.wait_recovered()
    second.thaw()
    run.fault_is_over()
    run.wait_members(2)
    run.wait_recovered()


def two_killed_at_once(run: Run) -> None:
    first, second, _ = started(run, 3)
    run.a_moment()
    first.kill()
    second.kill()
    run.fault_is_over()
    run.wait_recovered()
    run.worker()
    run.wait_recovered()


def version_before(run: Run) -> None:
    """Upgrade worker by worker, then go back."""
    code = code_of(VERSION_BEFORE, run.children.folder / "version-before")
    old = {"code": code, "guarantee": None, "restore_records": None}
    earlier = run.worker(wait=False, **old)
    run.load()
    earlier.wait_ready()
    # That version loses what it has read of a partition when it is rebalanced before its first commit there.
    run.wait(lambda: all(run.log.committed().values()), CATCH_UP_SECONDS, "a commit in every partition")
    # That version knows neither the bundles nor the feature set of today.
    later = run.worker(bundle=code / "models" / "bundles" / "internationals-1-heuristic", predictor="bundle")
    run.a_moment()
    run.fault_is_over()
    earlier.stop()
    run.a_moment()
    earlier = run.worker(**old)
    run.a_moment()
    run.fault_is_over()
    later.stop()
    run.a_moment()


def code_of(commit: str, folder: Path) -> Path:
    """Return *folder* with the packages as they were at *commit*."""
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=False)  # noqa: S607 - git lies elsewhere on each system
    if packed.returncode:
        raise FaultError(
            f"this clone has no commit {commit}, the version before: {packed.stderr.decode().strip()}; "
            "fetch the history with `git fetch --unshallow`"
        )
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def matches_end_in_a_rebalance(run: Run) -> None:
    """30 % of the matches get their FULL_TIME, and have had their time, while their partitions have no owner."""
    workers = [run.worker(wait=False) for _ in range(2)]
    load = run.load(then_rate=0)
    for worker in workers:
        worker.wait_ready()
    load.wait_burst()
    run.wait_committed()  # a match leaves the table only once nothing of it is under way
    workers[0].kill_child()
    run.fault_is_over()
    run.load(events=0, then_rate=200, seed=1, ends=run.pace.events)
    run.wait_recovered()
    workers[1].stop()


def messy_feed(run: Run) -> None:
    run.worker(wait=False)
    run.load(shares=Shares(repeated=0.1, late=0.1, corrected=0.2, held=0.2), then_rate=0).wait_burst()


def clock_off(run: Run) -> None:
    """Three feeds: one is right, one an hour ahead, one stamps its records an hour before their events."""
    run.worker(wait=False)
    third = run.pace.events // 3
    for wrong in ({}, {"clock_off_ms": HOUR_MS}, {"stamp_off_ms": -HOUR_MS}):
        run.load(events=third, then_rate=0, **wrong)


WORKER_FAULTS = (
    Scenario("join-and-leave", workers_join_and_leave, graceful=True, timed=True),
    Scenario("rolling-restart", rolling_restart, graceful=True, timed=True),
    Scenario("kill-9", kill_nine, timed=True),
    Scenario("zombie", zombie, timed=True),
    Scenario("two-killed-at-once", two_killed_at_once, timed=True),
    Scenario("version-before", version_before, graceful=True, timed=True),
    Scenario("matches-end-in-a-rebalance", matches_end_in_a_rebalance, timed=True),
    Scenario("messy-feed", messy_feed, graceful=True),
    Scenario("clock-one-hour-off", clock_off, graceful=True),
)
