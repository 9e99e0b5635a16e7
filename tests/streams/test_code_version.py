"""The commit that is told is that of our own checkout, or none."""

import subprocess
from importlib.metadata import version

import pytest

from streams.code_version import COMMIT, code_version


def git(folder, *words):
    told = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(folder), *words]
    return subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def file(tmp_path):
    (tmp_path / "code.py").write_text("1\n")
    return tmp_path / "code.py"


def test_without_a_checkout_it_is_the_version_alone(file):
    assert {"touchline.code": version("touchline")} == code_version(file)


def test_of_a_checkout_it_is_the_commit_and_whether_it_was_changed(file):
    git(file.parent, "init")
    assert COMMIT not in code_version(file)  # it lies in somebody's checkout, who does not know it
    git(file.parent, "add", "code.py")
    git(file.parent, "commit", "-m", "first")
    git(file.parent, "tag", "v9")
    commit = git(file.parent, "rev-parse", "HEAD")

    assert commit == code_version(file)[COMMIT]
    file.write_text("2\n")
    assert f"{commit}-dirty" == code_version(file)[COMMIT]
