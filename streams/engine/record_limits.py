"""How large a record each topic takes: to try one which is too large would cost a transaction."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from streams.engine.outbox import Message

_KNOWN_SECONDS = 10.0
_MOST_AROUND_BYTES = 100  # of a batch of one record without headers, beside its key and its value


@dataclass(slots=True)
class RecordLimits:
    """The limits of topics, as they were lately; somebody may change a topic's max.message.bytes.

    Attributes:
        read: Returns the bytes of the largest batch of records that a topic takes; infinity where nobody tells us.
    """

    read: Callable[[str], Awaitable[float]]
    _known: dict[str, tuple[float, float]] = field(default_factory=dict)

    def doubtful(self, messages: Sequence[Message]) -> list[Message]:
        """Return those of *messages* that `refuse` has to look at: most are far smaller than what their topic takes."""
        enough = {topic: limit - _MOST_AROUND_BYTES for topic, (limit, _) in self._known.items()}
        return [
            one
            for one in messages
            if one.headers or len(one.key or b"") + len(one.value or b"") > enough.get(one.topic, -1)
        ]

    async def refuse(self, message: Message) -> bool:
        """Tell whether the topic of *message* does not take it; where that is not known, it does."""
        limit, until = self._known.get(message.topic, (0.0, 0.0))
        if message.batch_bytes > limit and until <= time.monotonic():
            limit = self._note(message.topic, await self.read(message.topic))
        return message.batch_bytes > limit

    def learn(self, refused: Sequence[Message]) -> None:
        """Take note of what brokers have refused."""
        for message in refused:
            limit, _ = self._known.get(message.topic, (inf, 0.0))
            self._note(message.topic, min(limit, message.batch_bytes - 1))

    def _note(self, topic: str, limit: float) -> float:
        self._known[topic] = (limit, time.monotonic() + _KNOWN_SECONDS)
        return limit
