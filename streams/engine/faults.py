"""What broke while slices were worked on, and on which records, so that one line of the log finds them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from schemas.codec import UnknownSchemaError
from streams.engine.job import Job
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.stopping import RefusedError

S = TypeVar("S")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of one partition, both ends included."""

    topic: str
    partition: int
    first: int
    last: int


def spans(pieces: Iterable[Slice]) -> list[Span]:
    """Return what *pieces* reach over, one span a partition of a topic."""
    found: dict[tuple[str, int], Span] = {}
    for piece in pieces:
        place = (piece.topic, piece.partition)
        first, last = piece.records[0].offset, piece.records[-1].offset
        known = found.get(place)
        found[place] = (
            Span(*place, min(first, known.first), max(last, known.last)) if known else Span(*place, first, last)
        )
    return list(found.values())


class WorkError(RuntimeError):
    """Raised from whatever broke, which is its ``__cause__``.

    Attributes:
        stage: What was being done: decode, process, deliver, write or expire.
        spans: What was worked on.
        culprit: The one record which breaks it by itself, when that is known.
    """

    def __init__(self, stage: str, pieces: Sequence[Slice], culprit: Slice | None = None) -> None:
        super().__init__(f"{stage} failed")
        self.stage = stage
        self.spans = spans(pieces)
        self.culprit = spans([culprit])[0] if culprit else None

    def keys(self) -> Mapping[str, object]:
        """Return what a line of the log says of it."""
        where = [f"{one.topic}[{one.partition}] {one.first}-{one.last}" for one in self.spans]
        found: dict[str, object] = {"stage": self.stage, "slices": where}
        if self.culprit is not None:
            found |= {
                "topic": self.culprit.topic, "partition": self.culprit.partition, "offset": self.culprit.first,
            }  # fmt: skip
        return found


@contextmanager
def during(stage: str, pieces: Sequence[Slice]) -> Iterator[None]:
    """Say of what breaks inside that it broke in *stage*, while *pieces* were worked on.

    A refusal speaks for itself.
    """
    try:
        yield
    except (WorkError, RefusedError):
        raise
    except Exception as error:
        raise WorkError(stage, pieces) from error


async def culprit(job: Job[S, D], pieces: Sequence[Slice], tables: Mapping[int, TablePartition[S]]) -> Slice | None:
    """Return the first record of *pieces* on which *job* breaks also alone; None when there is none.

    The states are of no use afterwards, and nothing which follows from the records may be written.
    """
    for piece in pieces:
        for record in piece.records:
            alone = replace(piece, records=[record])
            try:
                await job.process([job.decode(alone)], tables)
            except UnknownSchemaError:
                continue
            except Exception:  # noqa: BLE001 - whatever it is, it is this record's
                return alone
    return None
