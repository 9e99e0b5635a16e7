"""What the other bundle says of the same events: beside the predictions, and never in their way."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry, Counter

from models.bundle import Bundle
from schemas.codec import Codec
from schemas.records import Prediction, Variant
from streams.engine.outbox import Message
from streams.predicting.answering import Answers, FailureLog, answers, told
from streams.predicting.due import Due, Placed, Voice, facts_for

log = structlog.get_logger(__name__)

_MOST_WAITING: Final = 4096
_FLUSH_SECONDS: Final = 2.0


def shadow_counts(registry: CollectorRegistry) -> tuple[Counter, Counter, Counter]:
    """Return what counts shadow predictions that were sent, shed, and failed: of an event that was not scored."""
    counted = Counter("touchline_shadow", "What became of shadow predictions.", ["result"], registry=registry)
    return counted.labels("sent"), counted.labels("shed"), counted.labels("failed")


class Shadows:
    """Scores and writes in turns of its own; what comes while too much waits is left out, and counted.

    Args:
        config: Of a librdkafka producer.
        topic: Where shadow predictions go.
        codec: How they are written.
        registry: Of the metrics.
    """

    def __init__(
        self, config: Mapping[str, object], topic: str, codec: Codec[Prediction], registry: CollectorRegistry
    ) -> None:
        self._producer = Producer(
            {
                "linger.ms": 50,
                "queue.buffering.max.messages": 20_000,
                "message.timeout.ms": 30_000,
                "log_level": 0,
                **config,
            }
        )
        self._topic, self._codec = topic, codec
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._sent, self._shed, self._failed = shadow_counts(registry)
        self._failures = FailureLog()

    async def start(self) -> None:
        """Wait for offers."""

    async def stop(self) -> None:
        """Write what is there, if the brokers take it soon."""
        await asyncio.to_thread(self._producer.flush, _FLUSH_SECONDS)

    def offer(self, bundle: Bundle, due: Sequence[Due], decoded_at_us: int) -> None:
        """Let *bundle* say what it would of *due*, after what is under way."""
        rows = sum(len(one.facts) for one in due)
        if self._waiting and self._waiting + rows > _MOST_WAITING:
            self._shed.inc(rows)
            return
        self._waiting += rows
        task = asyncio.create_task(self._say(bundle, due, rows, decoded_at_us))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say(self, bundle: Bundle, due: Sequence[Due], rows: int, decoded_at_us: int) -> None:
        try:
            got = await asyncio.to_thread(answers, bundle, facts_for(due, bundle))
            for _, one in self._told(bundle, due, got, (decoded_at_us, time.time_ns() // 1000)):
                self._send(one)
        except Exception as error:  # noqa: BLE001 - a shadow stops nobody
            self._shed.inc(rows)
            log.warning("shadow.failed", error=str(error), kind=type(error).__name__)
        finally:
            self._waiting -= rows

    def failures(self, bundle: Bundle, due: Sequence[Due], got: Answers, times_us: tuple[int, int]) -> Placed:
        """Return the records of the events of *due* which *bundle*, that serves them, could not score; not sent."""
        self._failed.inc(len(got.failures))
        return [one for row, one in enumerate(self._told(bundle, due, got, times_us)) if row in got.failures]

    def _told(self, bundle: Bundle, due: Sequence[Due], got: Answers, times_us: tuple[int, int]) -> Placed:
        self._failures.note(bundle.digest, got.failures)
        return told(due, Voice(bundle, Variant.SHADOW, self._topic, self._codec), got, times_us)

    def _send(self, message: Message) -> None:
        self._producer.poll(0)
        headers = list(message.headers)
        try:
            self._producer.produce(message.topic, message.value, message.key, message.partition, headers=headers)
        except BufferError:  # the brokers are slower than we are
            self._shed.inc()
        else:
            (self._failed if headers else self._sent).inc()
