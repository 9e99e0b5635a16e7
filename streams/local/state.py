"""The state file: which local cluster runs, for the commands that come later."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.local.places import state_folder
from streams.local.processes import Process, is_running

FORMAT = 1
FILE_NAME = "cluster.json"


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """The local cluster that `touchline up` started.

    Attributes:
        bootstrap_servers: ``host:port,...`` of its brokers.
        registry_url: The registry's address for Confluent's clients.
        nodes: How many brokers it has.
        pids: Ids of the processes that run at present, by name (``broker-1``, ``registry``).
    """

    bootstrap_servers: str
    registry_url: str
    nodes: int
    pids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ClusterState:
    """All that the state file holds.

    Attributes:
        folder: Where the cluster's data and logs are.
        ephemeral: Whether the folder goes when the cluster stops.
        ready: False while the cluster is being started.
        ports: By what listens: ``broker-1``, ``controller-1``, ``registry``, ``management``.
        processes: By name; also those that ended meanwhile.
    """

    folder: Path
    nodes: int
    ephemeral: bool
    ready: bool
    bootstrap_servers: str
    registry_url: str
    ports: Mapping[str, int]
    processes: Mapping[str, Process] = field(default_factory=dict)

    def running(self) -> dict[str, Process]:
        """Return the processes that run at present."""
        return {name: process for name, process in self.processes.items() if is_running(process)}


def state_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the state file."""
    return state_folder(environment) / FILE_NAME


def write_state(path: Path, state: ClusterState) -> None:
    """Replace the state file at once, so that no reader sees half of it."""
    content = {
        "format": FORMAT,
        "folder": str(state.folder),
        "nodes": state.nodes,
        "ephemeral": state.ephemeral,
        "ready": state.ready,
        "bootstrap_servers": state.bootstrap_servers,
        "registry_url": state.registry_url,
        "ports": dict(state.ports),
        "processes": {name: [process.pid, process.started] for name, process in state.processes.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    unfinished.write_text(json.dumps(content, indent=1) + "\n")
    unfinished.replace(path)


def read_state(path: Path) -> ClusterState | None:
    """Return what the state file holds; None when there is none or it is of another format."""
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            return None
        return ClusterState(
            folder=Path(content["folder"]),
            nodes=int(content["nodes"]),
            ephemeral=bool(content["ephemeral"]),
            ready=bool(content["ready"]),
            bootstrap_servers=str(content["bootstrap_servers"]),
            registry_url=str(content["registry_url"]),
            ports={str(name): int(port) for name, port in content["ports"].items()},
            processes={str(name): Process(int(pid), str(at)) for name, (pid, at) in content["processes"].items()},
        )
    except (FileNotFoundError, NotADirectoryError, KeyError, TypeError, ValueError):
        return None


def running_cluster(environment: Mapping[str, str] = os.environ) -> RunningCluster | None:
    """Return the local cluster that runs, or None; one broker of several is enough to count."""
    state = read_state(state_file(environment))
    if state is None or not state.ready:
        return None
    pids = {name: process.pid for name, process in state.running().items()}
    if not any(name.startswith("broker-") for name in pids):
        return None
    return RunningCluster(state.bootstrap_servers, state.registry_url, state.nodes, pids)
