"""Several runs at the same time: processes of this program, each with a lane of the runs.

Runs that break brokers or registry have a cluster to themselves; the others share one, since an idle cluster of three
takes a third of a core.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from streams.local.cluster import LocalCluster
from tests.faults import results
from tests.faults.results import Result
from tests.faults.runner import GENTLE, ROUGH, Lane


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


def lanes(jobs: int) -> list[Lane]:
    """Return the lanes of *jobs* processes, of two or more: two of five break clusters, and take as long as the others.

    >>> [(one.kind, one.part, one.parts) for one in lanes(3)]
    [('rough', 1, 1), ('gentle', 1, 2), ('gentle', 2, 2)]
    """
    rough = max(1, jobs * 2 // 5)
    kinds = ((ROUGH, rough), (GENTLE, jobs - rough))
    return [Lane(kind, part, parts) for kind, parts in kinds for part in range(1, parts + 1)]


def run_in_jobs(jobs: int, out: Path, arguments: Sequence[str], *, resume: bool) -> tuple[list[Result], bool]:
    """Run the program with *arguments* in lanes.

    Return the results of all, which are also written to *out*, and whether each lane was green: an engine broken on
    purpose has no results.
    """
    command = [sys.executable, "-m", "tests.faults", *arguments]
    parts = {lane: out.with_suffix(f".{lane.kind}-{lane.part}-of-{lane.parts}.json") for lane in lanes(jobs)}
    children: list[subprocess.Popen[bytes]] = []
    with LocalCluster(3, ephemeral=True) as cluster:  # for hours: Java's second compiler pays
        shared = ["--cluster", f"{cluster.bootstrap_servers} {cluster.registry_url}"]
        try:
            for lane, part in parts.items():
                given = ["--lane", lane.kind, "--share", f"{lane.part}/{lane.parts}", "--out", str(part)]
                children.append(subprocess.Popen([*command, *given, *(shared if lane.kind == GENTLE else ())]))
            for child in children:
                child.wait()
        finally:
            for child in children:
                child.terminate()
                child.wait()
            earlier = results.read(out) if resume else []
            every = (*earlier, *chain.from_iterable(map(results.read, parts.values())))
            made = {(one.scenario, one.guarantee, one.seed): one for one in every}  # numbers change with new scenarios
            found = sorted(made.values(), key=lambda one: one.number)
            results.write(out, found)
    return found, not any(child.returncode for child in children)
