"""Makes the dead letters which the engine writes itself: of outputs too large, and of records it reads again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.job import Unread
from streams.engine.outbox import Message
from streams.engine.reading_back import Position, ReadBack
from streams.engine.slices import Record, Slice
from streams.stopping import RefusedError


async def _nothing(_positions: Sequence[Position]) -> Mapping[Position, ReadBack]:
    return {}


def _ignored(_cause: Cause) -> None:
    """Count nothing."""


class Letterbox:
    """Owns the name of the topic of dead letters.

    Attributes:
        read_back: Reads records from the log again; those which it has no more are left out.
        count: Told the cause of each letter about an output too large.
    """

    def __init__(self, topic: str, worker: str) -> None:
        self.topic, self._worker = topic, worker
        self.read_back: Callable[[Sequence[Position]], Awaitable[Mapping[Position, ReadBack]]] = _nothing
        self.count: Callable[[Cause], None] = _ignored

    async def of_unread(self, unread: Sequence[Unread]) -> list[Message]:
        """Return the letters of records whose bytes are in the log only."""
        if not unread:
            return []
        found = await self.read_back([(one.topic, one.partition, one.offset) for one in unread])
        return [self._of_unread(one, found.get((one.topic, one.partition, one.offset))) for one in unread]

    def _of_unread(self, unread: Unread, record: ReadBack | None) -> Message:
        reason = unread.reason if record else f"{unread.reason}; retention has deleted its bytes"
        piece = Slice(unread.topic, unread.partition, 0, (), 0)
        known = record or ReadBack(unread.key, unread.offset, unread.timestamp)
        return self._letter(piece, known, unread.cause, reason)

    async def of_too_large(self, messages: Sequence[Message]) -> list[Message]:
        """Return the letters of the records from which *messages* came, which their topics do not take.

        Raises:
            RefusedError: One is a dead letter itself.
            RuntimeError: One came from no record.
        """
        letters, unread = [], []
        for message in messages:
            piece, record, reason = self._source(message)
            self.count(Cause.OUTPUT_TOO_LARGE)
            if record.value is None:  # it waited in a state, without its bytes
                where = (piece.topic, piece.partition, record.offset)
                unread.append(Unread(*where, record.key or b"", record.timestamp, Cause.OUTPUT_TOO_LARGE, reason))
            else:
                letters.append(self._letter(piece, record, Cause.OUTPUT_TOO_LARGE, reason))
        return [*letters, *await self.of_unread(unread)]

    def _source(self, message: Message) -> tuple[Slice, Record, str]:
        reason = f"{message.topic} does not take a record of {len(message.value or b'')} bytes"
        if message.topic == self.topic:
            raise RefusedError(f"{reason}, so that a record cannot be set aside; raise its max.message.bytes")
        if message.source is None:
            raise RuntimeError(f"{reason}, which stands for no source")
        return *message.source, reason

    def _letter(self, piece: Slice, record: Record, cause: Cause, reason: str) -> Message:
        return dead_letter(self.topic, piece, record, cause=cause, reason=reason, worker=self._worker)
