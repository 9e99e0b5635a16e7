"""The broker's clock against ours, by the time it stamps on a record in a topic that lives for a moment."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from confluent_kafka import Producer

from streams.admin import Admin
from streams.brokers import PATIENCE_SECONDS, BrokerError, one_sentence, quiet, sentence
from streams.settings import Settings

_SAMPLES = 3


def clock_difference(settings: Settings, admin: Admin, now: Callable[[], float] = time.time) -> float:
    """Return by how many seconds the broker's clock is ahead of ours; the quickest of a few answers counts.

    Raises:
        BrokerError: The topic may not be created, or the broker does not answer.
    """
    topic = f"{settings.topic_prefix}touchline-clock-{uuid.uuid4().hex[:8]}"
    admin.create_topic(topic, 1, {"message.timestamp.type": "LogAppendTime"})
    try:
        producer = Producer(quiet(settings, linger_ms=0, message_timeout_ms=int(PATIENCE_SECONDS * 1000)))
        samples = [_sample(settings, producer, topic, now) for _ in range(_SAMPLES + 1)][1:]  # the first one connects
    finally:
        with suppress(BrokerError):
            admin.delete_topics([topic])
    return min(samples)[1]


def _sample(settings: Settings, producer: Any, topic: str, now: Callable[[], float]) -> tuple[float, float]:
    """Return the time an answer took, and the difference against the middle of it."""
    stamps: list[float] = []

    def delivered(error: Any, record: Any) -> None:
        if error is not None:
            raise BrokerError(sentence(settings, "asking the broker for its time", error))
        stamps.append(record.timestamp()[1] / 1000)

    asked = now()
    with one_sentence(settings, "asking the broker for its time"):
        producer.produce(topic, b"", on_delivery=delivered)
        producer.flush(PATIENCE_SECONDS)
    took = now() - asked
    if not stamps:
        raise BrokerError(f"no broker stamped a record within {PATIENCE_SECONDS:.0f} s")
    return took, stamps[0] - (asked + took / 2)
