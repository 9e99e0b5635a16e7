"""How many records a topic has got since we began to look."""

import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.brokers import PATIENCE_SECONDS, quiet
from streams.engine.consuming import assign, consume
from streams.log_ends import LogEnds
from streams.playing.errors import PlayError
from streams.settings import Settings

_BATCH = 5000


class Arrivals:
    """Counts the records which come to a topic after this was made; reads them, since offsets count markers too."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._ends = LogEnds(settings, topic)
        self._topic = self._ends.topic
        self._reader = Consumer(
            quiet(
                settings,
                group_id=f"{settings.topic_prefix}count",
                enable_auto_commit=False,
                isolation_level="read_committed",
                enable_partition_eof=True,
                auto_offset_reset="earliest",
                fetch_wait_max_ms=10,
            )
        )
        self._start = self._ends()

    def count(self) -> int:
        """Return the number of records until now.

        Raises:
            PlayError: The brokers did not hand them out.
        """
        wanted = {one for one, end in self._ends().items() if end > self._start[one]}
        assign(self._reader, [TopicPartition(self._topic, one, self._start[one]) for one in wanted])
        count, until = 0, time.monotonic() + 10 * PATIENCE_SECONDS
        while wanted:
            if time.monotonic() > until:
                raise PlayError(f"{self._topic} could not be read to its end")
            for record in consume(self._reader, _BATCH, 0.02):
                if record.error() is None:
                    count += 1
                elif record.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                    wanted.discard(record.partition())
        self._reader.unassign()
        return count

    def close(self) -> None:
        """Give the reader back."""
        self._reader.close()
