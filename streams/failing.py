"""What a failing worker says of itself: one line, and the same for the supervisor to repeat when it gives up."""

import logging
from pathlib import Path
from typing import Final, NoReturn

from models.manifest import BundleError
from streams.engine.faults import WorkError
from streams.engine.flood import FloodError
from streams.engine.lease import LeaseError
from streams.engine.outbox import DeliveryError
from streams.engine.safety import InputError
from streams.stopping import STOPS, RefusedError, stop_worker

UNKNOWN: Final = "unknown"


def stop_for(error: BaseException) -> NoReturn:
    """Stop the worker because of *error*, and say which records it concerns."""
    if isinstance(error, FloodError):
        stop_worker("flood.refused", error, **error.keys())
    reason = (error.__cause__ or error) if isinstance(error, WorkError) else error
    keys = error.keys() if isinstance(error, WorkError) else {}
    if isinstance(reason, LeaseError):
        stop_worker("lease.lost", reason)
    if isinstance(reason, DeliveryError):
        stop_worker("delivery.failed", reason, **keys)
    if isinstance(reason, BundleError):
        stop_worker("model.refused", reason, **keys)
    if isinstance(error, WorkError):
        stop_worker("worker.failed", reason, **keys)
    if isinstance(error, InputError):
        stop_worker("input.refused", error)
    stop_worker("worker.refused" if isinstance(error, RefusedError) else "worker.failed", error)


class LastError(logging.Handler):
    """Keeps the last error in a file, so that it outlives the process."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.ERROR)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write what *record* says."""
        said = record.msg
        text = f"{said.get('event')}: {said.get('error', '')}" if isinstance(said, dict) else record.getMessage()
        self._file.write_text(text)


def stop_of(cause: str) -> str:
    """Return the log event with which a process stopped whose last error was *cause*; ``unknown`` for any other.

    >>> stop_of("delivery.failed: predictions did not take a record"), stop_of("a library says boom")
    ('delivery.failed', 'unknown')
    """
    event = cause.partition(":")[0]
    return event if event in STOPS else UNKNOWN


def cause_file(socket: Path) -> Path:
    """Return where the process that serves at *socket* leaves its last error."""
    return socket.with_suffix(".cause")
