import os
import signal
import subprocess
import sys

from streams.local.guard import Guard
from streams.local.processes import Process, spawn, start_time, stop, wait_until_ended

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# A parent that starts a guarded child, says which, and waits to be killed.
PARENT = """
import os, sys, time
from pathlib import Path
from streams.local.guard import Guard
from streams.local.processes import spawn
folder = Path(sys.argv[1])
guard = Guard(folder)
child = spawn([sys.executable, "-c", "import time; time.sleep(600)"], folder / "log", os.environ)
guard.watch(child)
print(child.pid, guard._process.pid, flush=True)
time.sleep(600)
"""


def test_when_its_parent_is_killed_the_guard_ends_the_children_and_removes_the_folder(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        watched = [Process(pid, start_time(pid)) for pid in pids]
        parent.send_signal(signal.SIGKILL)

    assert [] == wait_until_ended(watched, 60)
    assert not folder.exists()


def test_closing_the_guard_ends_what_it_watches(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    child = spawn(SLEEP, tmp_path / "log", os.environ)
    guard = Guard(folder)
    try:
        guard.watch(child)
        guard.close()

        assert [] == wait_until_ended([child], 0)
        assert not folder.exists()
    finally:
        stop([child])


def test_without_a_folder_the_guard_ends_the_processes_only(tmp_path):
    child = spawn(SLEEP, tmp_path / "log", os.environ)
    guard = Guard(None)
    try:
        guard.watch(child)
        guard.close()

        assert [] == wait_until_ended([child], 0)
        assert (tmp_path / "log").exists()
    finally:
        stop([child])
