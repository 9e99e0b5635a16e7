"""Where a record goes that cannot be used: its bytes unchanged, with its cause and its origin as headers."""

from enum import StrEnum

from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice

_MAGIC_AND_ID = 5
SOURCE_HEADER = "source_header:"  # stands before the name of each header which the source record had


class Cause(StrEnum):
    """Why a record was set aside."""

    TOO_SHORT = "TOO_SHORT"
    WRONG_MAGIC = "WRONG_MAGIC"
    TRUNCATED = "TRUNCATED"
    TRAILING_BYTES = "TRAILING_BYTES"
    UNDECODABLE = "UNDECODABLE"
    UNREGISTERED_SCHEMA = "UNREGISTERED_SCHEMA"
    UNREADABLE_SCHEMA = "UNREADABLE_SCHEMA"
    IMPOSSIBLE_VALUE = "IMPOSSIBLE_VALUE"
    EMPTY_KEY = "EMPTY_KEY"
    KEY_MISMATCH = "KEY_MISMATCH"
    WRONG_PARTITION = "WRONG_PARTITION"
    FUTURE_EVENT = "FUTURE_EVENT"
    NEVER_SCHEDULED = "NEVER_SCHEDULED"
    OUTPUT_TOO_LARGE = "OUTPUT_TOO_LARGE"

    @property
    def sentence(self) -> str:
        """Return what it means and what would have been right."""
        return _SENTENCES[self]


_SENTENCES = {
    Cause.TOO_SHORT: "The value is shorter than magic byte and schema id; produce with an Avro serializer.",
    Cause.WRONG_MAGIC: "The first byte is not 0; produce with an Avro serializer of the registry.",
    Cause.TRUNCATED: "The value ends inside the record.",
    Cause.TRAILING_BYTES: "There are bytes after the record.",
    Cause.UNDECODABLE: "The bytes are not what their schema says.",
    Cause.UNREGISTERED_SCHEMA: "The registry knows no schema of this id; register it first.",
    Cause.UNREADABLE_SCHEMA: "The schema it was written with cannot be read as ours.",
    Cause.IMPOSSIBLE_VALUE: "A value is outside of what can be.",
    Cause.EMPTY_KEY: "The key is empty; it must be the match_id.",
    Cause.KEY_MISMATCH: "The key is not the match_id in the value.",
    Cause.WRONG_PARTITION: "The partition is not murmur2 of the key; set partitioner=murmur2_random.",
    Cause.FUTURE_EVENT: "The event time is more than 24 h after the record's timestamp.",
    Cause.NEVER_SCHEDULED: "No SCHEDULED event of this match came within seven days.",
    Cause.OUTPUT_TOO_LARGE: "What was made of it is larger than the output topic takes.",
}


def dead_letter(topic: str, piece: Slice, record: Record, *, cause: Cause, reason: str, worker: str) -> Message:
    """Return the message which sets *record* aside: same key, same bytes, and headers that say why and from where.

    The headers of the record itself come after ours, by prefixed names.
    """
    value = record.value
    has_id = value is not None and len(value) >= _MAGIC_AND_ID and value[0] == 0
    schema_id = int.from_bytes(value[1:_MAGIC_AND_ID], "big") if has_id and value is not None else ""
    headers = {
        "cause": cause.value,
        "exception": reason,
        "source_topic": piece.topic,
        "source_partition": piece.partition,
        "source_offset": record.offset,
        "source_timestamp_ms": record.timestamp,
        "schema_id": schema_id,
        "worker": worker,
    }
    ours = [(name, str(text).encode()) for name, text in headers.items()]
    theirs = [(f"{SOURCE_HEADER}{name}", content) for name, content in record.headers]
    return Message(topic, record.key, value, headers=[*ours, *theirs], source=(piece, record))


def cause_of(letter: Message) -> Cause:
    """Return why *letter*, which `dead_letter` made, was set aside."""
    return Cause(dict(letter.headers)["cause"].decode())
