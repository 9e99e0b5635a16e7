"""A changelog partition in memory, and a restore of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from confluent_kafka import KafkaError

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import Progress
from streams.engine import changelog, log_reading
from streams.engine.changelog import Changelog, Claim
from streams.engine.epochs import epoch_header
from streams.engine.table import TablePartition

CODEC: Codec[Progress] = Codec("progress", Progress)
CODEC.learn(1, schema_json("progress"))
CODEC.use_for_writing(1)


@dataclass(frozen=True)
class Record:
    """A record of the log, and who wrote it; the code under test does not ask that."""

    place: int
    name: bytes
    content: bytes | None
    epoch: int | None
    writer: int = 0

    def key(self) -> bytes:
        return self.name

    def value(self) -> bytes | None:
        return self.content

    def offset(self) -> int:
        return self.place

    def headers(self) -> Sequence[tuple[str, bytes]] | None:
        return None if self.epoch is None else list(epoch_header(self.epoch))

    def error(self) -> None:
        return None


class End:
    def error(self) -> KafkaError:
        return KafkaError(KafkaError._PARTITION_EOF)


@dataclass
class Log:
    """One partition, and a librdkafka consumer of it as far as a restore needs one."""

    records: list[Record] = field(default_factory=list)
    batch: int = 3
    next_offset: int = 0
    position: int = 0

    def append(self, writer: int, epoch: int | None, name: bytes, content: bytes | None) -> None:
        self.records.append(Record(self.next_offset, name, content, epoch, writer))
        self.next_offset += 1

    def get_watermark_offsets(self, _partition, timeout) -> tuple[int, int]:  # noqa: ARG002 - librdkafka's
        return 0, self.next_offset

    def assign(self, partitions) -> None:
        self.position = partitions[0].offset

    def poll(self, _seconds):
        left = self._left()
        self.position = left[0].place + 1 if left else self.position
        return left[0] if left else End()

    def consume(self, _number, _seconds):
        left = self._left()
        found = left[: self.batch - 1]  # the first was polled
        self.position = found[-1].place + 1 if found else self.position
        return found if left else [End()]

    def _left(self) -> list[Record]:
        return [record for record in self.records if record.place >= self.position]

    def close(self) -> None:
        """Hold nothing."""

    def compacted(self, until: int) -> "Log":
        """Return the log in which only the last record of each key remains of those before offset *until*."""
        last = {record.name: record.place for record in self.records if record.place < until}
        kept = [one for one in self.records if one.place >= until or last[one.name] == one.place]
        return replace(self, records=kept)


def plain(table: TablePartition[bytes]) -> dict[bytes, bytes]:
    return dict(table.states)


def restored(log: Log, claim: Claim | None = None, known: TablePartition[bytes] | None = None) -> TablePartition[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_reading, "_LAST", 2)  # so that a short log has more than its last records, too
        patch.setattr(changelog, "Consumer", lambda _config: log)
        return Changelog("log", {}, lambda _key, value: value, CODEC.decode).restore(0, known, claim)
