import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from streams.local import processes
from streams.local.processes import Process, is_running, send, spawn, start_time, stop, wait_until_ended

WAITS = "import sys, time; print('ready', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


def python(tmp_path, code):
    process = spawn([sys.executable, "-c", code], tmp_path / "log", os.environ)
    while "ready" not in (tmp_path / "log").read_text():
        assert is_running(process)
    return process


@pytest.fixture
def waiting(tmp_path):
    process = python(tmp_path, WAITS)
    yield process
    stop([process])


def test_a_spawned_process_is_in_a_session_of_its_own(waiting):
    assert os.getsid(waiting.pid) == waiting.pid
    assert os.getsid(waiting.pid) != os.getsid(0)


def test_output_and_errors_go_to_the_log(tmp_path):
    process = spawn([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"], tmp_path / "log", os.environ)

    assert [] == wait_until_ended([process], 30)
    assert {"out", "err"} == set((tmp_path / "log").read_text().split())


def test_a_reused_pid_is_not_taken_for_the_process_and_gets_no_signal():
    other = subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, start_new_session=True)
    try:
        # init is no child of ours, and runs: what a pid file of an earlier boot may point to
        stranger = Process(1, "an earlier time")
        assert not is_running(stranger)
        send(stranger, signal.SIGKILL)
        assert start_time(1) is not None
    finally:
        other.kill()
        other.communicate()


def test_processes_which_are_not_ours_are_recognised_by_their_start_time():
    parent = os.getppid()
    known = Process(parent, start_time(parent) or "")

    assert is_running(known)
    assert not is_running(replace(known, started=known.started + "0"))


def test_stop_waits_until_the_process_has_ended(waiting):
    stop([waiting])

    assert not is_running(waiting)
    assert start_time(waiting.pid) is None


def test_a_process_that_does_not_listen_is_killed(tmp_path):
    process = python(tmp_path, STUBBORN)

    stop([process], seconds=0.05)

    assert not is_running(process)


def test_waiting_names_those_that_still_run(waiting):
    assert [waiting] == wait_until_ended([waiting], 0.0)


def test_a_child_that_ended_is_not_running_before_and_after_it_is_reaped(tmp_path):
    process = spawn([sys.executable, "-c", ""], tmp_path / "log", os.environ)

    assert [] == wait_until_ended([process], 30)
    assert not is_running(process)


def test_where_there_is_no_proc_ps_knows_the_start_time(waiting):
    assert processes._start_time_by_ps(waiting.pid)
    assert processes._start_time_by_ps(2**22 + 1) is None
