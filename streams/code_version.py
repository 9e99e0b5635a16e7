"""Which code this is: the version of the package, and the commit of a checkout."""

import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

COMMIT: Final = "mlflow.source.git.commit"
_HERE: Final = Path(__file__)
_SECONDS: Final = 10


def code_version(file: Path = _HERE) -> Mapping[str, str]:
    """Return the version, and the commit when *file* is one of a checkout; ``-dirty`` says that files were changed."""
    found = {"touchline.code": version("touchline")}
    # An environment may lie within the checkout of something else, whose commit would tell nothing of us.
    if _git(file, "ls-files", "--error-unmatch", file.name):
        found[COMMIT] = _git(file, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return found


def _git(file: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(file.parent), *words],  # noqa: S607 - the user's own
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
