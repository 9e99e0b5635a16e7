"""How a worker stops when it must not go on: one line which says why, no commit, an exit code."""

import os
import sys
import traceback
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)

FAILED = 70
REFUSED = 3


class RefusedError(RuntimeError):
    """Raised when a worker must not start, or go on, until a person has done something; its text says what."""


def stop_worker(event: str, error: BaseException, **keys: object) -> NoReturn:
    """Log *error* as one line with *keys* and end the process at once: nothing unfinished is committed on the way out.

    The exit code is REFUSED for an event that says so, else FAILED.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    log.error(event, error=str(error), kind=type(error).__name__, where=where, **keys)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(REFUSED if event.endswith("refused") else FAILED)
