"""Runs one system as processes of its own, and tells what they use."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
GRACE_SECONDS: Final = 20.0


class FailedError(RuntimeError):
    """Raised when a system could not be measured; one sentence."""


class Measured(Protocol):
    """What runs and can be measured."""

    def check(self) -> None: ...  # noqa: D102 - see Running
    def cpu_seconds(self) -> float: ...  # noqa: D102
    def memory_bytes(self) -> int: ...  # noqa: D102


class Running:
    """The processes of one system, from the first one started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Return the process that was started."""
        return self._process.pid

    def check(self) -> None:
        """Raise FailedError when it has ended, with the last of what it said."""
        if self._process.poll() is not None:
            said = self._log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            raise FailedError(f"it ended with code {self._process.returncode} and said: {said[-1][:300]} ({self._log})")

    def cpu_seconds(self) -> float:
        """Return the user and system time of all its processes so far."""
        return sum(sum(map(int, fields[11:13])) for fields in self._stats()) / TICKS

    def memory_bytes(self) -> int:
        """Return what all its processes hold in memory."""
        return sum(int(fields[21]) for fields in self._stats()) * PAGE

    def _stats(self) -> Iterator[list[str]]:
        for pid in family(self._process.pid):
            with suppress(OSError):  # it has just ended
                yield Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def family(pid: int) -> list[int]:
    """Return *pid* and all its descendants."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Run *command* and end all of it afterwards, whatever happens; what it says goes to *log*."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, process_group=0
        )
    try:
        yield Running(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End *process* and its children, in good order if they know how."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Crew:
    """Several workers of one system, as one."""

    def __init__(self, workers: Sequence[Measured]) -> None:
        self._workers = workers

    def check(self) -> None:
        """Raise FailedError when one has ended."""
        for one in self._workers:
            one.check()

    def cpu_seconds(self) -> float:
        """Return the user and system time of all so far."""
        return sum(one.cpu_seconds() for one in self._workers)

    def memory_bytes(self) -> int:
        """Return what all hold in memory."""
        return sum(one.memory_bytes() for one in self._workers)


class Stopwatch:
    """Time and CPU time of a system since the watch was made."""

    def __init__(self, system: Measured) -> None:
        self._system = system
        self._began = time.monotonic()
        self._cpu = system.cpu_seconds()

    def read(self) -> tuple[float, float]:
        """Return the seconds and the CPU seconds since the start."""
        return time.monotonic() - self._began, self._system.cpu_seconds() - self._cpu
