"""The wheel: everything a worker needs is inside, and it works where this checkout is not."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "features", "models", "monitors", "streams")
INSIDE = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for name in sys.argv[2:]:
    found = pathlib.Path(importlib.import_module(name).__file__)
    assert found.is_relative_to(root), found
from models.bundle import open_bundle
from schemas.catalog import schemas
print(sorted(schemas()) and open_bundle(None, "bundle", 1).model)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel; the packages it depends on are lent by this one, but not this checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    lent = folder / "lent"
    lent.mkdir()
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if not one.name.lower().startswith(("touchline", "_touchline", "__editable__")) and one.suffix != ".pth":
            (lent / one.name).symlink_to(one)
    environment = folder / "venv"
    venv.create(environment, with_pip=False)
    (packages,) = (environment / "lib").glob("python*/site-packages")
    installed = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python"), "install", "--quiet"]
    subprocess.run([*installed, "--disable-pip-version-check", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages / "lent.pth").write_text(f"{lent}\n")
    return environment


def run(environment: Path, *command: str) -> str:
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=environment,
        env={"HOME": str(environment), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.strip()


def test_every_data_file_of_the_checkout_is_in_the_wheel(wheel):
    known = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S607 - the checkout is git's
    if known.returncode:
        pytest.skip("not a git checkout")
    wanted = {name for name in known.stdout.splitlines() if (ROOT / name).exists()}

    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= {*archive.namelist()}


def test_the_wheel_brings_the_five_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}

    assert {*PACKAGES} == {top for top in tops if not top.endswith(".dist-info")}


def test_the_five_packages_come_from_one_place_and_find_schemas_and_bundle(elsewhere):
    (packages,) = (elsewhere / "lib").glob("python*/site-packages")

    assert run(elsewhere, "python", "-W", "error::ImportWarning", "-c", INSIDE, str(packages), *PACKAGES)


def test_the_command_of_the_wheel_works(elsewhere):
    assert "touchline, version 0.1.0" == run(elsewhere, "touchline", "--version")
    assert "match-events" in run(
        elsewhere, "touchline", "doctor", "--acls", "--role", "predict", "--bootstrap-servers", "h:1"
    )


def test_here_the_five_packages_come_from_one_place():
    places = {Path(__import__(name).__file__ or "").parents[1] for name in PACKAGES}

    assert {ROOT} == places
