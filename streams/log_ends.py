"""Where the logs of partitions begin and end, asked for all of them at once."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.brokers import PATIENCE_SECONDS, once_ready, one_sentence, quiet
from streams.settings import Settings

Place = tuple[str, int]
T = TypeVar("T")


def log_ends(client: AdminClient, places: Collection[Place], patience: float) -> dict[Place, tuple[int, int]]:
    """Return for each place the first offset, and the one after the last that a read_committed consumer may see.

    A partition without a leader, as one that was just made or moves, is waited for. Where leaders have changed since
    the client heard of them, it hears of them anew.

    Raises:
        KafkaException: The brokers do not answer within *patience* seconds, or refuse.
    """
    return once_ready(
        lambda: _of_its_leaders(client, places, patience, lambda: _ends(client, places, patience)), patience
    )


def offsets_at(client: AdminClient, places: Collection[Place], at_ms: int, patience: float) -> dict[Place, int]:
    """Return the offset of the first record as young as *at_ms* by place, -1 where there is none; else as log_ends."""
    where = dict.fromkeys((TopicPartition(*place) for place in places), OffsetSpec.for_timestamp(at_ms))

    def ask() -> dict[Place, int]:
        return _offsets(client.list_offsets(where, request_timeout=patience))

    return once_ready(lambda: _of_its_leaders(client, places, patience, ask), patience)


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


def _of_its_leaders(client: AdminClient, places: Collection[Place], patience: float, ask: Callable[[], T]) -> T:
    """Return what *ask* does; ask again where the client has missed a change of leaders, which it would not notice."""
    try:
        return ask()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.FENCED_LEADER_EPOCH:
            raise
    for topic in {topic for topic, _ in places}:
        client.list_topics(topic, timeout=patience)
    return ask()


def _ends(client: AdminClient, places: Collection[Place], patience: float) -> dict[Place, tuple[int, int]]:
    if not places:
        return {}
    where = [TopicPartition(*place) for place in places]
    low = client.list_offsets(dict.fromkeys(where, OffsetSpec.earliest()), request_timeout=patience)
    high = client.list_offsets(
        dict.fromkeys(where, OffsetSpec.latest()),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=patience,
    )
    lows, highs = _offsets(low), _offsets(high)
    return {place: (lows[place], highs[place]) for place in places}


def _offsets(answers: Mapping[Any, Any]) -> dict[Place, int]:
    return {(where.topic, where.partition): answer.result().offset for where, answer in answers.items()}
