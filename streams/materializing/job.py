"""The materialize role: predictions in, the latest of each match in Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.records import Prediction
from streams.engine.dead_letters import dead_letter
from streams.engine.job import Decoded, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Entry, Intake, Refused
from streams.materializing.shelf import Place, Shelf
from streams.metrics import WorkerMetrics


@dataclass(slots=True)
class _Position:
    """How far a partition has been read, and up to where all of it is in Redis."""

    table: TablePartition[None]
    read: int = 0
    reached: int = 0


@dataclass(slots=True)
class MaterializeJob:
    """Puts predictions on the shelf; offsets wait until what is before them is in Redis.

    The last in the log is the latest of a match: each prediction is of a state in which all before it are folded, in
    whatever order the events happened. An outage of Redis holds up nothing: what waits is one prediction a match.
    """

    intake: Intake[Prediction]
    predictions: str
    topic_id: str
    dead_letters: str
    shelf: Shelf
    metrics: WorkerMetrics
    worker: str
    _positions: dict[int, _Position] = field(default_factory=dict)

    def decode(self, piece: Slice) -> Decoded[Sequence[Entry[Prediction]]]:
        """Return the predictions of *piece*."""
        return self.intake.decode(piece)

    async def process(
        self, batch: Sequence[Decoded[Sequence[Entry[Prediction]]]], tables: Mapping[int, TablePartition[None]]
    ) -> Sequence[Step]:
        """Write the latest predictions in one round trip; return dead letters, a step a slice."""
        self.metrics.batch(sum(len(decoded.entries) for decoded in batch))
        steps = [self._take(decoded) for decoded in batch]
        await self.shelf.flush()
        waiting = self.shelf.waiting
        for decoded, step in zip(batch, steps, strict=True):
            piece = decoded.piece
            position = self._position(tables[piece.partition])
            position.read = piece.next_offset
            if piece.partition in waiting:
                step.reached = {}
            else:
                position.reached = piece.next_offset
        return steps

    def _take(self, decoded: Decoded[Sequence[Entry[Prediction]]]) -> Step:
        step, piece = Step(), decoded.piece
        for entry in decoded.entries:
            if isinstance(entry.event, Refused):
                self.metrics.dead_letter(piece.topic, entry.event.cause)
                cause, reason = entry.event.cause, entry.event.reason
                letter = dead_letter(
                    self.dead_letters, piece, entry.record, cause=cause, reason=reason, worker=self.worker
                )
                step.outputs.append(letter)
            else:
                self.shelf.put(entry.event, Place(self.topic_id, piece.partition, entry.record.offset))
                self.metrics.event(piece.topic, "materialized")
        return step

    def _position(self, table: TablePartition[None]) -> _Position:
        known = self._positions.get(table.partition)
        if known is None or known.table is not table:
            known = self._positions[table.partition] = _Position(table)
        return known

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Do nothing: Redis is no topic."""

    def expire(self, table: TablePartition[None], committed: Mapping[str, int]) -> Step | None:  # noqa: ARG002 - there are no states
        """Reach the offsets of what has got to Redis meanwhile."""
        position = self._position(table)
        if position.reached >= position.read or table.partition in self.shelf.waiting:
            return None
        position.reached = position.read
        return Step(reached={self.predictions: position.read})
