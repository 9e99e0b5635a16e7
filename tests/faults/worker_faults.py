"""Faults of workers: they join, leave, fall, freeze and wake."""

from tests.faults.run import Run
from tests.faults.scenario import Scenario

TIMES = 5


def workers_join_and_leave(run: Run) -> None:
    run.worker()
    run.load()
    for _ in range(TIMES):
        second = run.worker()
        run.a_moment()
        second.stop()
        run.fault_is_over()


def kill_nine(run: Run) -> None:
    """The child falls and its supervisor starts it again; the other worker goes on with its own partitions."""
    first, second = run.worker(wait=False), run.worker(wait=False)
    load = run.load()
    for worker in (first, second):
        worker.wait_ready()
    for time in range(TIMES):
        run.a_moment()
        (first, second)[time % 2].kill_child()
        run.fault_is_over()
        run.wait_recovered()
    load.finish()


WORKER_FAULTS = (
    Scenario("join-and-leave", workers_join_and_leave, graceful=True, timed=True),
    Scenario("kill-9", kill_nine, timed=True),
)
