"""Why a process of the cluster did not start, read from what it wrote."""

import re
from collections.abc import Mapping
from pathlib import Path

from streams.local.errors import ClusterError, PortTakenError

READ_BYTES = 200_000
MEMORY = (
    "there is not enough memory for its heap: stop other programs (a broker takes 200 to 600 MB, the registry 300 MB)"
)
# The first that matches names the reason: what a later line says is often but a consequence.
CAUSES = (
    (r"No space left on device|Disk quota exceeded", "the disk of {folder} is full"),
    (r"Permission denied|AccessDenied|Read-only file system|not writable", "{folder} cannot be written"),
    (r"OutOfMemoryError|insufficient memory|Could not reserve enough space|Cannot allocate memory", MEMORY),
    (r"Failed to acquire lock|file is locked|may be already in use", "another process uses its data in {folder}"),
    (r"Too many open files", "it may not open enough files: raise the limit, for instance with `ulimit -n 65536`"),
    (r"Invalid cluster\.id|doesn't match stored|InconsistentClusterId", "{folder} holds another cluster's data"),
)
PORT_TAKEN = r"Address already in use|BindException|Port\(s\) already bound|QuarkusBindException|already in use by"


def explain(name: str, log: Path, folder: Path, ports: Mapping[str, int]) -> ClusterError:
    """Return the error that says why process *name*, which was to listen on *ports*, ended as its *log* tells."""
    text = _tail(log)
    if re.search(PORT_TAKEN, text):
        named = [port for port in ports.values() if re.search(rf"\b{port}\b", text)]
        taken = " or ".join(str(port) for port in named or ports.values())
        return PortTakenError(f"{name} cannot start: port {taken} is taken by another program")
    for pattern, reason in CAUSES:
        if re.search(pattern, text):
            return ClusterError(f"{name} cannot start: {reason.format(folder=folder)}")
    last = _last_error(text)
    reason = f"it says {last!r}" if last else "it was killed or ended without a word, maybe for lack of memory"
    return ClusterError(f"{name} cannot start: {reason}")


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as content:
            content.seek(max(0, log.stat().st_size - READ_BYTES))
            return content.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _last_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    errors = [line for line in lines if re.search(r"ERROR|FATAL|Exception|Error", line)]
    return (errors or lines or [""])[-1][:300]
