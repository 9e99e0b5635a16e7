"""Reads topics to their end and decodes Avro, with plain clients and the registry's own schemas."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import cached_property
from io import BytesIO
from typing import Any, TypeVar

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.faults.place import INPUTS, STUCK_MS, Place

_END = KafkaError._PARTITION_EOF
_PATIENCE_SECONDS = 90.0
_ANSWER_SECONDS = 10.0
_PASSING = {
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._TRANSPORT,
    KafkaError._DESTROY_BROKER,
    KafkaError._TIMED_OUT,
    KafkaError._WAIT_COORD,
}
T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """Return what *ask* does; while brokers come and go, ask again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class LogReader:
    """Reads the log of one place; ``close`` it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._consumer = self._client("read_committed", place.group)
        self._schemas: dict[int, Any] = {}

    def _client(self, isolation: str, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._place.bootstrap_servers,
                "group.id": group,  # to ask for its commits; we never join it
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": isolation,
                "auto.offset.reset": "earliest",
                "socket.timeout.ms": STUCK_MS,
                "log_level": 0,
            }
        )

    @cached_property
    def _uncommitted(self) -> Consumer:
        return self._client("read_uncommitted", "look")

    def close(self) -> None:
        self._consumer.close()
        if "_uncommitted" in self.__dict__:
            self._uncommitted.close()

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Return the partitions of the topic called *topic* on the brokers."""
        found = patiently(lambda: self._described(topic))
        return [TopicPartition(topic, one) for one in sorted(found.partitions)]

    def _described(self, topic: str) -> Any:
        found = self._consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return found

    def ends(self, topic: str) -> dict[int, int]:
        """Return by partition the offset after the last record that a read_committed consumer sees."""
        return {one.partition: self._end(self._consumer, one) for one in self.partitions(topic)}

    def _end(self, consumer: Consumer, one: TopicPartition) -> int:
        return int(patiently(lambda: consumer.get_watermark_offsets(one, timeout=_ANSWER_SECONDS))[1])

    def await_no_open_transaction(self, topic: str) -> None:
        """Wait until no transaction hides records: one that a killed worker left ends after its time-out."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for one in self.partitions(topic):
            while self._end(self._consumer, one) < self._end(self._uncommitted, one):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{topic}[{one.partition}] has an open transaction after {_PATIENCE_SECONDS} s")
                time.sleep(0.2)

    def committed(self) -> dict[tuple[str, int], int]:
        """Return the group's committed offset by topic on the brokers and partition; 0 where there is none."""
        wanted = [one for name in INPUTS for one in self.partitions(self._place.topic(name))]
        found = patiently(lambda: self._consumer.committed(wanted, timeout=_ANSWER_SECONDS))
        return {(one.topic, one.partition): max(one.offset, 0) for one in found}

    def commit_gap(self) -> int:
        """Return how many input records are not committed."""
        committed = self.committed()
        return sum(
            abs(end - committed[topic, partition])
            for topic in (self._place.topic(name) for name in INPUTS)
            for partition, end in self.ends(topic).items()
        )

    def records(self, topic: str) -> Iterator[Any]:
        """Yield every record of a topic, each partition in its order."""
        left = self.partitions(topic)
        for one in left:
            one.offset = 0
        self._consumer.assign(left)
        open_partitions = {one.partition for one in left}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while open_partitions:
            found = self._consumer.consume(20_000, 0.05)
            for record in found:
                if record.error() is None:
                    yield record
                elif record.error().code() == _END:
                    open_partitions.discard(record.partition())
                else:
                    raise KafkaException(record.error())
            if found:
                deadline = time.monotonic() + _PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{topic} gave no record for {_PATIENCE_SECONDS:.0f} s")
        self._consumer.unassign()

    def decode(self, value: bytes) -> dict[str, Any]:
        """Return the fields of a value in the Confluent wire format."""
        source = BytesIO(value)
        source.seek(5)
        fields: dict[str, Any] = fastavro.schemaless_reader(source, self._schema(int.from_bytes(value[1:5], "big")))
        return fields

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            url = f"{self._place.registry_url}/schemas/ids/{schema_id}"
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own loopback
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return self._schemas[schema_id]
