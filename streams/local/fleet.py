"""The processes of one cluster: each started, awaited, ended, and written down as soon as it exists."""

import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from streams.local.diagnosis import explain
from streams.local.errors import ClusterError
from streams.local.launch import Launcher
from streams.local.ports import LOOPBACK
from streams.local.probes import brokers_probe, enforce_compatibility, registry_answers
from streams.local.processes import Process, is_running, send, stop, wait_until_ended
from streams.local.state import ClusterState

START_SECONDS = 90.0
END_SECONDS = 30.0
POLL_SECONDS = 0.05
REGISTRY = "registry"

Record = Callable[[ClusterState, Process | None], None]


class Fleet:
    """Brokers and registry as processes.

    Attributes:
        state: What the state file of this cluster would say at present.
    """

    def __init__(
        self, launcher: Launcher, state: ClusterState, client_config: Mapping[str, str], record: Record
    ) -> None:
        """Take charge of the processes in *state*.

        Args:
            launcher: Starts the others.
            state: Of the cluster; its processes may be running already.
            client_config: librdkafka's settings, without servers, of one who may ask brokers for metadata.
            record: Told of each new state, and of the process that was started.
        """
        self.state = state
        self._launcher = launcher
        self._client_config = client_config
        self._record = record
        record(state, None)

    def start_all(self) -> None:
        """Start what does not run, and wait until everything answers.

        Raises:
            ClusterError: Something does not start; what was started runs on.
        """
        nodes = range(1, self.state.nodes + 1)
        running = self.state.running()
        for name in [*(f"broker-{node}" for node in nodes), REGISTRY]:
            if name not in running:
                self.start(name)
        self.await_brokers(nodes)
        self.await_registry()
        self.state = replace(self.state, ready=True)
        self._record(self.state, None)

    def start(self, name: str) -> None:
        """Start process *name* and write it down."""
        process = self.state.processes.get(name)
        if process is not None and is_running(process):
            raise ClusterError(f"{name} runs already, as process {process.pid}")
        process = self._launcher.start(name)
        self.state = replace(self.state, processes={**self.state.processes, name: process})
        self._record(self.state, process)

    def end(self, name: str, how: signal.Signals) -> None:
        """Send *how* to process *name* and wait until it has ended."""
        process = self.state.processes[name]
        send(process, how)
        if wait_until_ended([process], END_SECONDS):
            raise ClusterError(f"{name} (process {process.pid}) has not ended {END_SECONDS:.0f} s after {how.name}")

    def stop_all(self) -> None:
        """Stop everything in good order and wait for it."""
        stop(list(self.state.running().values()), END_SECONDS)

    def await_brokers(self, nodes: Iterable[int]) -> None:
        """Wait until each of *nodes* answers and knows itself to be in the cluster."""
        for node in nodes:
            server = f"{LOOPBACK}:{self.state.ports[f'broker-{node}']}"
            probe = brokers_probe(
                {**self._client_config, "bootstrap.servers": server}, node, self._launcher.cluster_id()
            )
            self._await(f"broker-{node}", probe)

    def await_registry(self) -> None:
        """Wait until the registry answers, and have it refuse incompatible schemas."""
        port = self.state.ports[REGISTRY]
        self._await(REGISTRY, lambda: registry_answers(port))
        enforce_compatibility(port)

    def _await(self, name: str, answers: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while not answers():
            for other, process in self.state.processes.items():
                # A broker of three waits for the others in vain when one of them has ended.
                if not is_running(process) and (other == name or not self.state.ready):
                    raise explain(other, self._launcher.log(other), self.state.folder, self._launcher.ports_of(other))
            if time.monotonic() > until:
                raise ClusterError(f"{name} does not answer {START_SECONDS:.0f} s after its start")
            time.sleep(POLL_SECONDS)
