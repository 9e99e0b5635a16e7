"""A role's work with a span around each batch, which its outputs carry on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from streams.engine.job import Decoded, Job, Step
from streams.engine.outbox import Message
from streams.engine.slices import Slice
from streams.engine.table import TablePartition

S = TypeVar("S")
D = TypeVar("D")

Headers = Sequence[tuple[str, bytes]]


class Span(Protocol):
    """What one batch did; see streams.tracing.spans."""

    @property
    def headers(self) -> Headers:
        """Return what a record must carry to be told as caused by this."""
        ...

    def fail(self, error: BaseException) -> None:
        """Take note that the work broke."""
        ...

    def end(self, outputs: int) -> None:
        """Take note that the work has ended, with so many outputs."""
        ...


class BeginsSpans(Protocol):
    """Begins a span for a batch of slices, at least one."""

    def __call__(self, pieces: Sequence[Slice]) -> Span: ...  # noqa: D102 - see the class


@dataclass(frozen=True, slots=True)
class TracedJob(Generic[S, D]):
    """Does what *job* does."""

    job: Job[S, D]
    begin: BeginsSpans

    def decode(self, piece: Slice) -> Decoded[D]:
        """Return what the records say."""
        return self.job.decode(piece)

    async def process(self, batch: Sequence[Decoded[D]], tables: Mapping[int, TablePartition[S]]) -> Sequence[Step]:
        """Return the job's steps; outputs that stand for a record carry the span, but for dead letters."""
        if not batch:
            return await self.job.process(batch, tables)
        span, outputs = self.begin([decoded.piece for decoded in batch]), 0
        try:
            steps = await self.job.process(batch, tables)
            for step in steps:
                step.outputs = [_carrying(span.headers, one) for one in step.outputs]
                outputs += len(step.outputs)
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            span.end(outputs)
        return steps

    def delivered(self, outputs: Sequence[Message]) -> None:
        """Take note that *outputs* are on the brokers."""
        self.job.delivered(outputs)

    def expire(self, table: TablePartition[S], committed: Mapping[str, int]) -> Step | None:
        """Remove what has had its time from *table*."""
        return self.job.expire(table, committed)


def _carrying(headers: Headers, message: Message) -> Message:
    """Return *message* with *headers*; a dead letter has headers of its own, among them those of its source."""
    if message.source is None or message.headers:
        return message
    return message._replace(headers=headers)
