"""What must be true of the inputs before a worker reads them, so that nothing is skipped in silence."""

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, TopicPartition

UNFINISHED = "unfinished"  # among the inputs of a progress record: states are still being written, by a tool
_PATIENCE_SECONDS = 30.0


class InputError(RuntimeError):
    """Raised when reading on would skip events or mix two logs; the sentence says how many and what to do."""


def committed_offsets(reader: Consumer, wanted: Sequence[TopicPartition]) -> dict[tuple[str, int], int | None]:
    """Return the group's committed offset of each partition; None where there is none."""
    return {
        (found.topic, found.partition): found.offset if found.offset >= 0 else None
        for found in reader.committed(list(wanted), timeout=_PATIENCE_SECONDS)
    }


def check_finished(known: Mapping[str, int]) -> None:
    """Raise InputError when the states of which *known* are the inputs are being written by a tool."""
    if UNFINISHED in known:
        raise InputError(
            "the states of this run id are not complete: a move was interrupted; run the same "
            "`touchline topics repartition` again"
        )


def check_position(
    topic: str,
    partition: int,
    known: Mapping[str, int],
    *,
    topic_id: str,
    committed: int | None,
    log: tuple[int, int],
) -> int:
    """Return where to go on: the committed offset, else what the table knows, else the start of the log.

    Args:
        topic: Name on the brokers.
        partition: Which partition.
        known: Next offset by ``topic@topic id``, from the table's changelog.
        topic_id: The topic's id now.
        committed: The group's committed offset.
        log: First offset in the log and the one after the last.

    Raises:
        InputError: The table is not complete, the topic was made anew, or events between the last position and the log
            are gone.
    """
    check_finished(known)
    where = f"{topic}[{partition}]"
    low, high = log
    for name, offset in known.items():
        if name.startswith(f"{topic}@") and name != f"{topic}@{topic_id}":
            raise InputError(
                f"{topic} was deleted and made anew: the state holds offsets up to {offset} of {where} in the earlier "
                f"topic, and the new one has {high - low} events; start over with `touchline reset`"
            )
    position = committed if committed is not None else known.get(f"{topic}@{topic_id}")
    if position is None:
        return low
    if position < low:
        raise InputError(
            f"{low - position} events of {where} are gone: retention deleted offsets {position} to {low - 1} before "
            f"they were predicted; go on without them with `touchline reset`"
        )
    if position > high:
        raise InputError(
            f"{where} ends at offset {high}, but offset {position} was committed: "
            f"{position - high} events are gone from the log; start over with `touchline reset`"
        )
    return position
