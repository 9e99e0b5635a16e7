"""How complete the index is: up to which moment, and how far behind, as far as the brokers say."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from streams.brokers import BrokerError

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_READ_SECONDS = 0.05


class Reads(Protocol):
    """Reads one topic; see streams.following.Follower."""

    def look(self) -> bool: ...  # noqa: D102 - as Follower's
    def ends(self) -> dict[int, int]: ...  # noqa: D102
    def left(self, ends: Mapping[int, int]) -> int: ...  # noqa: D102
    @property
    def error(self) -> BaseException | None: ...  # noqa: D102


@dataclass(slots=True)
class Standing:
    """Looks again and again how far *reader* is; owned by the event loop.

    Attributes:
        as_of_ms: Everything written before it, milliseconds since the epoch, is in the index or has left it.
        behind: Offsets that were not read at the last look; None while the brokers do not answer.
    """

    reader: Reads
    clock: Callable[[], float] = time.time
    as_of_ms: int | None = None
    behind: int | None = None
    _goal: tuple[int, Mapping[int, int]] | None = None
    _known: bool = field(default=True)

    @property
    def json(self) -> bytes:
        """The beginning of an answer: an object which is still open."""
        as_of = b"null" if self.as_of_ms is None else b"%d" % self.as_of_ms
        return b'{"as_of_ms":%b,"behind":%b' % (as_of, b"null" if self.behind is None else b"%d" % self.behind)

    async def read_to_the_end(self) -> None:
        """Return once everything that is there now has been read; raises BrokerError, or what ended the reading."""
        at_ms, ends = int(self.clock() * 1000), await asyncio.to_thread(self.reader.ends)
        self.behind = self.reader.left(ends)
        while self.behind:
            self._check()
            await asyncio.sleep(_READ_SECONDS)
            self.behind = self.reader.left(ends)
        self.as_of_ms = at_ms

    async def keep_looking(self) -> None:
        """Look, for ever; raises what ended the reading."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Ask the brokers once; an outage is told once, and again when it is over."""
        self._check()
        at_ms = int(self.clock() * 1000)
        try:
            changed = await asyncio.to_thread(self.reader.look)
            ends = await asyncio.to_thread(self.reader.ends)
        except BrokerError as error:
            if self._known:
                log.warning("predictions.lost", error=str(error))
            self._known, self.behind = False, None
            return
        if not self._known:
            log.info("predictions.regained")
        self._known = True
        self._note(at_ms, ends, changed=changed)

    def _note(self, at_ms: int, ends: Mapping[int, int], *, changed: bool) -> None:
        """Move as_of_ms: with records that come without a pause, there is always one between an end and us."""
        if changed:
            log.warning("predictions.changed", partitions=len(ends))
            self._goal, self.behind = None, sum(ends.values())  # the most it can be, until the thread has begun anew
            return
        self.behind = self.reader.left(ends)
        goal = self._goal or (at_ms, ends)
        if not self.behind:
            self.as_of_ms, self._goal = at_ms, None
        elif self.reader.left(goal[1]):
            self._goal = goal
        else:
            self.as_of_ms, self._goal = goal[0], (at_ms, ends)

    def _check(self) -> None:
        if self.reader.error is not None:
            raise RuntimeError(f"predictions are not read any more: {self.reader.error}") from self.reader.error
