"""One run of a scenario: its topics, processes, faults and, at the end, what the checker finds."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streams.local.cluster import LocalCluster
from streams.settings import Settings
from tests.faults.checker import check
from tests.faults.children import Children, FaultError, LoadProcess, WorkerProcess, wait_until
from tests.faults.findings import Findings, Wanted
from tests.faults.load import LoadPlan
from tests.faults.place import (
    COMPARISONS,
    DEAD_LETTERS,
    FEATURE_EVENTS,
    MATCH_EVENTS,
    MODEL_CONTROL,
    MODEL_STATUS,
    PREDICTIONS,
    SHADOWS,
    STUCK_MS,
    TEAM_EVENTS,
    Place,
)
from tests.faults.reading import LogReader, patiently

AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"
PARTITIONS = 6
SESSION_SECONDS = 6
RESTORE_RECORDS = 200  # so that a restore begins behind the start of a changelog in most runs
CATCH_UP_SECONDS = 180.0
LARGEST_DEAD_LETTER = 20 * 1024 * 1024
WORKER = ("-P", "-m", "streams.cli", "worker")
_TOPICS: Mapping[str, tuple[int, Mapping[str, str]]] = {
    MATCH_EVENTS: (PARTITIONS, {}),
    FEATURE_EVENTS: (PARTITIONS, {}),
    # The time at which a prediction is in the log, not at which its worker had it ready.
    PREDICTIONS: (PARTITIONS, {"message.timestamp.type": "LogAppendTime"}),
    TEAM_EVENTS: (1, {}),
    DEAD_LETTERS: (3, {"max.message.bytes": str(LARGEST_DEAD_LETTER)}),
    MODEL_CONTROL: (1, {}),
    MODEL_STATUS: (1, {}),
    SHADOWS: (PARTITIONS, {}),
    COMPARISONS: (1, {}),
}


def guarantees() -> tuple[str, ...]:
    """Return the guarantees which this version knows."""
    return (AT_LEAST_ONCE, EXACTLY_ONCE) if "guarantee" in Settings.model_fields else (AT_LEAST_ONCE,)


@dataclass(frozen=True)
class Pace:
    """How much is sent, and when faults come.

    Attributes:
        events: Sent at first.
        first_rate: Events a second meanwhile; 0 is as fast as possible.
        then_rate: Events a second afterwards, while a fault lasts.
        random_timing: Whether a fault comes at any moment, or at the same one each time.
    """

    events: int = 100_000
    first_rate: int = 0
    then_rate: int = 1_000
    random_timing: bool = False


@dataclass
class Run:
    """What a scenario works with.

    Attributes:
        cluster: The three brokers and the registry; leave them running when the scenario ends.
        guarantee: AT_LEAST_ONCE or EXACTLY_ONCE.
        chance: For what shall differ from run to run.
        marks: Ends of faults, ms since the epoch; see `fault_is_over`.
    """

    cluster: LocalCluster
    place: Place
    children: Children
    guarantee: str
    pace: Pace
    chance: random.Random
    marks: list[int] = field(default_factory=list)
    dead_letters_allowed: bool = False

    def __post_init__(self) -> None:
        self.admin = AdminClient(
            {"bootstrap.servers": self.place.bootstrap_servers, "socket.timeout.ms": STUCK_MS, "log_level": 0}
        )
        self.log = LogReader(self.place)

    def begin_run(self, run_id: str) -> None:
        """Look at the run which `touchline reset` has prepared from now on."""
        self.log.close()
        self.place = replace(self.place, run_id=run_id)
        self.log = LogReader(self.place)

    # topics

    def create_topics(self, *names: str) -> None:
        """Create the topics called *names*, or all which the predict role reads and writes."""
        topics = [
            NewTopic(self.place.topic(name), num_partitions=partitions, replication_factor=3, config=dict(config))
            for name, (partitions, config) in _TOPICS.items()
            if name in names or not names
        ]
        for answer in self.admin.create_topics(topics).values():
            answer.result(60)

    def delete_topics(self) -> None:
        """Delete every topic of the run, to give the disk back; brokers which are away keep theirs."""
        with suppress(KafkaException):
            found = [name for name in self.admin.list_topics(timeout=30).topics if name.startswith(self.place.prefix)]
            for answer in self.admin.delete_topics(found).values() if found else ():
                answer.result(60)

    # processes

    def settings(self, **more: object) -> dict[str, str]:
        """Return a worker's settings by their names in capital letters."""
        given = {
            "bootstrap_servers": self.place.bootstrap_servers,
            "registry_url": self.place.registry_url,
            "topic_prefix": self.place.prefix,
            "partitions": PARTITIONS,
            "predictor": "heuristic",
            "session_timeout": SESSION_SECONDS,
            "log_format": "json",
            "restore_records": RESTORE_RECORDS,
            **({} if self.guarantee == AT_LEAST_ONCE else {"guarantee": self.guarantee}),
            **more,
        }
        return {name.upper(): str(value) for name, value in given.items() if value is not None}

    def worker(
        self,
        *roles: str,
        wait: bool = True,
        command: tuple[str, ...] = WORKER,
        code: Path | None = None,
        **settings: object,
    ) -> WorkerProcess:
        """Start a worker, of the predict role when none is named.

        Args:
            roles: What it does.
            wait: Whether to return only once it is ready.
            command: Module and arguments for ``python``.
            code: A folder with another version of the packages.
            settings: Settings which differ; None leaves one out.
        """
        worker = self.children.start_worker(roles or ("predict",), self.settings(**settings), command, code)
        return worker.wait_ready() if wait else worker

    def load(self, **plan: Any) -> LoadProcess:
        """Start a load: `LoadPlan`'s fields; without any as the pace says. It goes on until the scenario ends."""
        number = len(self.children.loads)
        pace = self.pace
        first = {"events": pace.events, "first_rate": pace.first_rate}
        given = {**first, "then_rate": pace.then_rate, "seed": number + 1, **plan}
        out = self.children.folder / f"load{number}.json"
        return self.children.start_load(LoadPlan(place=self.place, out=str(out), **given))

    # moments

    def wait(self, true: Callable[[], object], seconds: float, what: Callable[[], str] | str) -> None:
        """Wait until *true*, while the loads do what they should; raise FaultError with *what* was waited for."""

        def so() -> object:
            for load in self.children.loads:
                load.check()
            return true()

        wait_until(so, seconds, what)

    def fault_is_over(self) -> None:
        """Measure the time to recover from now on; say it at a kill, too."""
        self.marks.append(int(time.time() * 1000))

    def predicted(self) -> int:
        """Return about how many predictions there are."""
        return sum(self.log.ends(self.place.topic(PREDICTIONS)).values())

    def wait_predicted(self, more: int, seconds: float = CATCH_UP_SECONDS) -> None:
        """Wait until there are *more* predictions than now."""
        start = self.predicted()
        self.wait(lambda: self.predicted() >= start + more, seconds, lambda: f"{more} predictions ({self._words()})")

    def a_moment(self) -> None:
        """Wait until a fault may come: after some predictions, how many is a matter of chance when the pace says so."""
        most = max(self.pace.events // 20, 50)
        self.wait_predicted(self.chance.randint(1, most) if self.pace.random_timing else most // 2)

    def wait_recovered(self, seconds: float = CATCH_UP_SECONDS, of: str = PREDICTIONS) -> None:
        """Wait until every partition has a new prediction; needs a load that goes on."""
        topic = self.place.topic(of)
        before = self.log.ends(topic)

        def moved() -> bool:
            return all(end > before[partition] for partition, end in self.log.ends(topic).items())

        self.wait(moved, seconds, lambda: f"a new prediction in every partition ({self._words()})")

    def members(self) -> int:
        """Return how many members the group has."""
        return len(self.described_group().members)

    def described_group(self, role: str = "predict") -> Any:
        """Return what the brokers say of the group of *role*: its members, its coordinator."""
        group = self.place.group_of(role)

        def described() -> Any:
            return self.admin.describe_consumer_groups([group], request_timeout=10)[group].result()

        return patiently(described)

    def wait_members(self, count: int, seconds: float = 60) -> None:
        """Wait until the group has *count* members: with a killed one, until its session has timed out."""
        self.wait(lambda: self.members() == count, seconds, lambda: f"a group of {count} ({self._words()})")

    def wait_shared(self, count: int, seconds: float = 60) -> None:
        """Wait until the group has *count* members, each with partitions."""

        def shared() -> bool:
            members = self.described_group().members
            return len(members) == count and all(one.assignment.topic_partitions for one in members)

        self.wait(shared, seconds, lambda: f"partitions for each of {count} ({self._words()})")

    def wait_committed(self, seconds: float = CATCH_UP_SECONDS) -> None:
        """Wait until all input is committed."""
        self.wait(
            lambda: self.log.commit_gap() == 0, seconds, lambda: f"the last commit ({self.log.commit_gap()} to go)"
        )

    def _words(self) -> str:
        return "; ".join(f"{worker.name}: {worker.last_words()}" for worker in self.children.workers)

    # the end

    def finish(self) -> Findings:
        """Settle, and check the log."""
        self.settle()
        return self.check()

    def end_loads(self) -> None:
        """Let the loads send nothing more, and wait until all is committed."""
        for load in self.children.loads:
            load.finish()
        self.wait_committed()

    def settle(self) -> None:
        """End the load, wait until all is committed, and stop the workers in good order."""
        self.end_loads()
        for worker in self.children.workers:
            if worker.process.poll() is None:
                worker.terminate()
        for worker in self.children.workers:
            worker.wait_ended()

    def check(self) -> Findings:
        """Check the log as it is; for scenarios that end otherwise than `finish`."""
        acknowledged: dict[str, dict[int, int]] = {}
        for load in self.children.loads:
            for topic, ends in load.result.get("acknowledged", {}).items():
                known = acknowledged.setdefault(topic, {})
                known |= {one: max(end, known.get(one, 0)) for one, end in ends.items()}
        return check(self.place, Wanted(self.marks, self.dead_letters_allowed, acknowledged))

    def claim(self, true: object, sentence: str) -> None:
        """Fail the scenario with *sentence* unless *true*."""
        if not true:
            raise FaultError(sentence)

    def close(self) -> None:
        """End the processes and delete the topics."""
        self.children.close()
        self.log.close()
        self.delete_topics()
