"""The slices which wait, by lane: a lane is one partition of all inputs, worked on in order."""

import asyncio
from collections import deque
from collections.abc import Sequence

from streams.engine.slices import Slice


class Waiting:
    """Slices by lane; a lane which is held keeps its slices without holding up the others.

    One task puts and one takes.

    Attributes:
        capacity: Records which may wait in lanes that are not held; a further slice waits to be put.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lanes: dict[int, deque[Slice]] = {}
        self._held: set[int] = set()
        self._rows = 0  # in lanes that are not held
        self._changed = asyncio.Event()

    async def put(self, piece: Slice) -> None:
        """Add *piece* at the end of its lane; wait while there is too much."""
        while piece.partition not in self._held and self._rows >= self._capacity:
            await self._change()
        self._lanes.setdefault(piece.partition, deque()).append(piece)
        self._count(piece.partition, len(piece.records))

    async def take(self, rows: int) -> list[Slice]:
        """Return waiting slices of *rows* records at most, from each lane in turn; wait for the first."""
        while not self._rows:
            await self._change()
        taken: list[Slice] = []
        count = 0
        while count < rows and (ready := self._ready()):
            share = -(-(rows - count) // len(ready))
            for lane in ready:
                if count < rows:
                    taken.append(self._popped(lane, min(share, rows - count)))
                    count += len(taken[-1].records)
        self._rows -= count
        self._changed.set()
        return taken

    def _popped(self, lane: int, rows: int) -> Slice:
        """Return the next slice of *lane*, or its first *rows* records when it has more."""
        piece = self._lanes[lane].popleft()
        if len(piece.records) > rows:
            piece, rest = piece.split(rows)
            self._lanes[lane].appendleft(rest)
        return piece

    def _ready(self) -> list[int]:
        return [lane for lane, pieces in self._lanes.items() if pieces and lane not in self._held]

    def hold(self, lane: int, pieces: Sequence[Slice]) -> None:
        """Put *pieces* back at the head of *lane* and hand none of it out until it is released."""
        self._count(lane, -self._rows_of(lane))
        self._held.add(lane)
        self._lanes.setdefault(lane, deque()).extendleft(reversed(pieces))

    def release(self, lane: int) -> None:
        """Hand *lane* out again."""
        if lane in self._held:
            self._held.discard(lane)
            self._count(lane, self._rows_of(lane))

    def clear(self) -> None:
        """Forget everything: the log still has it."""
        self._lanes.clear()
        self._held.clear()
        self._rows = 0
        self._changed.set()

    def _rows_of(self, lane: int) -> int:
        return sum(len(piece.records) for piece in self._lanes.get(lane, ()))

    def _count(self, lane: int, rows: int) -> None:
        if lane not in self._held:
            self._rows += rows
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
