"""From the bytes of a slice to columns of the usual events, and to an entry for each other record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.codec import Codec
from schemas.flat_texts import starts_of
from schemas.partitioning import partitions_of
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import layout_of
from schemas.records import MatchEvent
from streams.engine.job import Decoded
from streams.engine.slices import Slice
from streams.intake import Entry, Intake, is_misplaced
from streams.predicting.wiring import Event

_HEADER = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """What the records of a slice say.

    Attributes:
        events: EVENT_ROW, one a record; the plain ones are read.
        content: The values, one behind the other; where the ids of events lie.
        keys: Of the records; empty for none.
        offsets: Of the records.
        timestamps_ms: Of the records.
        entries: Of the records which are not plain, by their index.
    """

    events: NDArray[np.void]
    content: bytes
    keys: Sequence[bytes]
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    entries: Mapping[int, Entry[Event]]


@dataclass(slots=True)
class SliceReader:
    """Reads slices.

    Attributes:
        match_events: Name of the topic which has usual events.
    """

    intake: Intake[Event]
    match_events: str
    codec: Codec[MatchEvent]
    _layouts: dict[int, NDArray[np.int64] | None] = field(default_factory=dict)

    def read(self, piece: Slice) -> Decoded[Reading]:
        """Return what *piece* says; see Job.decode."""
        records = piece.records
        values = [record.value or b"" for record in records]
        reading = Reading(
            np.zeros(len(records), EVENT_ROW),
            b"".join(values),
            [record.key or b"" for record in records],
            np.fromiter((record.offset for record in records), np.int64, len(records)),
            np.fromiter((record.timestamp for record in records), np.int64, len(records)),
            entries := {},
        )
        if piece.topic == self.match_events:
            self._read_plain(reading, values, piece.partition)
        for row in np.flatnonzero(~reading.events["plain"]).tolist():
            entries[row] = self.intake.entry(piece, records[row])
        return Decoded(piece, reading, misplaced=any(is_misplaced(entry.event) for entry in entries.values()))

    def _read_plain(self, reading: Reading, values: Sequence[bytes], partition: int) -> None:
        schema_id = int.from_bytes(values[0][1:_HEADER])  # others in the slice go the way of single records
        layout = self._layout(schema_id)
        if layout is None:
            return
        keys, key_starts = np.frombuffer(b"".join(reading.keys), np.uint8), starts_of(reading.keys)
        read_plain_events(
            np.frombuffer(reading.content, np.uint8), starts_of(values), keys, key_starts, reading.timestamps_ms,
            schema_id, layout, reading.events,
        )  # fmt: skip
        misplaced = partitions_of(keys, key_starts, self.intake.partitions) != partition
        reading.events["plain"][misplaced] = False

    def _layout(self, schema_id: int) -> NDArray[np.int64] | None:
        if schema_id not in self._layouts:
            writer = self.codec.schema_of(schema_id)
            if writer is None:
                return None  # it may yet be learnt
            self._layouts[schema_id] = layout_of(writer)
        return self._layouts[schema_id]
