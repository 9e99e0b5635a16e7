"""Reading a topic for people: any topic's records, decoded by the schema they were written with."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.codec import MAGIC
from schemas.plain_values import plain_reader
from streams.brokers import PATIENCE_SECONDS, one_sentence, quiet
from streams.engine.consuming import consume
from streams.engine.murmur import partition_of
from streams.log_ends import log_ends
from streams.settings import Settings

TAIL_GROUP = "tail"  # behind the prefix; it commits nothing
_HEADER_BYTES = 5
_WAIT_SECONDS = 0.1
Start = Literal["earliest", "latest"] | int


class FetchesSchemas(Protocol):
    """Knows schemas by id; see streams.registry.Registry."""

    def fetch(self, schema_id: int) -> str: ...  # noqa: D102 - as Registry's


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """One record as a person reads it.

    Attributes:
        timestamp_ms: Of the record, milliseconds since the epoch.
        key: Its text; bytes that are no text are escaped. None without a key.
        value: The decoded fields; None for a tombstone, and where *problem* says why there are none.
        raw: The bytes of a value which could not be decoded.
        headers: By name, as text.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    value: dict[str, Any] | None
    headers: dict[str, str]
    problem: str | None = None
    raw: bytes | None = None

    def as_json(self) -> str:
        """Return one line of JSON."""
        fields = {
            name: getattr(self, name) for name in ("topic", "partition", "offset", "timestamp_ms", "key", "value")
        }
        if self.headers:
            fields["headers"] = self.headers
        if self.problem is not None:
            fields |= {"problem": self.problem, "bytes": base64.b64encode(self.raw or b"").decode()}
        return json.dumps(fields, ensure_ascii=False)


class Decoder:
    """Decodes values by the schema which their id names; asks the registry once for each id."""

    def __init__(self, registry: FetchesSchemas) -> None:
        self._registry = registry
        self._readers: dict[int, Callable[[bytes], dict[str, Any]] | str] = {}

    def __call__(self, data: bytes) -> dict[str, Any]:
        """Return the fields in *data*.

        Raises:
            ValueError: There are none to be read; the message says why.
        """
        if len(data) < _HEADER_BYTES or data[0] != MAGIC:
            raise ValueError(f"{len(data)} bytes without magic byte and schema id")
        schema_id = int.from_bytes(data[1:_HEADER_BYTES], "big")
        if schema_id not in self._readers:
            self._readers[schema_id] = self._reader(schema_id)
        reader = self._readers[schema_id]
        if isinstance(reader, str):
            raise ValueError(reader)  # noqa: TRY004 - the value is at fault, not its type
        return reader(data)

    def _reader(self, schema_id: int) -> Callable[[bytes], dict[str, Any]] | str:
        try:
            return plain_reader(self._registry.fetch(schema_id))
        except LookupError:
            return f"the registry knows no schema {schema_id}"
        except ValueError as error:
            return str(error)


class Tail:
    """Reads a topic from a place on; owns two librdkafka clients, which join no group."""

    def __init__(self, settings: Settings, topic: str, patience: float = PATIENCE_SECONDS) -> None:
        self._settings, self._topic, self._patience = settings, topic, patience
        self._admin = AdminClient(quiet(settings))
        self._reader = Consumer(
            quiet(
                settings,
                group_id=f"{settings.topic_prefix}{TAIL_GROUP}",
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=True,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                fetch_wait_max_ms=50,
            )
        )

    def records(self, start: Start, *, key: str | None, follow: bool) -> Iterator[Any]:
        """Yield librdkafka's messages: the last ones in the order of their timestamps, then as they come.

        Args:
            start: Where to begin; a number is that many of the topic's last records.
            key: Read only the partition of this key.
            follow: Go on for ever after the present end.

        Raises:
            BrokerError: The brokers do not answer, or there is no such topic.
        """
        with one_sentence(self._settings, f"reading {self._topic}"):
            ends = self._ends(self._partitions(key))
            begin = {one: _begin(low, high, start) for one, (low, high) in ends.items()}
            self._reader.assign([TopicPartition(self._topic, one, offset) for one, offset in begin.items()])
            past = self._until({one: high for one, (_low, high) in ends.items() if begin[one] < high})
            if isinstance(start, int):
                past = iter(sorted(past, key=lambda record: (record.timestamp()[1], record.offset()))[-start or None :])
            yield from past
            while follow:
                yield from self._next()

    def close(self) -> None:
        """Give the clients back."""
        self._reader.close()

    def _partitions(self, key: str | None) -> Sequence[int]:
        found = self._reader.list_topics(self._topic, timeout=self._patience).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions) if key is None else [partition_of(key.encode(), len(found.partitions))]

    def _ends(self, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        found = log_ends(self._admin, [(self._topic, one) for one in partitions], self._patience)
        return {partition: ends for (_topic, partition), ends in found.items()}

    def _until(self, ends: dict[int, int]) -> Iterator[Any]:
        deadline = time.monotonic() + self._patience
        while ends and time.monotonic() < deadline:
            for record in consume(self._reader, 500, _WAIT_SECONDS):
                deadline = time.monotonic() + self._patience
                error = record.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                    raise KafkaException(error)
                if error is not None or record.offset() + 1 >= ends.get(record.partition(), 0):
                    ends.pop(record.partition(), None)
                if error is None:
                    yield record

    def _next(self) -> Iterator[Any]:
        for record in consume(self._reader, 500, _WAIT_SECONDS):
            error = record.error()
            if error is None:
                yield record
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                raise KafkaException(error)


def seen(record: Any, decode: Callable[[bytes], dict[str, Any]]) -> SeenRecord:
    """Return librdkafka's message *record* as a person reads it."""
    value, raw, problem = None, record.value(), None
    try:
        value = None if raw is None else decode(raw)
    except ValueError as error:
        problem = str(error)
    return SeenRecord(
        record.topic(),
        record.partition(),
        record.offset(),
        record.timestamp()[1],
        None if record.key() is None else record.key().decode(errors="backslashreplace"),
        value,
        {name: (text or b"").decode(errors="backslashreplace") for name, text in record.headers() or ()},
        problem,
        raw if problem else None,
    )


def _begin(low: int, high: int, start: Start) -> int:
    if start == "earliest":
        return low
    return high if start == "latest" else max(low, high - int(start))
