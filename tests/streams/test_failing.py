"""A failing worker says one line, and leaves its last error to the supervisor."""

import logging
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from models.manifest import BundleError
from streams import failing
from streams.engine.faults import WorkError
from streams.engine.lease import LeaseError
from streams.engine.outbox import DeliveryError
from streams.engine.safety import InputError
from streams.failing import LastError, cause_file, stop_for
from streams.logs import _worth_telling
from streams.stopping import STOPS, RefusedError

STREAMS = Path(failing.__file__).parent


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


class _EndedError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (DeliveryError("predictions did not take a record"), "delivery.failed"),
        (BundleError("model m 1 scores feature set v1, not v2"), "model.refused"),
        (LeaseError("too late"), "lease.lost"),
        (InputError("made anew"), "input.refused"),
        (RefusedError("no"), "worker.refused"),
        (ValueError("a bug"), "worker.failed"),
    ],
)
@pytest.mark.parametrize("at_work", [False, True])
def test_a_stop_is_told_by_its_own_event_wherever_it_came_from(monkeypatch, error, event, at_work):
    def end(code):
        raise _EndedError(code)

    monkeypatch.setattr("streams.stopping.drop_what_is_on_its_way", lambda: None)  # the tests' own connections
    monkeypatch.setattr("streams.stopping.os._exit", end)
    raised: Exception = error
    if at_work:
        raised = WorkError("deliver", [])
        raised.__cause__ = error
    with capture_logs() as lines, pytest.raises(_EndedError):
        stop_for(raised)

    expected = "worker.failed" if at_work and event in {"input.refused", "worker.refused"} else event
    assert [(expected, str(error))] == [(line["event"], line["error"]) for line in lines]


def test_every_event_with_which_the_code_stops_a_process_is_known_to_the_supervisor():
    written = {
        event
        for file in STREAMS.rglob("*.py")
        for call in re.findall(r"stop_worker\((.*)", file.read_text())
        for event in re.findall(r'"([a-z]+\.[a-z]+)"', call)
    }

    assert {*STOPS} == written
