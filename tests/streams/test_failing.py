"""A failing worker says one line, and leaves its last error to the supervisor."""

import logging

import pytest

from streams.failing import LastError, cause_file
from streams.logs import _worth_telling


def record(message: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("name", level, "path", 1, message, ("boom",), None)


def test_the_last_error_stands_in_a_file(tmp_path):
    handler = LastError(cause_file(tmp_path / "predict.sock"))
    handler.handle(record("a library says %s"))
    assert "a library says boom" == (tmp_path / "predict.cause").read_text()

    handler.handle(record({"event": "worker.failed", "error": "this", "stage": "process"}))
    assert "worker.failed: this" == (tmp_path / "predict.cause").read_text()


@pytest.mark.parametrize(
    ("message", "level", "told"),
    [
        ("[^-App]: Crashed reason=%r", logging.ERROR, False),
        ("[^--Thread]: Got exception: %r\nCurrent assignment: %r", logging.ERROR, False),
        ("[^-App]: something else %s", logging.ERROR, True),
        ("[^-App]: Starting... %s", logging.INFO, False),
        ({"event": "worker.failed"}, logging.ERROR, True),
    ],
)
def test_a_crash_is_not_told_twice(message, level, told):
    assert told == _worth_telling(record(message, level))
