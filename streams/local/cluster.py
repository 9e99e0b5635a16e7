"""A real Kafka and a real schema registry on loopback: started, found again, broken on purpose, stopped."""

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from streams.local.downloads import Software, provide_software
from streams.local.errors import ClusterError, PortTakenError
from streams.local.fleet import REGISTRY, Fleet
from streams.local.guard import Guard
from streams.local.launch import Launcher
from streams.local.places import cache_folder, state_folder
from streams.local.ports import LOOPBACK, USUAL, choose_ports
from streams.local.probes import REGISTRY_PATH
from streams.local.processes import Process
from streams.local.secured import Secured, make_secured
from streams.local.state import ClusterState, read_state, state_file, write_state
from streams.local.takedown import DATA_NAME, one_at_a_time, take_down

PORT_ATTEMPTS = 3


class LocalCluster:
    """Brokers and one registry on loopback.

    A kept cluster (the default) has its data under the state folder and outlives this process unless it is guarded; it
    is found again through the state file. An ephemeral one has free ports and a temporary folder, and both it and its
    processes are gone once it is stopped or this process has ended in whatever way.

    Attributes:
        nodes: Brokers, 1 or 3; a kept cluster of each number has data of its own.
        ephemeral: As above.
        detached: Whether it outlives this process and is in the state file; always so for a kept one.
        was_up: Whether start() found all of it running.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        ephemeral: bool = False,
        detached: bool = False,
        guarded: bool = False,
        quick: bool = False,
        java: Sequence[str] = (),
        security: Literal["plaintext", "sasl_ssl"] = "plaintext",
        users: Sequence[str] = (),
        server_properties: Mapping[str, str] | None = None,
        environment: Mapping[str, str] = os.environ,
        chance: random.Random | None = None,
        say: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """Describe a cluster; nothing happens before start().

        Args:
            nodes: 1 or 3.
            ephemeral: Whether all of it goes with this process.
            detached: For an ephemeral one that shall outlive this process after all, until `touchline down`.
            guarded: For a kept one whose processes shall not outlive this one, however it ends; the data stay.
            quick: Whether brokers shall be up in half the time rather than fast after minutes; for tests.
            java: Options of the brokers' Java, which win over ours.
            security: ``sasl_ssl`` for passwords, encryption and access rules; in tests only.
            users: With ``sasl_ssl``: names besides ``admin``. They may do only what access rules allow.
            server_properties: Kafka's own settings, which win over ours.
            environment: Names the cache and state folders.
            chance: Chooses free ports.
            say: Told what happens, in sentences for a person.

        Raises:
            ValueError: There is no such cluster.
        """
        if nodes not in (1, 3):
            raise ValueError(f"a local cluster has 1 or 3 nodes, not {nodes}")
        self.nodes = nodes
        self.ephemeral = ephemeral
        self.detached = detached or not ephemeral
        if security == "sasl_ssl" and self.detached:
            raise ValueError("a cluster with security is for tests: ephemeral and not detached")
        self.was_up = False
        self._guarded = guarded or not self.detached
        self._quick, self._java = quick, tuple(java)
        self._users = tuple(users) if security == "sasl_ssl" else None
        self._more = dict(server_properties or {})
        self._environment = environment
        self._chance = chance or random.Random()  # noqa: S311 - it chooses ports, not secrets
        self._say = say
        self._secured: Secured | None = None
        self._guard: Guard | None = None
        self._fleet: Fleet | None = None

    @property
    def bootstrap_servers(self) -> str:
        """``host:port,...`` of the brokers."""
        return self._started().state.bootstrap_servers

    @property
    def registry_url(self) -> str:
        """The registry's address for Confluent's clients."""
        return self._started().state.registry_url

    @property
    def pids(self) -> dict[str, int]:
        """Ids of the processes that run at present, by name: ``broker-1``, ``registry``."""
        return {name: process.pid for name, process in self._started().state.running().items()}

    def client_config(self, user: str = "admin") -> dict[str, str]:
        """Return librdkafka's settings with which *user* reaches the brokers; without security, anyone."""
        reach = self._secured.client_config(user) if self._secured else {}
        return {"bootstrap.servers": self.bootstrap_servers, **reach}

    def start(self) -> Self:
        """Start what does not run yet, and wait until all of it answers.

        Raises:
            ClusterError: It cannot be started. Nothing is left running then, but for what ran before and could not be
                completed: that stays until it is stopped.
        """
        software = provide_software(cache_folder(self._environment))
        with self._alone():
            known = read_state(state_file(self._environment)) if self.detached else None
            if known is not None and known.running():
                self._resume(software, known)
            else:
                self._start_anew(software, known.ports if known else {})
        return self

    def stop(self) -> None:
        """Stop all processes and wait for them; what is ephemeral is removed."""
        with self._alone():
            self._clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kill_broker(self, node: int, how: signal.Signals = signal.SIGKILL) -> None:
        """End broker *node* (from 1) at once, or with SIGTERM in good order, and wait until it has ended."""
        self._started().end(f"broker-{node}", how)

    def start_broker(self, node: int, *, wait: bool = True) -> None:
        """Start broker *node* again on its port and data; do not wait where others must come first for a quorum."""
        self._started().start(f"broker-{node}")
        if wait:
            self._started().await_brokers([node])

    def stop_registry(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the registry and wait until it has ended."""
        self._started().end(REGISTRY, how)

    def start_registry(self) -> None:
        """Start the registry again on its port and data, and wait until it answers."""
        self._started().start(REGISTRY)
        self._started().await_registry()

    def _started(self) -> Fleet:
        if self._fleet is None:
            raise ClusterError("the cluster has not been started")
        return self._fleet

    def _alone(self) -> AbstractContextManager[None]:
        return one_at_a_time(self._environment, self._say) if self.detached else nullcontext()

    def _resume(self, software: Software, known: ClusterState) -> None:
        if known.nodes != self.nodes or known.ephemeral != self.ephemeral:
            kind = "an ephemeral" if known.ephemeral else "a"
            raise ClusterError(
                f"{kind} local cluster of {known.nodes} node(s) runs already; stop it first with `touchline down`"
            )
        running = known.running()
        self.was_up = len(running) == known.nodes + 1
        self._fleet = self._make_fleet(software, replace(known, processes=running))
        self._fleet.start_all()

    def _start_anew(self, software: Software, last_ports: Mapping[str, int]) -> None:
        folder = self._make_folder()
        if self._guarded:
            self._guard = Guard(folder if self.ephemeral else None)
        preferred = {} if self.ephemeral else {**USUAL, **last_ports}
        try:
            if self._users is not None:
                self._secured = make_secured(software.keytool, folder / "security", self._users)
            self._start_on_free_ports(software, folder, preferred)
        except ClusterError as error:
            logs = self._keep_logs(folder)
            self._clear()
            raise type(error)(f"{error}; the logs are in {logs}") from error
        except BaseException:
            self._clear()
            raise

    def _start_on_free_ports(self, software: Software, folder: Path, preferred: Mapping[str, int]) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            state = self._new_state(folder, choose_ports(self.nodes, preferred, self._chance))
            self._fleet = self._make_fleet(software, state)
            try:
                self._fleet.start_all()
            except PortTakenError:
                # Another program took a port after it was found free: choose again.
                self._fleet.stop_all()
                if attempt == PORT_ATTEMPTS:
                    raise
            else:
                return

    def _make_folder(self) -> Path:
        if self.ephemeral:
            return Path(tempfile.mkdtemp(prefix="touchline-"))
        folder = state_folder(self._environment) / DATA_NAME / f"nodes-{self.nodes}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _new_state(self, folder: Path, ports: Mapping[str, int]) -> ClusterState:
        servers = (f"{LOOPBACK}:{ports[f'broker-{node}']}" for node in range(1, self.nodes + 1))
        return ClusterState(
            folder=folder,
            nodes=self.nodes,
            ephemeral=self.ephemeral,
            ready=False,
            bootstrap_servers=",".join(servers),
            registry_url=f"http://{LOOPBACK}:{ports[REGISTRY]}{REGISTRY_PATH}",
            ports=ports,
        )

    def _make_fleet(self, software: Software, state: ClusterState) -> Fleet:
        launcher = Launcher(
            software, state.folder, state.ports, self._secured, self._more, self._environment, quick=self._quick,
            java=self._java,
        )  # fmt: skip
        client_config = self._secured.client_config("admin") if self._secured else {}
        return Fleet(launcher, state, client_config, self._record)

    def _record(self, state: ClusterState, started: Process | None) -> None:
        if self.detached:
            write_state(state_file(self._environment), state)
        if started is not None and self._guard is not None:
            self._guard.watch(started)

    def _keep_logs(self, folder: Path) -> Path:
        """Return where the logs of a failed start can be read; an ephemeral cluster's folder does not stay."""
        if not self.ephemeral:
            return folder / "logs"
        kept = state_folder(self._environment) / "failed-start"
        shutil.rmtree(kept, ignore_errors=True)
        if (folder / "logs").exists():
            shutil.copytree(folder / "logs", kept)
        return kept

    def _clear(self) -> None:
        if self.detached:
            take_down(self._environment, self._say)
        elif self._fleet is not None:
            self._fleet.stop_all()
            shutil.rmtree(self._fleet.state.folder, ignore_errors=True)
        if self._guard is not None:
            self._guard.close()
        self._fleet = self._guard = self._secured = None
