"""The load, in a process of its own: ``python -m tests.faults.load '<json of LoadPlan>'``.

It sends a first part as fast as it can, says ``burst`` once the brokers have all of it, goes on at a fixed rate until
its standard input ends, and then writes what was acknowledged. It shares no code with what it loads.
"""

import json
import select
import struct
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import fastavro
from confluent_kafka import Producer

from tests.faults.corruption import EXPECT_HEADER, HUGE_BYTES, Corruption
from tests.faults.matches import Event, Shares, endings, feed
from tests.faults.place import FEATURE_EVENTS, MATCH_EVENTS, STUCK_MS, Place

SCHEMAS = Path(__file__).parents[2] / "schemas"
SCHEMA_FILES = {MATCH_EVENTS: "match_event.v2.avsc", FEATURE_EVENTS: "feature_event.v1.avsc"}
PATIENCE_MS = 300_000
LONGEST_NAME = 200


@dataclass(frozen=True)
class LoadPlan:
    """What to send.

    Attributes:
        events: Sent at first.
        first_rate: Events a second meanwhile; 0 is as fast as possible.
        then_rate: Events a second afterwards, until told to stop; 0 stops after the first part.
        out: File for what was acknowledged.
        clock_off_ms: Added to event times and record timestamps: the clock of this producer is wrong.
        stamp_off_ms: Added to record timestamps alone.
        corrupt: Share of events beside which a spoilt copy is sent; see `corruption.py`.
        long_ids: Share of matches whose names are as long as may be, so that their predictions are large.
        ends: Events which a load of the same seed and shares has sent, whose matches this one ends; see
            `matches.endings`.
    """

    place: Place
    out: str
    seed: int = 1
    events: int = 100_000
    first_rate: int = 0
    then_rate: int = 0
    shares: Shares = field(default_factory=Shares)
    clock_off_ms: int = 0
    stamp_off_ms: int = 0
    corrupt: float = 0.0
    long_ids: float = 0.0
    ends: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LoadPlan":
        given = json.loads(text)
        return cls(**{**given, "place": Place(**given["place"]), "shares": Shares(**given["shares"])})


def register(place: Place, topic: str, schema: dict[str, Any]) -> int:
    request = urllib.request.Request(  # noqa: S310 - the registry of our own cluster
        f"{place.registry_url}/subjects/{place.topic(topic)}-value/versions",
        json.dumps({"schema": json.dumps(schema)}).encode(),
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    # A busy registry was seen to close a connection without an answer; asked again it says the same.
    with suppress(ConnectionError):
        return answered(request)
    return answered(request)


def answered(request: urllib.request.Request) -> int:
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the registry of our own cluster
        return int(json.load(answer)["id"])


def encoder(place: Place, topic: str) -> Callable[[dict[str, Any]], bytes]:
    schema = json.loads((SCHEMAS / SCHEMA_FILES[topic]).read_text())
    header = struct.pack(">bI", 0, register(place, topic, schema))
    parsed = fastavro.parse_schema(schema)

    def encode(fields: dict[str, Any]) -> bytes:
        target = BytesIO()
        target.write(header)
        fastavro.schemaless_writer(target, parsed, fields)
        return target.getvalue()

    return encode


def lengthened(match_id: str, share: float) -> str:
    """Return a longer name for a *share* of matches, always the same for the same."""
    return match_id.ljust(LONGEST_NAME, "-") if crc32(match_id.encode()) % 1000 < share * 1000 else match_id


class Sender:
    """Sends events and counts what the brokers acknowledge."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._encode = {topic: encoder(plan.place, topic) for topic in SCHEMA_FILES}
        self._producer = Producer(
            {
                "bootstrap.servers": plan.place.bootstrap_servers,
                # An idempotent producer may give up for good when a broker wakes up; this one sends again what it
                # is not sure of, as feeds do.
                "acks": "all",
                "max.in.flight.requests.per.connection": 5,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "message.timeout.ms": PATIENCE_MS,
                "request.timeout.ms": STUCK_MS,
                "socket.timeout.ms": STUCK_MS,
                "queue.buffering.max.messages": 500_000,
                "message.max.bytes": 2 * HUGE_BYTES,
                "log_level": 0,
            }
        )
        self.acknowledged: dict[str, dict[int, int]] = {}
        self.failed: list[str] = []
        self.sent = 0
        self._chance = Random(plan.seed)
        self._corruption = Corruption(self._chance)
        self._partitions: dict[tuple[str, bytes], int] = {}

    def send(self, event: Event) -> None:
        topic, fields = event
        off = self._plan.clock_off_ms
        if off:
            fields = {
                **fields,
                **{name: fields[name] + off for name in ("occurred_at_ms", "as_of_ms") if name in fields},
            }
        stamp = off + self._plan.stamp_off_ms
        timestamp = {"timestamp": int(time.time() * 1000) + stamp} if stamp else {}
        if self._plan.long_ids:
            fields = {**fields, "match_id": lengthened(fields["match_id"], self._plan.long_ids)}
        key = fields["match_id"].encode()
        self._produce(topic, self._encode[topic](fields), key, **timestamp)
        if self._chance.random() < self._plan.corrupt:
            self._send_spoilt(topic, fields)

    def _send_spoilt(self, topic: str, fields: dict[str, Any]) -> None:
        key = fields["match_id"].encode()
        spoilt = self._corruption.spoilt(topic, fields, self._encode[topic], self._partitions.get((topic, key)))
        headers = [(EXPECT_HEADER, spoilt.cause.encode())]
        partition = {} if spoilt.partition is None else {"partition": spoilt.partition}
        self._produce(topic, spoilt.value, spoilt.key, headers=headers, **partition)

    def _produce(self, topic: str, value: bytes | None, key: bytes, **more: Any) -> None:
        while True:
            try:
                # A delivery report does not say the headers, so the spoilt ones, which have some, get another.
                report = self._delivered if "headers" in more else self._placed
                self._producer.produce(self._plan.place.topic(topic), value, key, on_delivery=report, **more)
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self.sent += 1
        self._producer.poll(0)

    def _delivered(self, error: Any, record: Any) -> None:
        if error is None:
            ends = self.acknowledged.setdefault(record.topic(), {})
            ends[record.partition()] = max(record.offset() + 1, ends.get(record.partition(), 0))
        else:
            self.failed.append(error.str())

    def _placed(self, error: Any, record: Any) -> None:
        self._delivered(error, record)
        if self._plan.corrupt and error is None:
            topic = record.topic().removeprefix(self._plan.place.prefix)
            self._partitions[topic, record.key()] = record.partition()

    def flush(self) -> None:
        if self._producer.flush(PATIENCE_MS / 1000):
            self.failed.append("not everything was acknowledged in time")


def told_to_stop(seconds: float) -> bool:
    """Wait up to *seconds* for the end of standard input."""
    ready, _, _ = select.select([sys.stdin], [], [], max(seconds, 0.0))
    return bool(ready) and not sys.stdin.buffer.read1(1)


def send_first(sender: Sender, events: Iterable[Event], rate: int) -> None:
    began = time.monotonic()
    for number, event in enumerate(events):
        if rate:
            time.sleep(max(began + number / rate - time.monotonic(), 0.0))
        sender.send(event)


def send_at_rate(sender: Sender, events: Iterator[Event], rate: int) -> None:
    began, sent = time.monotonic(), 0
    while not told_to_stop(sent / rate - (time.monotonic() - began)):
        due = int((time.monotonic() - began) * rate) + 1
        for event in islice(events, max(due - sent, 0)):
            sender.send(event)
        sent = max(due, sent)


def main(text: str) -> None:
    plan = LoadPlan.from_json(text)
    sender = Sender(plan)
    events = endings(plan.seed, plan.shares, plan.ends) if plan.ends else feed(plan.seed, plan.shares)
    send_first(sender, islice(events, plan.events), plan.first_rate)
    sender.flush()
    print("burst", flush=True)  # noqa: T201 - the harness waits for this line
    if plan.then_rate:
        send_at_rate(sender, events, plan.then_rate)
        sender.flush()
    said = {"sent": sender.sent, "failed": sender.failed, "acknowledged": sender.acknowledged}
    Path(plan.out).write_text(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
