"""The processes of a run: workers and load, each in a process group of its own, so that a fault hits what it should."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from streams.local.guard import Guard
from streams.local.ports import is_free
from streams.local.processes import Process, start_time
from tests.faults.load import LoadPlan

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

READY_SECONDS = 90.0
END_SECONDS = 60.0
_PORTS = range(10_000, 18_000)
LOOK_SECONDS = 0.3  # a look asks the brokers a dozen times, and several runs share two cores


class FaultError(AssertionError):
    """Raised when something that a scenario needs or claims does not come true; the sentence says what."""


def wait_until(true: Callable[[], T | None], seconds: float, what: Callable[[], str] | str) -> T:
    """Wait until *true*, and return that; raise FaultError with *what* was waited for after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise FaultError(f"{what if isinstance(what, str) else what()} did not come within {seconds:.0f} s")
        time.sleep(LOOK_SECONDS)
    return found


def free_port() -> int:
    """Return one which no connection gets before its worker listens, and no broker has that is away just now."""
    while not is_free(port := random.choice(_PORTS)):
        pass
    return port


def plain_environment() -> dict[str, str]:
    """Return our own environment without what would set a worker up."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOUCHLINE_")}


@dataclass
class WorkerProcess:
    """`touchline worker ROLE...`: a supervisor and one child a role, in one process group.

    Attributes:
        log: What both have written.
        url: Where metrics and health are.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    url: str
    _watch: Callable[[int], None]

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of one of its endpoints; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise FaultError(f"worker {self.name} ended with {self.process.returncode}: {self.last_words()}")
        return self.get("/readyz")[0] == 200

    def wait_ready(self, seconds: float = READY_SECONDS) -> "WorkerProcess":
        wait_until(self.ready, seconds, lambda: f"worker {self.name} being ready ({self.last_words()})")
        return self

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def last_words(self) -> str:
        return " | ".join(self.said().splitlines()[-3:])

    def child(self) -> int | None:
        """Return the pid of the first role's own process, if it runs."""
        try:
            found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except FileNotFoundError:
            return None
        return int(found[0]) if found else None

    def kill_child(self) -> None:
        """kill -9 of the role's process alone: its supervisor starts it again."""
        os.kill(wait_until(self.child, END_SECONDS, f"a process of worker {self.name}"), signal.SIGKILL)

    def kill(self) -> None:
        """kill -9 of the supervisor and its child, both at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(END_SECONDS)

    def freeze(self) -> None:
        """SIGSTOP of both."""
        if child := self.child():
            self._watch(child)  # a stopped child does not notice that its supervisor is gone
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT of both."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        self.process.terminate()

    def wait_ended(self, seconds: float = END_SECONDS) -> int:
        """Return its exit code."""
        wait_until(lambda: self.process.poll() is not None, seconds, lambda: f"the end of worker {self.name}")
        return int(self.process.returncode)

    def stop(self) -> int:
        """End it in good order; return the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait_ended()

    def clear(self) -> None:
        """End it in whatever way."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(END_SECONDS)


@dataclass
class LoadProcess:
    """The load; see `load.py`."""

    plan: LoadPlan
    process: subprocess.Popen[str]

    def wait_burst(self, seconds: float = 120) -> None:
        """Wait until the first part is acknowledged."""
        stream = self.process.stdout
        line = stream.readline() if stream else ""
        if line.strip() != "burst":
            raise FaultError(f"the load ended before its first part was sent: exit code {self.process.wait(seconds)}")

    def check(self) -> None:
        """Raise FaultError if it has fallen."""
        if self.process.poll():
            raise FaultError(f"the load failed with exit code {self.process.returncode}")

    def finish(self) -> None:
        """Let it send nothing more and wait until all is acknowledged."""
        try:
            self.process.communicate(timeout=330)
        except subprocess.TimeoutExpired as error:
            raise FaultError("the load's last records were not acknowledged within 330 s") from error
        if self.process.returncode or self.result["failed"]:
            raise FaultError(f"the load failed: exit code {self.process.returncode}, {self.result['failed'][:3]}")

    @property
    def result(self) -> dict[str, object]:
        """Return what it sent, once it has ended."""
        out = Path(self.plan.out)
        found: dict[str, object] = json.loads(out.read_text()) if out.exists() else {"failed": ["it wrote nothing"]}
        return found

    def clear(self) -> None:
        """End it in whatever way."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=END_SECONDS)


class Children:
    """Starts processes and ends them, in whatever way this one ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[WorkerProcess] = []
        self.loads: list[LoadProcess] = []
        self._guard = Guard(folder)

    def _watch(self, pid: int) -> None:
        self._guard.watch(Process(pid, start_time(pid) or ""))

    def start_worker(
        self, roles: tuple[str, ...], settings: Mapping[str, str], command: tuple[str, ...], code: Path | None
    ) -> WorkerProcess:
        """Start a worker.

        Args:
            roles: What it does.
            settings: Its settings by their names, in capital letters.
            command: Module and arguments for ``python``, before the roles.
            code: A folder with another version of the packages.
        """
        number = len(self.workers)
        port = free_port()
        name = f"w{number}"
        given = {"HTTP_PORT": str(port), "WORKER_NAME": name, **settings}
        environment = plain_environment() | {f"TOUCHLINE_{key}": value for key, value in given.items()}
        environment |= {"XDG_CACHE_HOME": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}
        if code is not None:
            environment["PYTHONPATH"] = str(code)
        log = self.folder / f"{name}.log"
        process = subprocess.Popen(
            [sys.executable, *command, *roles],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
        self._watch(process.pid)
        self.workers.append(WorkerProcess(name, process, log, f"http://127.0.0.1:{port}", self._watch))
        return self.workers[-1]

    def start_load(self, plan: LoadPlan) -> LoadProcess:
        """Start a load."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.load", plan.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self._watch(process.pid)
        self.loads.append(LoadProcess(plan, process))
        return self.loads[-1]

    def keep_logs(self, folder: Path) -> None:
        """Copy what the workers have said to *folder*, and where those stand that still run."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for worker in self.workers:
            shutil.copy(worker.log, folder)
            if worker.process.poll() is None and (child := worker.child()):
                stacks = subprocess.run(
                    [str(Path(sys.executable).with_name("py-spy")), "dump", "--pid", str(child)],
                    capture_output=True, check=False, timeout=END_SECONDS,
                )  # fmt: skip
                (folder / f"{worker.name}.stacks").write_bytes(stacks.stdout + stacks.stderr)

    def close(self) -> None:
        """End everything and remove the folder."""
        for child in (*self.loads, *self.workers):
            child.clear()
        self._guard.close()
