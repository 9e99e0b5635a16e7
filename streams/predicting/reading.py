"""From the bytes of slices to columns of the usual events, and to an entry for each other record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from schemas.codec import Codec
from schemas.flat_texts import starts_of
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import layout_of
from schemas.records import MatchEvent
from streams.engine.job import Decoded
from streams.engine.slices import Record, Slice
from streams.intake import Entry, Intake
from streams.predicting.wiring import Event

_HEADER = 5
_NOTHING = b""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a slice before its batch is known.

    Attributes:
        header: With which the other records begin: they are read with the batch. Empty where there are none.
        values: Of the records; empty for none.
        entries: Of those which were read alone, by their index.
    """

    header: bytes
    values: Sequence[bytes]
    entries: Mapping[int, Entry[Event]]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a batch, slice behind slice.

    Attributes:
        slices: As they were decoded.
        each: The records.
        pieces: Index of the slice of each record.
        keys: Of the records; empty for none.
        content: The values, one behind the other; where the ids of events lie.
        offsets: Of the records.
        timestamps_ms: Of the records.
        events: EVENT_ROW, one a record; the plain ones are read.
        entries: Of the records which are not plain, by their index.
    """

    slices: Sequence[Decoded[Reading]]
    each: Sequence[Record]
    pieces: NDArray[np.int64]
    keys: Sequence[bytes]
    content: bytes
    offsets: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    events: NDArray[np.void]
    entries: dict[int, Entry[Event]]


@dataclass(slots=True)
class SliceReader:
    """Reads slices.

    Attributes:
        match_events: Name of the topic which has usual events.
    """

    intake: Intake[Event]
    match_events: str
    codec: Codec[MatchEvent]
    _layouts: dict[bytes, NDArray[np.int64] | None] = field(default_factory=dict)

    def read(self, piece: Slice) -> Decoded[Reading]:
        """Return what *piece* says but for its usual events, whose schema is known; see Job.decode."""
        values = [record.value or _NOTHING for record in piece.records]
        header = self._header(piece.topic, values[0])
        entries: dict[int, Entry[Event]] = {}
        if not header or {value[:_HEADER] for value in values} != {header}:
            for row, value in enumerate(values):
                if not header or value[:_HEADER] != header:
                    entries[row] = self.intake.entry(piece, piece.records[row])
        return Decoded(piece, Reading(header, values, entries))

    def _header(self, topic: str, first: bytes) -> bytes:
        """Return how the usual events of a slice begin; others in it go the way of single records."""
        header = first[:_HEADER] if topic == self.match_events else _NOTHING
        return _NOTHING if self._layout(header) is None else header

    def _layout(self, header: bytes) -> NDArray[np.int64] | None:
        if header not in self._layouts:
            writer = self.codec.schema_of(_schema_id(header)) if len(header) == _HEADER and not header[0] else None
            if writer is None:
                return None  # it may yet be learnt
            self._layouts[header] = layout_of(writer)
        return self._layouts[header]

    def together(self, slices: Sequence[Decoded[Reading]]) -> Records:
        """Return all that *slices* say, at least one."""
        records = list(chain.from_iterable(one.piece.records for one in slices))
        lengths = [len(one.piece.records) for one in slices]
        starts = list(accumulate(lengths, initial=0))
        values = list(chain.from_iterable(one.entries.values for one in slices))
        entries = {
            start + row: entry
            for start, one in zip(starts, slices, strict=False)
            for row, entry in one.entries.entries.items()
        }
        found = Records(
            slices,
            records,
            np.arange(len(slices)).repeat(lengths),
            [record.key or _NOTHING for record in records],
            b"".join(values),
            np.array([record.offset for record in records], np.int64),
            np.array([record.timestamp for record in records], np.int64),
            np.zeros(len(records), EVENT_ROW),
            entries,
        )
        if self._read_plain(found, starts_of(values), starts) < len(records):
            for row in (~found.events["plain"]).nonzero()[0].tolist():
                if row not in entries:
                    entries[row] = self.intake.entry(slices[found.pieces[row]].piece, records[row])
        return found

    def _read_plain(self, found: Records, value_starts: NDArray[np.int64], starts: Sequence[int]) -> int:
        """Read the plain events and return how many they are."""
        values, keys = np.frombuffer(found.content, np.uint8), np.frombuffer(b"".join(found.keys), np.uint8)
        key_starts = starts_of(found.keys)
        homes = np.array([one.piece.partition for one in found.slices], np.int64)[found.pieces]
        count = 0
        for header, first, end in _runs([one.entries.header for one in found.slices], starts):
            layout = self._layouts[header]
            if layout is not None:
                count += read_plain_events(
                    values, value_starts[first : end + 1], keys, key_starts[first : end + 1], homes[first:end],
                    self.intake.partitions, found.timestamps_ms[first:end], _schema_id(header), layout,
                    found.events[first:end],
                )  # fmt: skip
        if found.entries:
            read_alone = list(found.entries)
            count -= int(found.events["plain"][read_alone].sum())
            found.events["plain"][read_alone] = False
        return count


def _schema_id(header: bytes) -> int:
    return int.from_bytes(header[1:])


def _runs(headers: Sequence[bytes], starts: Sequence[int]) -> list[tuple[bytes, int, int]]:
    """Return the records which can be read in one go, from the first to the end: almost always all.

    >>> _runs([b"", b"a", b"", b"a", b"b"], [0, 1, 2, 3, 4, 5])
    [(b'a', 0, 4), (b'b', 4, 5)]
    """
    found: list[tuple[bytes, int, int]] = []
    for header, first, end in zip(headers, starts, starts[1:], strict=False):
        if found and header in (_NOTHING, found[-1][0]):
            found[-1] = (found[-1][0], found[-1][1], end)
        elif header:
            found.append((header, first if found else 0, end))
    return found
