"""From the records of a topic to the index: decoded in the thread that reads, applied in the event loop."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from schemas.codec import UnknownSchemaError
from streams.api.figures import ApiFigures
from streams.following import Follower
from streams.intake import Reader, Refused, read
from streams.learning import SchemaBook
from streams.materializing.shelf import Place
from streams.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Future

E = TypeVar("E")
K = TypeVar("K")
_WAIT_SECONDS = 0.2


class Feed(Generic[E, K]):
    """Reads one topic into *apply*, which is called in the event loop with some records in the order of each log.

    What is no such record is counted and left out: it is for the workers to set it aside. A schema that is not known
    is asked for until the registry answers; until then the topic is not read on.

    Args:
        settings: Of the brokers.
        topic: Without prefix.
        reader: How its records are read.
        prepare: Makes of a record, in the thread that reads, what is applied.
        apply: Takes that.
        book: Learns schemas.
        figures: Count what is left out.
        gather_ms: How long the brokers wait for more than one record where nobody waits for the first.
    """

    def __init__(  # noqa: PLR0917 - what lies between a topic and the index
        self,
        settings: Settings,
        topic: str,
        reader: Reader[E],
        prepare: Callable[[E, Place, bytes], K],
        apply: Callable[[Sequence[K]], None],
        book: SchemaBook,
        figures: ApiFigures,
        gather_ms: int = 0,
    ) -> None:
        self.follower = Follower(settings, topic, self._take, gather_ms=gather_ms)
        self._topic, self._reader = topic, reader
        self._prepare, self._apply = prepare, apply
        self._book, self._figures = book, figures
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    async def start(self, since_ms: int) -> None:
        """Begin to read what came since a time, milliseconds since the epoch; raises BrokerError."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.follower.start, since_ms)

    async def stop(self) -> None:
        """End the reading."""
        self._ended = True
        await asyncio.to_thread(self.follower.close)

    def _take(self, topic_id: str, records: Sequence[Any]) -> None:
        made = []
        for record in records:
            value = record.value() or b""
            found = self._read(value)
            if isinstance(found, Refused):
                self._figures.refused(self._topic, found.cause)
            elif found is not None:
                made.append(self._prepare(found, Place(topic_id, record.partition(), record.offset()), value))
        if made:
            self._wait_for(self._applied(made))

    def _read(self, value: bytes) -> E | Refused | None:
        while not self._ended:
            try:
                return read(value, self._reader)
            except UnknownSchemaError as error:
                self._wait_for(self._book.learn(error.schema_id))
        return None

    async def _applied(self, made: Sequence[K]) -> None:
        self._apply(made)

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        """Let the event loop do *work*; return when it is done, or nobody wants it any more."""
        if self._loop is None:
            raise RuntimeError("a feed is read before it was started")
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        while True:
            try:
                return done.result(_WAIT_SECONDS)
            except TimeoutError:
                if self._ended:
                    done.cancel()
                    return None
