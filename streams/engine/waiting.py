"""The slices which wait, by lane: a lane is one partition of all inputs, worked on in order."""

import asyncio
from collections import deque
from collections.abc import Sequence

from streams.engine.slices import Slice


class Waiting:
    """Slices by lane; a lane which is held keeps its slices without holding up the others.

    Attributes:
        capacity: Records which may wait in lanes that are not held; a further slice waits to be put.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lanes: dict[int, deque[Slice]] = {}
        self._held: set[int] = set()
        self._changed = asyncio.Condition()

    def _rows(self) -> int:
        return sum(
            len(piece.records) for lane, pieces in self._lanes.items() if lane not in self._held for piece in pieces
        )

    async def put(self, piece: Slice) -> None:
        """Add *piece* at the end of its lane; wait while there is too much."""
        async with self._changed:
            await self._changed.wait_for(lambda: piece.partition in self._held or self._rows() < self._capacity)
            self._lanes.setdefault(piece.partition, deque()).append(piece)
            self._changed.notify_all()

    async def take(self, rows: int) -> list[Slice]:
        """Return waiting slices of about *rows* records, one of each lane in turn; wait for the first."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._ready()))
            taken: list[Slice] = []
            count = 0
            while count < rows and (ready := self._ready()):
                for lane in ready:
                    piece = self._lanes[lane].popleft()
                    taken.append(piece)
                    count += len(piece.records)
            self._changed.notify_all()
            return taken

    def _ready(self) -> list[int]:
        return [lane for lane, pieces in self._lanes.items() if pieces and lane not in self._held]

    async def hold(self, lane: int, pieces: Sequence[Slice]) -> None:
        """Put *pieces* back at the head of *lane* and hand none of it out until it is released."""
        async with self._changed:
            self._held.add(lane)
            self._lanes.setdefault(lane, deque()).extendleft(reversed(pieces))
            self._changed.notify_all()

    async def release(self, lane: int) -> None:
        """Hand *lane* out again."""
        async with self._changed:
            self._held.discard(lane)
            self._changed.notify_all()

    async def clear(self) -> None:
        """Forget everything: the log still has it."""
        async with self._changed:
            self._lanes.clear()
            self._held.clear()
            self._changed.notify_all()
