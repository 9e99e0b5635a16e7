"""How a worker stops when it must not go on: one line which says why, no commit, an exit code."""

import os
import socket
import struct
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import structlog

from streams.engine.reachability import is_about_reachability

log = structlog.get_logger(__name__)

FAILED = 70
AWAY = 75
REFUSED = 3
STOPS: Final = (
    "delivery.failed", "flood.refused", "input.refused", "lease.lost", "model.refused", "restore.failed",
    "role.failed", "role.refused", "worker.failed", "worker.refused",
)  # fmt: skip
"""The log events with which a process of a role stops."""
_DESCRIPTORS = Path("/proc/self/fd")
_NO_LINGER = struct.pack("ii", 1, 0)


class RefusedError(RuntimeError):
    """Raised when a worker must not start, or go on, until a person has done something; its text says what."""


def stop_worker(event: str, error: BaseException, **keys: object) -> NoReturn:
    """Log *error* as one line with *keys* and end the process at once: nothing unfinished is committed on the way out.

    Nor is it sent. The exit code is REFUSED for an event that says so, AWAY where *error* is that brokers or registry
    cannot be reached, else FAILED.
    """
    drop_what_is_on_its_way()
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    log.error(event, error=str(error), kind=type(error).__name__, where=where, **keys)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if event.endswith("refused"):
        os._exit(REFUSED)
    os._exit(AWAY if is_about_reachability(error) else FAILED)


def drop_what_is_on_its_way() -> None:
    """Let the kernel reset the connections when the process ends.

    It would go on sending what the brokers could not be reached with, long after another worker has taken over.
    """
    for name in _DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ():
        with suppress(OSError, ValueError), socket.socket(fileno=os.dup(int(name.name))) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
