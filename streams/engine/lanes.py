"""Slices become what their records say, lane by lane; one that needs an unknown schema holds up its own lane alone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar

from schemas.codec import UnknownSchemaError
from streams.engine.faults import WorkError, culprit
from streams.engine.job import Decoded, Job
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.engine.waiting import Waiting

S = TypeVar("S")
D = TypeVar("D")


class Lanes(Generic[S, D]):
    """Decodes slices, and learns schemas in between.

    Attributes:
        pause: Stops the source of a partition whose lane is held.
        unpause: Lets it go on.
    """

    def __init__(
        self,
        job: Job[S, D],
        waiting: Waiting,
        learn: Callable[[int], Awaitable[None]],
        guarded: Callable[[Awaitable[None]], Coroutine[Any, Any, None]],
    ) -> None:
        self._job, self._waiting, self._learn, self._guarded = job, waiting, learn, guarded
        self.pause: Callable[[int], None] = lambda _partition: None
        self.unpause: Callable[[int], None] = lambda _partition: None
        self._learners: dict[int, asyncio.Task[None]] = {}

    async def decode(self, pieces: Sequence[Slice], tables: Mapping[int, TablePartition[S]]) -> list[Decoded[D]]:
        """Return what *pieces* say, but for those of lanes which are held from now on.

        Raises:
            WorkError: The job broke on one.
        """
        decoded: list[Decoded[D]] = []
        held: dict[int, tuple[int, list[Slice]]] = {}
        for piece in pieces:
            lane = piece.partition
            if lane in held:
                held[lane][1].append(piece)
                continue
            try:
                decoded.append(self._job.decode(piece))
            except UnknownSchemaError as error:
                held[lane] = (error.schema_id, [piece])
            except Exception as error:
                raise WorkError("decode", [piece], await culprit(self._job, [piece], tables)) from error
        for lane, (schema_id, waiting) in held.items():
            self.pause(lane)
            self._waiting.hold(lane, waiting)
            self._learners[lane] = asyncio.create_task(self._guarded(self._release_when_learnt(lane, schema_id)))
        return decoded

    async def _release_when_learnt(self, lane: int, schema_id: int) -> None:
        await self._learn(schema_id)
        self._waiting.release(lane)
        self.unpause(lane)

    def forget(self) -> list[asyncio.Task[None]]:
        """Learn nothing more; return the tasks which end."""
        learners = list(self._learners.values())
        for learner in learners:
            learner.cancel()
        self._learners.clear()
        return learners
