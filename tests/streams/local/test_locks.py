import subprocess
import sys
from threading import Event, Thread

from streams.local.locks import exclusive, in_turn

HOLDER = """
import sys
from pathlib import Path
from streams.local.locks import exclusive
with exclusive(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def never():
    raise AssertionError("waited")


def test_a_free_lock_is_taken_at_once_and_given_back(tmp_path):
    for _ in range(2):
        with exclusive(tmp_path / "new folder" / "lock", never):
            pass


def test_a_held_lock_is_waited_for_and_says_so(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    said = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert "held\n" == holder.stdout.readline()

        def when_waiting():
            said.append("waiting")
            holder.stdin.close()

        with exclusive(path, when_waiting):
            assert 0 == holder.wait()

    assert ["waiting"] == said


def test_a_killed_holder_leaves_the_lock_free(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert "held\n" == holder.stdout.readline()
        holder.kill()

    with exclusive(tmp_path / "lock", never):
        pass


def test_who_comes_in_turn_waits_for_another_and_goes_on_without_the_lock_when_that_takes_too_long(tmp_path):
    path, inside, over, came = tmp_path / "lock", Event(), Event(), []

    def hold():
        with in_turn(path, 60):
            inside.set()
            over.wait(60)
            came.append("first")

    holder = Thread(target=hold)
    holder.start()
    assert inside.wait(60)
    with in_turn(path, 0.05):
        came.append("impatient")
    over.set()
    with in_turn(path, 60):
        came.append("patient")
    holder.join()

    assert came == ["impatient", "first", "patient"]


def test_in_turn_does_without_a_lock_where_no_file_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    came = []

    with in_turn(tmp_path / "file" / "lock", 60):
        came.append("in")

    assert came == ["in"]
