"""Dead letters by cause, and the last ones, as far back as was read."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from streams.dashboard.parts import Shown, encoded
from streams.dashboard.source import GATHER_MS
from streams.dead_letters.letter import Letter, sentence_of
from streams.dead_letters.reading import Mark, letter_of
from streams.engine.dead_letters import Cause
from streams.following import Follower
from streams.settings import Settings

LAST: Final = 20
_OTHER: Final = "OTHER"  # a cause of another version
_OTHER_TOPIC: Final = ""


class LetterFeed:
    """Reads the topic of dead letters into *apply*, which is called in the event loop."""

    def __init__(self, settings: Settings, apply: Callable[[Sequence[Letter | Mark]], None]) -> None:
        self.follower = Follower(settings, "dead-letters", self._take, gather_ms=GATHER_MS)
        self._apply = apply
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, since_ms: int) -> None:
        """Begin to read what came since a time, milliseconds since the epoch; raises BrokerError."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.follower.start, since_ms)

    async def stop(self) -> None:
        """End the reading."""
        await asyncio.to_thread(self.follower.close)

    def _take(self, _topic_id: str, records: Sequence[Any]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._apply, [letter_of(record) for record in records])


class Letters:
    """Counts dead letters; owned by the event loop.

    Args:
        topics: Sources that are told apart, by their names on the brokers.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = frozenset(topics)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last: deque[Letter] = deque(maxlen=LAST)
        self._replayed = 0

    def take(self, batch: Sequence[Letter | Mark]) -> None:
        """Count *batch*."""
        for one in batch:
            if isinstance(one, Mark):
                self._replayed += 1
                continue
            topic = one.source_topic if one.source_topic in self._topics else _OTHER_TOPIC
            self._counts[topic, one.cause if one.cause in {*Cause} else _OTHER] += 1
            self._last.append(one)

    def refused(self, topic: str) -> dict[str, int]:
        """Return how many records of *topic*, as the brokers know it, were set aside, by cause."""
        return {cause: count for (name, cause), count in sorted(self._counts.items()) if name == topic}

    def shown(self) -> Shown:
        """Return the counts by cause, and the last letters, newest first."""
        by_cause: Counter[str] = Counter()
        for (_, cause), count in self._counts.items():
            by_cause[cause] += count
        causes = [{"cause": name, "count": n, "means": sentence_of(name)} for name, n in by_cause.most_common()]
        return {
            "letters": encoded({"causes": causes, "total": by_cause.total(), "replayed": self._replayed}),
            "last_letters": encoded([_told(one) for one in reversed(self._last)]),
        }


def _told(letter: Letter) -> dict[str, object]:
    return {
        "place": f"{letter.partition}/{letter.offset}",
        "at_ms": letter.timestamp_ms,
        "cause": letter.cause,
        "reason": letter.reason[:300],
        "source": letter.source_place,
    }
