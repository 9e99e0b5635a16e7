"""What falls is started again, more and more slowly, and given up with its last words."""

import asyncio
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streams.settings import Settings
from streams.stopping import AWAY, FAILED, REFUSED, STOPS
from streams.supervisor import GAVE_UP, Patience, Supervisor

# Stands for a role's process: counts its starts, leaves a last word and goes.
_FALLS = """
import pathlib, sys
socket = pathlib.Path(sys.argv[2])
starts = socket.with_suffix(".starts")
count = int(starts.read_text()) + 1 if starts.exists() else 1
starts.write_text(str(count))
socket.with_suffix(".cause").write_text(f"worker.failed: fall {count}")
sys.exit(CODE)
"""


def supervisor_of(tmp_path: Path, program: str, *roles: str, **patience: float) -> Supervisor:
    settings = Settings(bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1", http_port=0)
    limits = Patience(first_pause=0.001, longest_pause=0.002, **patience)
    given = roles or ("predict",)
    return Supervisor(settings, given, tmp_path, patience=limits, program=(sys.executable, "-c", program))


def supervise(tmp_path: Path, program: str, *roles: str, **patience: float):
    with capture_logs() as lines:
        code = asyncio.run(supervisor_of(tmp_path, program, *roles, **patience).run())
    return code, lines


def told(supervisor: Supervisor, name: str) -> dict[str, float]:
    lines = asyncio.run(supervisor._metrics()).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}


def test_a_role_that_falls_again_and_again_is_given_up_with_its_last_cause(tmp_path):
    code, lines = supervise(tmp_path, _FALLS.replace("CODE", str(FAILED)), most_falls=3)

    (given_up,) = [line for line in lines if line["event"] == "role.given_up"]
    assert GAVE_UP == code
    assert {
        "role": "predict",
        "falls": 3,
        "exit_code": FAILED,
        "cause": "worker.failed: fall 3",
        "log_level": "error",
    }.items() <= given_up.items()
    assert 2 == len([line for line in lines if line["event"] == "role.restarted"])


@pytest.mark.parametrize(
    ("last_words", "cause"),
    [
        ("delivery.failed: predictions did not take a record", "delivery.failed"),
        ("model.refused: /bundle: model.onnx has 3 bytes", "model.refused"),
        ("a library says boom", "unknown"),
        ("", "unknown"),
    ],
)
def test_falls_are_counted_by_the_event_that_a_role_ended_with_and_all_others_are_0(tmp_path, last_words, cause):
    program = _FALLS.replace("worker.failed: fall {count}", last_words).replace("CODE", str(FAILED))
    supervisor = supervisor_of(tmp_path, program, most_falls=3)
    before = told(supervisor, "touchline_role_falls_total")
    with capture_logs():
        asyncio.run(supervisor.run())
    after = told(supervisor, "touchline_role_falls_total")

    assert {*before} == {f'touchline_role_falls_total{{cause="{one}",role="predict"}}' for one in (*STOPS, "unknown")}
    assert {0} == {*before.values()}
    assert before | {f'touchline_role_falls_total{{cause="{cause}",role="predict"}}': 3} == after
    assert {'touchline_worker_restarts_total{role="predict"}': 2} == told(supervisor, "touchline_worker_restarts_total")


def test_a_refusal_is_not_tried_again(tmp_path):
    code, lines = supervise(tmp_path, _FALLS.replace("CODE", str(REFUSED)), most_falls=3)

    assert REFUSED == code
    assert [1] == [line["falls"] for line in lines if line["event"] == "role.given_up"]


def test_an_outage_is_waited_out_however_often_a_role_falls_in_it(tmp_path):
    program = _FALLS.replace("sys.exit(CODE)", f"sys.exit({FAILED} if count > 5 else {AWAY})")
    code, lines = supervise(tmp_path, program, most_falls=2)

    assert GAVE_UP == code
    assert [2] == [line["falls"] for line in lines if line["event"] == "role.given_up"]
    assert [*[AWAY] * 5, FAILED] == [line["exit_code"] for line in lines if line["event"] == "role.restarted"]


def test_pauses_double_up_to_the_longest(tmp_path):
    _code, lines = supervise(tmp_path, _FALLS.replace("CODE", "1"), most_falls=4)

    assert [0.001, 0.002, 0.002] == [line["pause_seconds"] for line in lines if line["event"] == "role.restarted"]


def test_a_process_that_says_nothing_is_given_up_too(tmp_path):
    _code, lines = supervise(tmp_path, "raise SystemExit(9)", most_falls=1)

    assert ["it said nothing"] == [line["cause"] for line in lines if line["event"] == "role.given_up"]


_REFUSES_AND_FALLS_LATER = f"""
import sys, time
if sys.argv[1] == "monitor":
    sys.exit({REFUSED})
time.sleep(1)
sys.exit({FAILED})
"""


def test_predictions_go_on_when_the_monitor_is_given_up_and_the_monitor_ends_with_the_predictions(tmp_path):
    code, lines = supervise(tmp_path, _REFUSES_AND_FALLS_LATER, "monitor", "predict", most_falls=2)

    given_up = [(line["role"], line["falls"]) for line in lines if line["event"] == "role.given_up"]
    assert (GAVE_UP, [("monitor", 1), ("predict", 2)]) == (code, given_up)


def test_a_worker_ends_when_all_its_roles_are_given_up(tmp_path):
    code, lines = supervise(tmp_path, _FALLS.replace("CODE", str(REFUSED)), "monitor", "materialize")

    assert REFUSED == code
    assert {"monitor", "materialize"} == {line["role"] for line in lines if line["event"] == "role.given_up"}
