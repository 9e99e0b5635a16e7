"""A replay's supervisor, which ends with its parent: ``python -m streams.playing.crew_process ROLE...``."""

import os
import signal
import sys
import threading
from collections.abc import Sequence

from streams.logs import configure_logs
from streams.settings import read_settings
from streams.supervisor import supervise


def main(roles: Sequence[str]) -> int:
    """Run *roles* until told to stop or until standard input ends; return the exit code."""
    settings = read_settings()
    configure_logs(settings.log_format, settings.log_level)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return supervise(settings, roles)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
