"""Where the partitions of a topic end at present."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.brokers import PATIENCE_SECONDS, one_sentence, quiet
from streams.log_ends import log_ends
from streams.settings import Settings


class LogEnds:
    """Asks for the ends of one topic; owns a client of its own, since a consumer's queries wait behind its fetches."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = settings.topic(topic)
        self._settings = settings
        self._client = AdminClient(quiet(settings))

    def __call__(self) -> dict[int, int]:
        """Return the offset after the last record of each partition.

        Raises:
            BrokerError: The brokers are away or know no such topic.
        """
        with one_sentence(self._settings, f"reading {self.topic}"):
            found = self._client.list_topics(self.topic, timeout=PATIENCE_SECONDS).topics[self.topic]
            if found.error is not None:
                raise KafkaException(found.error)
            ends = log_ends(self._client, [(self.topic, one) for one in found.partitions], PATIENCE_SECONDS)
            return {partition: high for (_, partition), (_, high) in ends.items()}
