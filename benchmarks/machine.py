"""On what was measured: machine, versions, commit, and what else was going on."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

OURS: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "fastavro", "numpy", "numba", "onnxruntime", "uvloop")
THEIRS: Final = (
    "faust-streaming",
    "quixstreams",
    "bytewax",
    "confluent-kafka",
    "fastavro",
    "onnxruntime",
    "xgboost-cpu",
)
COMMIT: Final = ("git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*")
ASK: Final = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def environment(peers: Path) -> dict[str, Any]:
    """Return what the figures depend on; *peers* is the peers' environment."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in OURS},
        "peers": peers_versions(peers),
        "load_before": os.getloadavg()[0],
    }


def processor() -> str:
    """Return the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    """Return the commit, "unknown" outside of a repository, with a + where files differ from it."""
    try:
        told = subprocess.run(COMMIT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.decode().strip()


def peers_versions(peers: Path) -> dict[str, str]:
    """Return the versions in the peers' environment; none if it is not there."""
    try:
        told = subprocess.run([peers / "bin" / "python", "-c", ASK, *THEIRS], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(json.loads(told.stdout))
