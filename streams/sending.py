"""One producer for a tool: idempotent, partitioned as Kafka's own clients do, and sure of what was delivered."""

from typing import Any

from confluent_kafka import KafkaException, Producer

from streams.brokers import PATIENCE_SECONDS, BrokerError, once_ready, one_sentence, quiet, sentence
from streams.settings import Settings

_DELIVERY_SECONDS = 60.0  # a tool has no session which ends meanwhile


class Sender:
    """Sends to one topic, which must exist; `finish` tells whether all arrived.

    Args:
        settings: Of the brokers.
        topic: Name on the brokers.
        patience: Seconds which these have to say that they have it.
        just_created: Whether a broker that does not know it is asked again, since it may not have heard of it yet.

    Attributes:
        topic: Name on the brokers.
        sent: Records handed over so far.
    """

    def __init__(
        self, settings: Settings, topic: str, patience: float = PATIENCE_SECONDS, *, just_created: bool = False
    ) -> None:
        self.topic, self.sent = topic, 0
        self._settings = settings
        self._failure: BrokerError | None = None
        self._producer = Producer(
            {
                **quiet(settings, enable_idempotence=True, partitioner="murmur2_random", linger_ms=2),
                "message.timeout.ms": int(_DELIVERY_SECONDS * 1000),
                "message.max.bytes": 50 * 1024 * 1024,  # ours is not the limit: the topic's is
                "queue.buffering.max.messages": 1_000_000,
                "delivery.report.only.error": True,
                "on_delivery": self._failed,
            }
        )
        with one_sentence(settings, f"looking for topic {topic}"):
            once_ready(lambda: self._look(patience), patience if just_created else 0.0, just_created=just_created)

    def _look(self, patience: float) -> None:
        error = self._producer.list_topics(self.topic, timeout=patience).topics[self.topic].error
        if error is not None:
            raise KafkaException(error)

    def send(self, key: bytes, value: bytes | None, timestamp_ms: int = 0, partition: int = -1) -> None:
        """Hand one record over; a value of None takes the key out of a compacted topic.

        Args:
            key: Says which partition, unless one is given.
            value: What.
            timestamp_ms: 0 is now.
            partition: -1 is murmur2 of the key.

        Raises:
            BrokerError: A record before it was refused.
        """
        self._check()
        while True:
            try:
                self._producer.produce(self.topic, value, key, partition, timestamp=timestamp_ms)
            except BufferError:
                self._producer.poll(0.05)  # the queue is full: the brokers are slower than we are
                self._check()
            except KafkaException as error:
                raise BrokerError(sentence(self._settings, f"sending to {self.topic}", error.args[0])) from error
            else:
                self.sent += 1
                return

    def serve(self) -> None:
        """Take in what the brokers said meanwhile.

        Raises:
            BrokerError: A record was refused.
        """
        self._producer.poll(0)
        self._check()

    def finish(self) -> int:
        """Wait until every record is on the brokers; return how many.

        Raises:
            BrokerError: Not all arrived.
        """
        left = self._producer.flush(_DELIVERY_SECONDS + 5)
        self._check()
        if left:
            raise BrokerError(f"{left} of {self.sent} records were not delivered to {self.topic} in time")
        return self.sent

    def _failed(self, error: Any, _record: Any) -> None:
        if self._failure is None:
            self._failure = BrokerError(sentence(self._settings, f"sending to {self.topic}", error))

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
