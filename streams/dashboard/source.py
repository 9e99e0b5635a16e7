"""A topic that is read for as long as the page is served, and how current what was read is."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from streams.api.standing import Standing
from streams.brokers import BrokerError
from streams.dashboard.whole import whole
from streams.following import Follower

GATHER_MS: Final = 250
"""So long brokers wait for more records before they answer: the page is redrawn less often than that."""


class Reading(Protocol):
    """Reads a topic from a time on; see streams.api.feed.Feed."""

    @property
    def follower(self) -> Follower: ...  # noqa: D102 - as Feed's
    def start(self, since_ms: int) -> Coroutine[Any, Any, None]: ...  # noqa: D102
    async def stop(self) -> None: ...  # noqa: D102


@dataclass(slots=True)
class Source:
    """Keeps *reading*, begun again until the brokers know the topic; owned by the event loop.

    Attributes:
        since_ms: What is older than this is not read; milliseconds since the epoch.
        look_seconds: Between two questions to the brokers how far the reading is.
        on_end: Called when everything that was there at the start has been read.
        problem: Why it is not current, in one sentence; None when it is.
    """

    reading: Reading
    since_ms: int
    look_seconds: float = 1.0
    on_end: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.time
    retry_seconds: float = 3.0
    problem: str | None = "it has not been read to its end yet"
    _standing: Standing = field(init=False)

    def __post_init__(self) -> None:
        """Begin to measure."""
        self._standing = Standing(self.reading.follower, self.clock)

    @property
    def topic(self) -> str:
        """The topic's name on the brokers."""
        return self.reading.follower.topic

    def as_json(self) -> dict[str, object]:
        """Return how current it is: everything in the topic at as_of_ms has been read, *behind* offsets have not."""
        standing = self._standing
        return {
            "topic": self.topic,
            "since_ms": self.since_ms,
            "as_of_ms": standing.as_of_ms,
            "behind": standing.behind,
            "problem": self.problem,
        }

    async def run(self) -> None:
        """Read until cancelled."""
        for step in (self._begin, self._standing.read_to_the_end):
            while not await self._tried(step):  # noqa: ASYNC110 - the brokers tell nobody that they are back
                await asyncio.sleep(self.retry_seconds)
        self.on_end()
        while True:
            await self._tried(self._look)
            await asyncio.sleep(self.look_seconds)

    async def _begin(self) -> None:
        await whole(self.reading.start(self.since_ms))

    async def _look(self) -> None:
        await self._standing.look()
        if self._standing.behind is None:
            raise BrokerError("the brokers do not answer")

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except (BrokerError, RuntimeError) as error:
            self.problem = str(error)
            return False
        self.problem = None
        return True
