"""One process at a time."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, when_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file *path* for the block; the system frees it when the process ends in whatever way.

    Args:
        path: Created where missing, never removed: removing it would let two in.
        when_waiting: Called once when another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            when_waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
