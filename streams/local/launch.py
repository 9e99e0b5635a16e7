"""The command lines of brokers and registry, and what they find in their folders."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.local.broker_properties import broker_properties, properties_text
from streams.local.diagnosis import explain
from streams.local.downloads import Software
from streams.local.ports import LOOPBACK
from streams.local.processes import Process, spawn
from streams.local.secured import Secured

JVM = ("-XX:+UseSerialGC", "-XX:-UsePerfData")
KAFKA_LOGS = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
HEAPS = {1: ("-Xms128m", "-Xmx512m"), 3: ("-Xms128m", "-Xmx256m")}
QUICK = "-XX:TieredStopAtLevel=1"  # without Java's second compiler, which pays only where much is done for minutes
FORMAT_SECONDS = 60
LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts the processes of one cluster.

    Attributes:
        folder: Of the cluster's data and logs.
        ports: By what listens on them.
        more: Server properties that win over ours.
        environment: Of this process; little of it goes on, since the registry takes settings from any variable.
        quick: Whether brokers go without Java's second compiler.
        java: Options of the brokers' Java; they win over ours.
    """

    software: Software
    folder: Path
    ports: Mapping[str, int]
    secured: Secured | None
    more: Mapping[str, str]
    environment: Mapping[str, str]
    quick: bool = False
    java: Sequence[str] = ()

    def log(self, name: str) -> Path:
        """Return where process *name* logs."""
        return self.folder / "logs" / f"{name}.log"

    def ports_of(self, name: str) -> dict[str, int]:
        """Return what process *name* listens on."""
        number = name.rpartition("-")[2]
        wanted = ("registry", "management") if name == "registry" else (f"broker-{number}", f"controller-{number}")
        return {one: self.ports[one] for one in wanted}

    def start(self, name: str) -> Process:
        """Start process *name* (``broker-1``, ``registry``), its folders made and its data formatted."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            # The last run's words would be taken for this one's; they stay readable beside it.
            log.replace(log.with_suffix(".log.1"))
        command = self._registry() if name == "registry" else self._broker(int(name.rpartition("-")[2]))
        return spawn(command, log, self._little_environment())

    def _java(self, *arguments: str) -> list[str]:
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return [str(self.software.java), *JVM, f"-Djava.io.tmpdir={temporary}", *arguments]

    def _kafka(self, *arguments: str) -> list[str]:
        class_path = ":".join(str(jar) for jar in self.software.kafka_jars)
        return self._java(*KAFKA_LOGS, "-cp", class_path, *arguments)

    def _broker(self, node: int) -> Sequence[str]:
        home = self.folder / f"broker-{node}"
        data = home / "data"
        home.mkdir(parents=True, exist_ok=True)
        properties = home / "server.properties"
        properties.touch(mode=0o600)
        properties.write_text(properties_text(broker_properties(node, self.ports, data, self.secured, self.more)))
        if not (data / "meta.properties").exists():
            self._format(node, properties)
        nodes = sum(name.startswith("broker-") for name in self.ports)
        options = (*HEAPS[nodes], *([QUICK] if self.quick else ()), *self.java)
        return self._kafka(*options, "kafka.Kafka", str(properties))

    def _format(self, node: int, properties: Path) -> None:
        users = self.secured.format_arguments() if self.secured else []
        arguments = ["format", "--ignore-formatted", "-t", self.cluster_id(), "-c", str(properties), *users]
        done = subprocess.run(
            self._kafka(QUICK, "kafka.tools.StorageTool", *arguments),
            env=self._little_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_SECONDS,
            start_new_session=True,
        )
        if done.returncode:
            name = f"broker-{node}"
            self.log(name).write_text(done.stdout + done.stderr)
            raise explain(name, self.log(name), self.folder, {})

    def cluster_id(self) -> str:
        """Return the cluster's id, made at the first start and kept with the data."""
        path = self.folder / "cluster_id"
        if not path.exists() or path.read_text().startswith("-"):  # of an earlier version: nothing was ever formatted
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new_cluster_id())
        return path.read_text()

    def _registry(self) -> Sequence[str]:
        # Without a delay an acknowledged schema is on the disk: its id is in records that outlive a killed registry.
        database = f"jdbc:h2:file:{self.folder / 'registry' / 'data'};WRITE_DELAY=0"
        settings = {
            "quarkus.http.host": LOOPBACK,
            "quarkus.http.port": str(self.ports["registry"]),
            "quarkus.management.host": LOOPBACK,
            "quarkus.management.port": str(self.ports["management"]),
            "quarkus.log.level": "WARN",
            "apicurio.datasource.url": database,
        }
        given = [f"-D{name}={value}" for name, value in settings.items()]
        return self._java("-Xmx256m", QUICK, *given, "-jar", str(self.software.registry_jar))

    def _little_environment(self) -> dict[str, str]:
        return {name: self.environment[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in self.environment}


def new_cluster_id(chance: Callable[[], uuid.UUID] = uuid.uuid4) -> str:
    """Return a random id as Kafka writes one; none begins with a dash, which its tools would take for an option."""
    while True:
        found = urlsafe_b64encode(chance().bytes).decode().rstrip("=")
        if not found.startswith("-"):
            return found
