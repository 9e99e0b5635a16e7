"""Where the logs of partitions begin and end, asked for all of them at once."""

from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.brokers import once_ready

Place = tuple[str, int]


def log_ends(client: AdminClient, places: Collection[Place], patience: float) -> dict[Place, tuple[int, int]]:
    """Return for each place the first offset, and the one after the last that a read_committed consumer may see.

    A partition without a leader, as one that was just made or moves, is waited for.

    Raises:
        KafkaException: The brokers do not answer within *patience* seconds, or refuse.
    """
    return once_ready(lambda: _ends(client, places, patience), patience)


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
