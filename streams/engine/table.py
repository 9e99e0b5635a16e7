"""State by key, a partition at a time, restored in bulk from its changelog."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.records import Progress

PROGRESS_KEY = b"\x00progress"  # no key of a source begins with a zero byte: such a one is dead-lettered
_BATCH = 10_000
_PATIENCE_SECONDS = 60.0
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name for it

S = TypeVar("S")


class RestoreError(RuntimeError):
    """Raised when a partition's state cannot be read; the message says which and why."""


S_co = TypeVar("S_co", covariant=True)


class StateDecoder(Protocol[S_co]):
    """Reads the values of a changelog."""

    def __call__(self, key: bytes, value: bytes) -> S_co:
        """Return the state which *value* holds."""
        ...


@dataclass(slots=True)
class TablePartition(Generic[S]):
    """One partition of a table.

    Attributes:
        states: State by key.
        inputs: Next offset of each input, by ``topic@topic id``, as the changelog knows it.
        outputs: Offset after the last output whose state is in here, by topic.
        already_out: Identities of outputs which were written after the changelog's last word.
        log_ends: Ends of the inputs at the restore, where they have not been reached, by ``topic@topic id``.
        changelog_next: Offset after the last changelog record that is in here.
        watermark_ms: Highest event time seen.
        partition: Its number.
    """

    states: dict[bytes, S] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    already_out: set[str] = field(default_factory=set)
    log_ends: dict[str, int] = field(default_factory=dict)
    changelog_next: int = 0
    watermark_ms: int = 0
    partition: int = 0

    @property
    def has_caught_up(self) -> bool:
        """Tell whether everything was worked on which an earlier owner can have written outputs for."""
        return all(self.inputs.get(name, 0) >= end for name, end in self.log_ends.items())


@dataclass(frozen=True, slots=True)
class Tail:
    """An output whose end is read on assignment, so that nothing in it is written again.

    Attributes:
        topic: Name on the brokers.
        identify: Identity of an output, from its value.
    """

    topic: str
    identify: Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Changelog(Generic[S]):
    """A changelog topic and how to read it back; blocking, so it is called from a thread of its own."""

    topic: str
    consumer_config: Mapping[str, object]
    decode: StateDecoder[S]
    progress: Callable[[bytes], Progress]
    tails: Sequence[Tail] = ()

    def restore(self, partition: int, known: TablePartition[S] | None) -> TablePartition[S]:
        """Return the partition as its changelog has it, going on from *known* when there is one.

        Raises:
            RestoreError: The brokers did not answer, or a record is not what it should be.
        """
        # A new object each time, so that a job sees that its partition was restored.
        table = replace(known, already_out=set()) if known else TablePartition(partition=partition)
        reader = Consumer(
            {
                "group.id": f"{self.topic}-restore",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "log_level": 3,
                **self.consumer_config,
            }
        )
        try:
            self._read_states(reader, partition, table)
            for tail in self.tails:
                self._read_tail(reader, tail, partition, table)
        except KafkaException as error:
            raise RestoreError(f"{self.topic}[{partition}] cannot be restored: {error.args[0].str()}") from error
        finally:
            reader.close()
        return table

    def _read_states(self, reader: Any, partition: int, table: TablePartition[S]) -> None:
        for record in _records(reader, self.topic, partition, table.changelog_next):
            key, value = record.key(), record.value()
            table.changelog_next = record.offset() + 1
            if key == PROGRESS_KEY:
                progress = self.progress(value)
                table.inputs, table.outputs = dict(progress.inputs), dict(progress.outputs)
            elif value is None:
                table.states.pop(key, None)
            else:
                table.states[key] = self.decode(key, value)

    def _read_tail(self, reader: Any, tail: Tail, partition: int, table: TablePartition[S]) -> None:
        for record in _records(reader, tail.topic, partition, table.outputs.get(tail.topic, 0)):
            table.already_out.add(tail.identify(record.value()))


def _records(reader: Any, topic: str, partition: int, start: int) -> Iterator[Any]:
    """Yield the records of a partition from *start* to its present end, be that behind markers of transactions."""
    low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=_PATIENCE_SECONDS)
    if max(low, start) >= high:
        return
    reader.assign([TopicPartition(topic, partition, max(low, start))])
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = reader.consume(_BATCH, 0.2)
        for record in found:
            if record.error() is None:
                yield record
            elif record.error().code() == _END:
                return
            else:
                raise KafkaException(record.error())
        if found:
            deadline = time.monotonic() + _PATIENCE_SECONDS
    raise RestoreError(f"{topic}[{partition}] gave no record for {_PATIENCE_SECONDS:.0f} s; it ends at {high}")
