import subprocess
import sys

from streams.local.locks import exclusive

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
