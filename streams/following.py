"""Reads a topic while it grows: a thread with a consumer of all partitions, in no group; nothing is committed."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from streams.admin import Admin, TopicState
from streams.brokers import PATIENCE_SECONDS, BrokerError, quiet
from streams.engine.consuming import assign, consume
from streams.engine.fetching import GATHERED_BYTES
from streams.log_ends import LogEnds
from streams.settings import Settings

WATCH_GROUP = "watch"  # behind the prefix; nothing is committed
_WAIT_SECONDS = 0.1
_LOOK_SECONDS = 0.01
_TOGETHER = 500

Take = Callable[[str, Sequence[Any]], None]
"""Given the topic's id and librdkafka's messages of some partitions, in the order of each log."""


class Follower:
    """Reads committed records of one topic and hands them to *take*, in its thread, a few hundred at most at once.

    An outage of the brokers is waited out. Partitions which are added, and a topic which is made anew, are read from
    their beginning once `look` has seen them.

    Args:
        settings: Of the brokers.
        topic: Without prefix.
        take: What is done with the records.
        group_id: Under which it reads, where it may not under that of those who watch.
        wait_ms: How long the brokers wait for a record before they answer that there is none.
        gather_ms: How long they wait for more than one where nobody waits for the first; 0 for not at all.

    Attributes:
        topic: As the brokers know it.
        error: What ended the thread too early.
    """

    def __init__(  # noqa: PLR0917 - what lies between a topic and those who take
        self,
        settings: Settings,
        topic: str,
        take: Take,
        group_id: str | None = None,
        wait_ms: int = 5,
        gather_ms: int = 0,
    ) -> None:
        self._ends = LogEnds(settings, topic)
        self.topic = self._ends.topic
        self.error: BaseException | None = None
        self._admin = Admin(settings)
        self._take = take
        self._config = quiet(
            settings,
            group_id=group_id or f"{settings.topic_prefix}{WATCH_GROUP}",
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_wait_max_ms=gather_ms or wait_ms,
            fetch_min_bytes=GATHERED_BYTES if gather_ms else 1,
            enable_partition_eof=True,  # the end may lie behind the markers of a transaction
            auto_offset_reset="earliest",
        )
        self._consumer = Consumer(self._config)
        # Which log is read, and the next offset of each partition: replaced together.
        self._reading: tuple[str, dict[int, int]] = ("", {})
        self._changed: TopicState | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{topic}", daemon=True)

    @property
    def partitions(self) -> int:
        """How many partitions are read; 0 before the start."""
        return len(self._reading[1])

    def start(self, since_ms: int | None = None) -> None:
        """Begin to read what comes from now on, or what came since a time, milliseconds since the epoch.

        Raises:
            BrokerError: The brokers are away, or know no such topic.
        """
        state, places = self._described(), self.ends()
        if since_ms is not None:
            asked = [TopicPartition(self.topic, partition, since_ms) for partition in places]
            for found in self._consumer.offsets_for_times(asked, timeout=PATIENCE_SECONDS):
                if found.offset >= 0:
                    places[found.partition] = found.offset
        self._reading = (state.topic_id, places)
        assign(self._consumer, [TopicPartition(self.topic, *place) for place in places.items()])
        self._thread.start()

    def ends(self) -> dict[int, int]:
        """Return the offset after the last record of each partition; raises BrokerError."""
        return self._ends()

    def has_read(self, ends: Mapping[int, int]) -> bool:
        """Tell whether everything before *ends*, by partition, has been taken."""
        return not self.left(ends)

    def wait_until_read(self, patience: float = math.inf) -> None:
        """Return once everything which is in the topic now has been taken, or when it is closed.

        Raises:
            BrokerError: The brokers are away.
            RuntimeError: It cannot be read, or was not read in *patience* seconds.
        """
        ends, until = self.ends(), time.monotonic() + patience
        while not (self.has_read(ends) or self._ended.is_set()):
            if self.error is not None:
                raise RuntimeError(f"{self.topic} cannot be read: {self.error}") from self.error
            if time.monotonic() > until:
                raise RuntimeError(f"{self.topic} was not read to its end in {patience:.0f} s")
            time.sleep(_LOOK_SECONDS)

    def left(self, ends: Mapping[int, int]) -> int:
        """Return how many offsets before *ends* have not been taken."""
        places = self._reading[1]
        return sum(max(0, end - places.get(partition, 0)) for partition, end in ends.items())

    def look(self) -> bool:
        """Ask whether the topic has grown or was made anew, which the thread then takes up; tell whether it has.

        Raises:
            BrokerError: The brokers are away, or know no such topic.
        """
        state = self._described()
        topic_id, places = self._reading
        if (state.topic_id, state.partitions) == (topic_id, len(places)):
            return False
        self._changed = state
        return True

    def _described(self) -> TopicState:
        state = self._admin.topics([self.topic]).get(self.topic)
        if state is None:
            raise BrokerError(f"there is no topic {self.topic}; create it with: touchline topics create")
        return state

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._changed is not None:
                    self._take_up(self._changed)
                self._read(consume(self._consumer, _TOGETHER, _WAIT_SECONDS))
        except BaseException as error:  # noqa: BLE001 - told to whoever looks after us
            self.error = error

    def _take_up(self, state: TopicState) -> None:
        self._changed = None
        topic_id, places = self._reading
        known = places if state.topic_id == topic_id else {}
        if state.topic_id != topic_id:  # a consumer that has seen a topic go does not find the new one for minutes
            self._consumer.close()
            self._consumer = Consumer(self._config)
        places = {partition: known.get(partition, 0) for partition in range(state.partitions)}
        self._reading = (state.topic_id, places)
        starts = [TopicPartition(self.topic, one, known.get(one, OFFSET_BEGINNING)) for one in range(state.partitions)]
        assign(self._consumer, starts)

    def _read(self, found: Sequence[Any]) -> None:
        topic_id, places = self._reading
        records = [record for record in found if record.error() is None]
        if records:
            self._take(topic_id, records)
        for record in found:
            if record.error() is None:
                places[record.partition()] = record.offset() + 1
            elif record.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name for it
                places[record.partition()] = record.offset()

    def close(self) -> None:
        """End the thread and give the consumer back."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()
