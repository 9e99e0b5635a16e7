"""Where the logs of partitions begin and end, asked for all of them at once."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

Place = tuple[str, int]
_NO_LEADER = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
_POLL_SECONDS = 0.02


def log_ends(client: AdminClient, places: Collection[Place], patience: float) -> dict[Place, tuple[int, int]]:
    """Return for each place the first offset, and the one after the last that a read_committed consumer may see.

    A partition without a leader, as one that was just made or moves, is waited for.

    Raises:
        KafkaException: The brokers do not answer within *patience* seconds, or refuse.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return _ends(client, places, patience)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


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
