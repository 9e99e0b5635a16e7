"""Programs of the Debian package prometheus."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def needed(program: str) -> str:
    """Return where *program* is; skip the test where it is not installed, and fail it in CI."""
    found = shutil.which(program)
    if found is None:
        assert not os.environ.get("CI"), f"CI needs {program}: apt-get install prometheus"
        pytest.skip(f"{program} is not installed (Debian: apt-get install prometheus)")
    return found


def promtool(*words: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run promtool in the root of the repository and return what came of it."""
    return subprocess.run(
        [needed("promtool"), *words], cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
