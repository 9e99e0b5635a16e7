"""Several runs at the same time: processes of this program, each with a share of the runs and a cluster of its own."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults import results
from tests.faults.results import Result


def without(arguments: Sequence[str], *options: str) -> Iterator[str]:
    """Yield *arguments* but for *options* and their values.

    >>> list(without(["--jobs", "3", "--resume", "--out=x"], "--jobs", "--out"))
    ['--resume']
    """
    rest = iter(arguments)
    for one in rest:
        if one in options:
            next(rest, None)
        elif one.split("=")[0] not in options:
            yield one


def run_in_jobs(jobs: int, out: Path, arguments: Sequence[str]) -> tuple[list[Result], bool]:
    """Run the program with *arguments* in shares.

    Return the results of all, which are also written to *out*, and whether each share was green: an engine broken on
    purpose has no results.
    """
    parts = [out.with_suffix(f".{number}-of-{jobs}.json") for number in range(1, jobs + 1)]
    command = [sys.executable, "-m", "tests.faults", *arguments]
    children = [
        subprocess.Popen([*command, "--share", f"{number}/{jobs}", "--out", str(part)])
        for number, part in enumerate(parts, start=1)
    ]
    try:
        for child in children:
            child.wait()
    finally:
        for child in children:
            child.terminate()
            child.wait()
    found = sorted((one for part in parts for one in results.read(part)), key=lambda one: one.number)
    results.write(out, found)
    return found, not any(child.returncode for child in children)
