"""Which dead letters are meant."""

from dataclasses import dataclass

from streams.dead_letters.letter import Letter


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions which all must hold; an empty one always does.

    Attributes:
        topics: Source topics, by their names on the brokers.
        since_ms: First moment at which it was set aside; milliseconds since the epoch, as until_ms.
        until_ms: The moment after the last.
        places: Partitions and offsets in the topic of dead letters.
    """

    causes: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    schema_ids: frozenset[int] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    places: frozenset[tuple[int, int]] = frozenset()

    def takes(self, letter: Letter) -> bool:
        """Tell whether *letter* is meant."""
        return (
            (not self.causes or letter.cause in self.causes)
            and (not self.topics or letter.source_topic in self.topics)
            and (not self.schema_ids or letter.schema_id in self.schema_ids)
            and (self.since_ms is None or letter.timestamp_ms >= self.since_ms)
            and (self.until_ms is None or letter.timestamp_ms < self.until_ms)
            and (not self.places or (letter.partition, letter.offset) in self.places)
        )
