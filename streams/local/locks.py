"""One process at a time."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOOK_SECONDS: Final = 0.02


@contextmanager
def exclusive(path: Path, when_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file *path* for the block; the system frees it when the process ends in whatever way.

    Args:
        path: Created where missing, never removed: removing it would let two in.
        when_waiting: Called once when another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _taken(file.fileno()):
            when_waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def in_turn(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock file *path* for the block if it is free within *patience* seconds; else do without it.

    For what is better not done by several at once, and may be. So is it where the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:
        yield
        return
    with file:
        until = time.monotonic() + patience
        while not _taken(file.fileno()) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
