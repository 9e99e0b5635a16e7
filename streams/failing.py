"""What a failing worker says of itself: one line, and the same for the supervisor to repeat when it gives up."""

import logging
from pathlib import Path
from typing import NoReturn

from streams.engine.faults import WorkError
from streams.engine.flood import FloodError
from streams.engine.lease import LeaseError
from streams.engine.safety import InputError
from streams.stopping import RefusedError, stop_worker


def stop_for(error: BaseException) -> NoReturn:
    """Stop the worker because of *error*, and say which records it concerns."""
    if isinstance(error, FloodError):
        stop_worker("flood.refused", error, **error.keys())
    lease = error.__cause__ if isinstance(error, WorkError) else error
    if isinstance(lease, LeaseError):
        stop_worker("lease.lost", lease)
    if isinstance(error, WorkError):
        stop_worker("worker.failed", error.__cause__ or error, **error.keys())
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


def cause_file(socket: Path) -> Path:
    """Return where the process that serves at *socket* leaves its last error."""
    return socket.with_suffix(".cause")
