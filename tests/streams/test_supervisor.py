"""What falls is started again, more and more slowly, and given up with its last words."""

import asyncio
import sys
from pathlib import Path

from structlog.testing import capture_logs

from streams.settings import Settings
from streams.stopping import AWAY, FAILED, REFUSED
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


def supervise(tmp_path: Path, program: str, *roles: str, **patience: float):
    settings = Settings(bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1", http_port=0)
    limits = Patience(first_pause=0.001, longest_pause=0.002, **patience)
    given = roles or ("predict",)
    supervisor = Supervisor(settings, given, tmp_path, patience=limits, program=(sys.executable, "-c", program))
    with capture_logs() as lines:
        code = asyncio.run(supervisor.run())
    return code, lines


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
