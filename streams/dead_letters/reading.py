"""The topic of dead letters, read from its beginning to its present end."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from streams.brokers import one_sentence
from streams.dead_letters.letter import Letter, mark_of
from streams.dead_letters.selection import Selection
from streams.engine.reading_back import read_back
from streams.settings import Settings
from streams.tailing import TAIL_GROUP, Tail


@dataclass(frozen=True, slots=True)
class Mark:
    """Says that a letter was replayed.

    Attributes:
        identity: The letter's.
        timestamp_ms: When, milliseconds since the epoch.
    """

    identity: str
    timestamp_ms: int


def read_letters(settings: Settings) -> Iterator[Letter | Mark]:
    """Yield letters and marks; the mark of a letter comes after it.

    Raises:
        BrokerError: The brokers do not answer, or there is no such topic.
    """
    with closing(Tail(settings, settings.topic("dead-letters"))) as tail:
        for record in tail.records("earliest", key=None, follow=False):
            yield letter_of(record)


def letter_of(record: Any) -> Letter | Mark:
    """Return what librdkafka's message *record* of the topic is."""
    headers = tuple(record.headers() or ())
    timestamp_ms = record.timestamp()[1]
    identity = mark_of(headers)
    if identity is not None:
        return Mark(identity, timestamp_ms)
    return Letter(
        record.topic(), record.partition(), record.offset(), timestamp_ms, record.key(), record.value(), headers
    )


def selected(settings: Settings, selection: Selection) -> Iterator[Letter]:
    """Yield the letters which *selection* takes; errors as of read_letters."""
    for one in read_letters(settings):
        if isinstance(one, Letter) and selection.takes(one):
            yield one


def read_marks(settings: Settings) -> dict[str, int]:
    """Return when each replayed letter was replayed last, by its identity; errors as of read_letters."""
    return {one.identity: one.timestamp_ms for one in read_letters(settings) if isinstance(one, Mark)}


def read_letter(settings: Settings, partition: int, offset: int) -> Letter:
    """Return one letter.

    Raises:
        LookupError: There is none at this place.
        BrokerError: The brokers do not answer, or there is no such partition.
    """
    topic = settings.topic("dead-letters")
    config = settings.librdkafka(group_id=f"{settings.topic_prefix}{TAIL_GROUP}")
    with one_sentence(settings, f"reading {topic}[{partition}]"):
        found = read_back(config, [(topic, partition, offset)]).get((topic, partition, offset))
    if found is None or mark_of(found.headers) is not None:
        raise LookupError(f"there is no dead letter at {topic}/{partition}/{offset}")
    return Letter(topic, partition, offset, found.timestamp, found.key, found.value, tuple(found.headers))
