"""A small process that outlives its parent, to end what the parent left behind when it was killed.

It reads ``pid started`` lines; when the other end closes, for whatever reason, it kills those that still run and
removes the folder it was given, if any.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from streams.local.processes import Process, send, wait_until_ended

END_SECONDS = 30.0


class Guard:
    """Watches over the processes, and the folder if it is given, of a cluster that must not outlive this process."""

    def __init__(self, folder: Path | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams.local.guard", *([str(folder)] if folder else [])],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def watch(self, process: Process) -> None:
        """End *process* when this one has ended."""
        pipe = self._process.stdin
        if pipe is not None:
            pipe.write(f"{process.pid} {process.started}\n")
            pipe.flush()

    def close(self) -> None:
        """Let it do its work now, and wait for it."""
        self._process.communicate(timeout=2 * END_SECONDS)


def main() -> None:
    """Watch until standard input ends."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched = []
    for line in sys.stdin:
        pid, _, started = line.rstrip("\n").partition(" ")
        watched.append(Process(int(pid), started))
    for process in watched:
        send(process, signal.SIGKILL)
    wait_until_ended(watched, END_SECONDS)
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
