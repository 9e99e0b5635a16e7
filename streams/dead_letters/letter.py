"""A dead letter as it is in its topic, and the mark which says that one was replayed."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.engine.dead_letters import SOURCE_HEADER, Cause

Headers = tuple[tuple[str, bytes | None], ...]
MARK = "replayed_letter"  # header of a record without value beside the letters: the identity of one that was replayed
REPLAYED_FROM = "replayed_from"
REPLAYED_SOURCE = "replayed_source"
REPLAYS = "replays"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; what a header should say and does not is empty or None.

    Attributes:
        topic: Of dead letters, by its name on the brokers.
        timestamp_ms: When it was set aside, milliseconds since the epoch.
        key: The source record's.
        value: The source record's bytes; None where there are none.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def place(self) -> str:
        """Return where it is."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> str:
        """Return what tells it from all others, also from those of a topic of the same name made anew."""
        return f"{self.place}/{self.timestamp_ms}"

    @property
    def cause(self) -> str:
        """Return the name of the cause."""
        return self._text("cause")

    @property
    def reason(self) -> str:
        """Return what was wrong with this very record."""
        return self._text("exception")

    @property
    def source_topic(self) -> str:
        """Return the topic it came from, by its name on the brokers."""
        return self._text("source_topic")

    @property
    def source_partition(self) -> int | None:
        """Return the partition it came from."""
        return self._number("source_partition")

    @property
    def source_offset(self) -> int | None:
        """Return the offset it came from."""
        return self._number("source_offset")

    @property
    def schema_id(self) -> int | None:
        """Return the id of the schema which its bytes name."""
        return self._number("schema_id")

    @property
    def source_place(self) -> str:
        """Return where the source record is."""
        return f"{self.source_topic}/{_shown(self.source_partition)}/{_shown(self.source_offset)}"

    @property
    def source_headers(self) -> Headers:
        """Return the headers which the source record had."""
        return tuple(
            (name.removeprefix(SOURCE_HEADER), content)
            for name, content in self.headers
            if name.startswith(SOURCE_HEADER)
        )

    @property
    def replays(self) -> int:
        """Return how often the source record had been replayed before it was set aside again."""
        return self._number(f"{SOURCE_HEADER}{REPLAYS}") or 0

    @property
    def first_source(self) -> str:
        """Return where the record was before any replay."""
        return self._text(f"{SOURCE_HEADER}{REPLAYED_SOURCE}") or self.source_place

    def _text(self, name: str) -> str:
        return (dict(self.headers).get(name) or b"").decode(errors="backslashreplace")

    def _number(self, name: str) -> int | None:
        text = self._text(name)
        return int(text) if text.isascii() and text.isdigit() else None


def _shown(number: int | None) -> str:
    return "?" if number is None else str(number)


def sentence_of(cause: str) -> str:
    """Return what *cause* means.

    >>> sentence_of("TRUNCATED")
    'The value ends inside the record.'
    """
    return Cause(cause).sentence if cause in {*Cause} else "No cause of this version of Touchline."


def mark_of(headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """Return the identity of the letter which a record with *headers* marks as replayed; None when it is a letter."""
    content = dict(headers).get(MARK)
    return None if content is None else content.decode(errors="backslashreplace")
