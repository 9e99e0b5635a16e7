"""The rate role: team events in one order in, ratings of the open fixtures out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from features.rating_book import BaseRating, Changes, Fixture, RatingBook, RatingClock
from schemas.codec import Codec
from schemas.records import FeatureEvent, TeamEvent
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Reader, Refused, read
from streams.metrics import WorkerMetrics

RatingRecord = BaseRating | Fixture | RatingClock
_BASE, _FIXTURE, _CLOCK = b"base/", b"fixture/", b"clock"


@dataclass(frozen=True, slots=True)
class RatingCodecs:
    """How the role's table is written: a record type for each kind of key."""

    base: Codec[BaseRating]
    fixture: Codec[Fixture]
    clock: Codec[RatingClock]

    def decode(self, key: bytes, value: bytes) -> RatingRecord:
        """Return the record of *key*."""
        if key.startswith(_BASE):
            return self.base.decode(value)
        if key.startswith(_FIXTURE):
            return self.fixture.decode(value)
        if key == _CLOCK:
            return self.clock.decode(value)
        raise ValueError(f"{key!r} is no key of the teams table")

    def encode(self, record: RatingRecord) -> bytes:
        """Return the bytes of *record*."""
        if isinstance(record, BaseRating):
            return self.base.encode(record)
        return self.fixture.encode(record) if isinstance(record, Fixture) else self.clock.encode(record)


def by_key(changes: Changes) -> dict[bytes, RatingRecord | None]:
    """Return what is to be written, in the order in which any prefix can be restored; None leaves the table."""
    found: dict[bytes, RatingRecord | None] = {_BASE + base.rating.team.encode(): base for base in changes.bases}
    found |= {_FIXTURE + one.match_id.encode(): one for one in changes.fixtures}
    if changes.clock is not None:
        found[_CLOCK] = changes.clock
    return found | {_FIXTURE + match_id.encode(): None for match_id in changes.dropped}


@dataclass(frozen=True, slots=True)
class RateTopics:
    """Names on the brokers of what the role writes."""

    feature_events: str
    dead_letters: str


@dataclass(slots=True)
class RateJob:
    """Folds results into ratings and tells them to the fixtures which are still open."""

    events: Reader[TeamEvent]
    topics: RateTopics
    features: Codec[FeatureEvent]
    table: RatingCodecs
    metrics: WorkerMetrics
    worker: str
    _book: RatingBook = field(default_factory=RatingBook)
    _restored: TablePartition[RatingRecord] | None = None

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[TeamEvent]]]:
        """Return the events of *piece*."""
        return Decoded(piece, [Entry(record, self._event(record)) for record in piece.records])

    def _event(self, record: Record) -> TeamEvent | Refused:
        if record.value is None:
            return Refused(Cause.TOO_SHORT, "the value is null")
        event: TeamEvent | Refused = read(record.value, self.events)
        return event

    async def process(
        self, batch: Sequence[Decoded[Sequence[Entry[TeamEvent]]]], tables: Mapping[int, TablePartition[RatingRecord]]
    ) -> Sequence[Step]:
        """Return the feature events which follow, a step a slice."""
        if batch:
            self._open(tables[batch[0].piece.partition])
        return [self._step(decoded, tables[decoded.piece.partition]) for decoded in batch]

    def _open(self, table: TablePartition[RatingRecord]) -> None:
        if table is self._restored:
            return
        records = table.states.values()
        clock = table.states.get(_CLOCK)
        self._book = RatingBook.restore(
            [one for one in records if isinstance(one, BaseRating)],
            [one for one in records if isinstance(one, Fixture)],
            clock if isinstance(clock, RatingClock) else None,
        )
        self._restored = table

    def _step(self, decoded: Decoded[Sequence[Entry[TeamEvent]]], table: TablePartition[RatingRecord]) -> Step:
        step = Step()
        piece = decoded.piece
        for entry in decoded.entries:
            if isinstance(entry.event, Refused):
                self.metrics.dead_letter(piece.topic, entry.event.cause)
                step.outputs.append(
                    dead_letter(
                        self.topics.dead_letters,
                        piece,
                        entry.record,
                        cause=entry.event.cause,
                        reason=entry.event.reason,
                        worker=self.worker,
                    )
                )
                continue
            self.metrics.event(piece.topic, "repeated" if self._book.has_heard(entry.event) else "folded")
            for news in self._book.after(entry.event):
                value = self.features.encode(news)
                source = (piece, entry.record)
                step.outputs.append(Message(self.topics.feature_events, news.match_id.encode(), value, source=source))
        for key, record in by_key(self._book.changed()).items():
            step.changed[key] = None if record is None else self.table.encode(record)
            if record is None:
                table.states.pop(key, None)
            else:
                table.states[key] = record
        return step

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: the latency of a rating is that of the prediction which follows."""

    def expire(self, table: TablePartition[RatingRecord], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - the book drops its fixtures itself
        """Return None: the book lets fixtures go by itself."""
        return None
