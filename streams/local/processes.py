"""Processes of the local cluster: started apart from the terminal, known by pid and start time, stopped and awaited."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its id and when it started, so that another one which got the same id later is not taken for it.

    Attributes:
        pid: The system's number of it.
        started: Start time in the system's own writing; only ever compared.
    """

    pid: int
    started: str


def start_time(pid: int) -> str | None:
    """Return when process *pid* started, or None when there is no such process or it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        fields = stat.read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], fields[19]  # proc(5): the third and the 22nd, and the name takes the first two
    # The first thread of a process can be gone while others still hold its files.
    ended = state == "X" or (state == "Z" and _threads(pid) <= 1)
    return None if ended else started


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _start_time_by_ps(pid: int) -> str | None:
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607 - ps lies elsewhere on each system
    return shown.stdout.strip() or None


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
    """Start *command* in a session of its own, so that Ctrl-C does not reach it, writing to *log*.

    Raises:
        OSError: The command cannot be executed, or the log not written.
    """
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), writing, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Process(pid, start_time(pid) or "")


def is_running(process: Process) -> bool:
    """Tell whether *process* still runs; one that ended and is a child of ours is taken off the system's table."""
    try:
        ended, _ = os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return start_time(process.pid) == process.started
    return not ended


def send(process: Process, number: signal.Signals) -> None:
    """Send signal *number* to *process*, and to no other that has its id by now."""
    if is_running(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def wait_until_ended(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Wait until all *processes* have ended; return those that still run after *seconds*."""
    until = time.monotonic() + seconds
    running = [process for process in processes if is_running(process)]
    while running and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        running = [process for process in running if is_running(process)]
    return running


def stop(processes: Sequence[Process], seconds: float = 30.0) -> None:
    """Ask all *processes* to end, and kill those that have not after *seconds*."""
    for process in processes:
        send(process, signal.SIGTERM)
    for process in wait_until_ended(processes, seconds):
        send(process, signal.SIGKILL)
    wait_until_ended(processes, seconds)
