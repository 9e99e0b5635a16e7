import os
import signal
import subprocess
import sys

import pytest

# What is said while cleaning up goes to the terminal, which may be gone.
CODE = """
import os, signal, sys
from pathlib import Path
from streams.playing.interruption import interruptible, until_interrupted
if sys.argv[1] == "terminal":
    os.login_tty(0)
if sys.argv[1] != "nohup":  # whoever runs the tests may be deaf to some
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
try:
    with interruptible():
        print("ready", flush=True)
        until_interrupted()
except KeyboardInterrupt:
    print("stopping", flush=True)
    Path(sys.argv[2]).write_text("cleaned up")
"""
COMMAND = [sys.executable, "-P", "-c", CODE]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_of_ending_cleans_up(tmp_path, how):
    done = tmp_path / "done"
    with subprocess.Popen([*COMMAND, "pipe", str(done)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(how)
        process.stdout.read()

    assert process.returncode == 0
    assert done.read_text() == "cleaned up"


def test_a_closed_terminal_ends_nothing_half_way(tmp_path):
    done = tmp_path / "done"
    ours, theirs = os.openpty()
    command = [*COMMAND, "terminal", str(done)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        os.read(ours, 100)
        os.close(ours)

    assert process.returncode == 0
    assert done.read_text() == "cleaned up"


def test_a_program_deaf_to_hang_ups_stays_so(tmp_path):
    done = tmp_path / "done"
    command = ["nohup", *COMMAND, "nohup", str(done)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read()

    assert process.returncode == 0
    assert said == b"stopping\n"
