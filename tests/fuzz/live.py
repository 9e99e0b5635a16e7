"""`python -m tests.fuzz.live`: a million records, a share of them changed at random, through a live worker.

Every record must be predicted, dead-lettered, held or counted as a repeat, the worker must not fall, and its memory
must not grow. A match which lost its SCHEDULED stays in the table for seven days of event time, so the table is full
only after a fifth of the run; of the rest, the last quarter's mean is held against the first's.
"""

import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.local.cluster import LocalCluster
from tests.faults.children import Children, WorkerProcess
from tests.faults.load import encoder
from tests.faults.matches import DAY_MS, FIRST_KICK_OFF_MS, Shares, feed
from tests.faults.place import (
    DEAD_LETTERS,
    FEATURE_EVENTS,
    INPUTS,
    MATCH_EVENTS,
    MODEL_CONTROL,
    MODEL_STATUS,
    PREDICTIONS,
    SHADOWS,
    TEAM_EVENTS,
    Place,
)
from tests.faults.reading import LogReader
from tests.faults.run import WORKER
from tests.fuzz.random_changes import Changer

PARTITIONS = 4
AHEAD_RECORDS = 40_000  # sent before the worker has finished them, at most
MATCHES_A_DAY = 150
WARM_UP = 0.2  # of the run
LONGEST_GROWTH = 1.10
_SHIFTED = ("occurred_at_ms", "kick_off_ms", "as_of_ms")


@dataclass
class Totals:
    """What became of the records.

    Attributes:
        repeated: By the worker's own count; everything else is read from the topics.
        unaccounted: Records of the log less the four kinds.
        restarts: How often the worker fell.
        first_mb: Mean resident memory in the first quarter after the warm-up, and so for last_mb.
        tenths_mb: The same by tenths of the run, warm-up included.
    """

    log: int = 0
    changed: int = 0
    predicted: int = 0
    dead_lettered: int = 0
    held: int = 0
    repeated: int = 0
    unaccounted: int = 0
    twice: int = 0
    restarts: int = 0
    first_mb: float = 0.0
    last_mb: float = 0.0
    tenths_mb: Sequence[int] = ()
    seconds: float = 0.0
    causes: Mapping[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not (self.unaccounted or self.twice or self.restarts) and self.last_mb <= LONGEST_GROWTH * self.first_mb


class Memory:
    """Resident memory of a worker's role, in MB, sampled as the run goes on."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self._pid = worker.child()
        self._samples: list[float] = []

    def sample(self) -> None:
        status = Path(f"/proc/{self._pid}/status").read_text()
        self._samples.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)

    def fell(self) -> bool:
        return self._worker.process.poll() is not None or self._worker.child() != self._pid

    def mean(self, start: float, end: float) -> float:
        """Return the mean between two shares of the run."""
        places = range(int(start * len(self._samples)), int(end * len(self._samples)))
        return round(sum(self._samples[place] for place in places) / max(len(places), 1), 1)


def records(place: Place, seed: int, share: float) -> Iterator[tuple[str, bytes | None, bytes | None, bool]]:
    """Yield topic, key, value and whether it was changed; matches end days apart, so that they leave the table."""
    chance = Random(seed)
    changer = Changer(chance)
    encode = {topic: encoder(place, topic) for topic in INPUTS}
    start_ms = int(time.time() * 1000) - 90 * DAY_MS - FIRST_KICK_OFF_MS
    for topic, fields in feed(seed, Shares()):
        number = int(fields["match_id"].rpartition("-")[2])
        later = start_ms + number // MATCHES_A_DAY * DAY_MS
        shifted = fields | {name: fields[name] + later for name in _SHIFTED if name in fields}
        key, value = fields["match_id"].encode(), encode[topic](shifted)
        if chance.random() < share:
            yield topic, *changer.changed(key, value), True
        else:
            yield topic, key, value, False


def send(place: Place, given: Namespace, finished: Callable[[], int], memory: Memory) -> int:
    """Send the records, never far ahead of the worker; return how many were changed."""
    producer = Producer(
        {"bootstrap.servers": place.bootstrap_servers, "partitioner": "murmur2_random", "linger.ms": 20}
    )
    wanted = islice(records(place, given.seed, given.share), given.records)
    changed = 0
    for number, (topic, key, value, was_changed) in enumerate(wanted, 1):
        producer.produce(place.topic(topic), value, key)
        changed += was_changed
        if number % 5_000 == 0:
            producer.flush()
            while number - finished() > AHEAD_RECORDS and not memory.fell():
                memory.sample()
                time.sleep(0.2)
            print(f"\r{number} sent", end="", flush=True)  # noqa: T201 - a command
    producer.flush()
    return changed


def counted(place: Place, log: LogReader, worker: WorkerProcess) -> Totals:
    """Read what became of every record."""
    ends = {(name, one): end for name in INPUTS for one, end in log.ends(place.topic(name)).items()}
    fate = {where: bytearray(end) for where, end in ends.items()}
    totals, causes = Totals(log=sum(ends.values())), Counter[str]()

    def mark(topic: str, partition: int, offset: int) -> bool:
        row = fate[topic.removeprefix(place.prefix), partition]
        totals.twice += row[offset]
        row[offset] = 1
        return True

    for record in log.records(place.topic(PREDICTIONS)):
        fields = log.decode(record.value())
        mark(fields["source_topic"], fields["source_partition"], fields["source_offset"])
        totals.predicted += 1
    for record in log.records(place.topic(DEAD_LETTERS)):
        headers = {name: content.decode(errors="replace") for name, content in record.headers()}
        mark(headers["source_topic"], int(headers["source_partition"]), int(headers["source_offset"]))
        totals.dead_lettered += 1
        causes[headers["cause"]] += 1
    for partition, held in _held(place, log):
        mark(held["source_topic"], partition, held["source_offset"])
        totals.held += 1
    totals.repeated = _metric(worker, "touchline_events_total", 'kind="repeated"')
    totals.unaccounted = sum(row.count(0) for row in fate.values()) - totals.repeated
    totals.causes = dict(causes.most_common())
    return totals


def _held(place: Place, log: LogReader) -> Iterator[tuple[int, dict[str, Any]]]:
    states: dict[tuple[int, bytes], bytes | None] = {}
    for record in log.records(place.changelog):
        if not record.key().startswith(b"\x00"):
            states[record.partition(), record.key()] = record.value()
    for (partition, _), value in states.items():
        for held in log.decode(value)["held"] if value is not None else ():
            yield partition, held


def _metric(worker: WorkerProcess, name: str, label: str) -> int:
    lines = [line for line in worker.get("/metrics")[1].splitlines() if line.startswith(name) and label in line]
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))


@contextmanager
def _stage() -> Iterator[tuple[Place, WorkerProcess]]:
    folder = Path(tempfile.mkdtemp(prefix="touchline-fuzz-"))
    with LocalCluster(1, ephemeral=True, quick=True) as cluster, closing(Children(folder)) as children:
        place = Place(cluster.bootstrap_servers, cluster.registry_url, "fuzz-")
        settings = {
            "BOOTSTRAP_SERVERS": place.bootstrap_servers,
            "REGISTRY_URL": place.registry_url,
            "TOPIC_PREFIX": place.prefix,
            "PARTITIONS": str(PARTITIONS),
            "PREDICTOR": "heuristic",
            "LOG_FORMAT": "json",
        }
        _create_topics(place)
        worker = children.start_worker(("predict",), settings, WORKER, None)
        yield place, worker.wait_ready()
    shutil.rmtree(folder, ignore_errors=True)


def _create_topics(place: Place) -> None:
    counts = {
        MATCH_EVENTS: PARTITIONS,
        FEATURE_EVENTS: PARTITIONS,
        PREDICTIONS: PARTITIONS,
        TEAM_EVENTS: 1,
        DEAD_LETTERS: 3,
        MODEL_CONTROL: 1,
        MODEL_STATUS: 1,
        SHADOWS: PARTITIONS,
    }
    admin = AdminClient({"bootstrap.servers": place.bootstrap_servers})
    for answer in admin.create_topics(
        [NewTopic(place.topic(name), count, 1) for name, count in counts.items()]
    ).values():
        answer.result(60)


def main() -> int:
    """Run it; 0 when every record is accounted for, the worker never fell and memory stayed flat."""
    parser = ArgumentParser(prog="python -m tests.fuzz.live", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.3, help="Of records which are changed.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="Longest wait for the worker after the last record."
    )
    given = parser.parse_args()
    with _stage() as (place, worker), closing(LogReader(place)) as log:
        memory, began = Memory(worker), time.monotonic()

        def finished() -> int:
            memory.sample()
            return sum(log.committed().values())

        changed = send(place, given, finished, memory)
        deadline = time.monotonic() + 60 * given.minutes
        while log.commit_gap() and time.monotonic() < deadline and not memory.fell():
            memory.sample()
            time.sleep(0.5)
        seconds = time.monotonic() - began
        totals = counted(place, log, worker)
        totals.changed, totals.seconds = changed, round(seconds, 1)
        totals.restarts = int(memory.fell())
        quarter = (1 - WARM_UP) / 4
        totals.first_mb, totals.last_mb = memory.mean(WARM_UP, WARM_UP + quarter), memory.mean(1 - quarter, 1)
        totals.tenths_mb = [int(memory.mean(tenth / 10, (tenth + 1) / 10)) for tenth in range(10)]
        if not totals.good:
            print(worker.last_words())  # noqa: T201 - a command
    print("\r" + "\n".join(f"{name:>14}  {value}" for name, value in asdict(totals).items()))  # noqa: T201 - a command
    return 0 if totals.good else 1


if __name__ == "__main__":
    sys.exit(main())
