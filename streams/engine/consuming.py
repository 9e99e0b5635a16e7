"""What librdkafka's consumers do at once only when they are asked in the right way."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

_LEADERS_SECONDS: Final = 1.0


def assign(consumer: Any, positions: Collection[TopicPartition]) -> None:
    """Let *consumer* read from *positions*, and nothing else, at once.

    Of a topic that is new to it, a consumer which is connected already asks for the leaders at the next tick of a clock
    that ticks once a second. Here it is told to ask before; brokers that are away it finds by itself.
    """
    for topic in sorted({one.topic for one in positions}):
        with suppress(KafkaException):
            consumer.list_topics(topic, timeout=_LEADERS_SECONDS)
    consumer.assign(list(positions))


def consume(consumer: Any, most: int, seconds: float) -> list[Any]:
    """Return up to *most* messages and errors which are there; wait up to *seconds* for the first, and for no other.

    librdkafka's own waits for all of them.
    """
    first = consumer.poll(seconds)
    return [] if first is None else [first, *consumer.consume(most - 1, 0)]
