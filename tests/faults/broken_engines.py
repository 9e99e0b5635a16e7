"""The suite can fail: engines which are broken on purpose, each with the fault that shows it."""

import time
from contextlib import suppress

from tests.faults.broken_worker import BREAKS, taken_over
from tests.faults.children import FaultError
from tests.faults.findings import Findings
from tests.faults.run import AT_LEAST_ONCE, Run
from tests.faults.scenario import Scenario

TIMES = 3
EVENTS = 20_000


def command(how: str) -> tuple[str, ...]:
    return ("-P", "-m", "tests.faults.broken_worker", how)


def found(run: Run) -> Findings:
    with suppress(FaultError):  # one that is broken need not come to an end
        run.settle()
    return run.check()


def killed(how: str) -> Scenario:
    """A worker of this kind is killed while it has work under way."""

    def body(run: Run) -> Findings:
        worker = run.worker(wait=False, command=command(how), commit_interval=0.1)
        run.load()
        worker.wait_ready()
        for _ in range(TIMES):
            run.a_moment()
            time.sleep(BREAKS[how][1] / 2)  # by then the next ones are under way
            worker.kill_child()
            run.fault_is_over()
        return found(run)

    return Scenario(f"broken-{how}", body, guarantees=(AT_LEAST_ONCE,), events=EVENTS, broken=True)


def joined(how: str) -> Scenario:
    """Another joins a worker of this kind which has work under way, and stays until its own has come out, too."""

    def body(run: Run) -> Findings:
        worker = run.worker(wait=False, command=command(how))
        run.load().wait_burst()
        worker.wait_ready()
        run.worker(command=command(how))
        run.wait_shared(2)  # one is ready before it has been given anything
        taken_over(run.children.folder).touch()
        return found(run)

    return Scenario(f"broken-{how}", body, guarantees=(AT_LEAST_ONCE,), events=EVENTS, broken=True)


BROKEN_ENGINES = (
    killed("commit-before-delivery"),
    killed("no-applied-offsets"),
    joined("stock-revoke-order"),
    killed("state-before-output"),
    killed("complete-too-early"),
)
