"""From the bytes of slices to columns of the usual events, and to an entry for each other record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.codec import Codec
from schemas.flat_texts import starts_of
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import layout_of
from streams.engine.job import Decoded
from streams.engine.slices import Record, Slice
from streams.intake import Entry, Intake
from streams.predicting.wiring import Event

Usual: TypeAlias = tuple[str, bytes]

_HEADER = 5
_NOTHING = b""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a slice before its batch is known.

    Attributes:
        usual: Topic of the other records and how they begin: they are read with the batch. None where there are none.
        values: Of the records; empty for none.
        entries: Of those which were read alone, by their index.
    """

    usual: Usual | None
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
        content: The values, one behind the other; where the texts of events lie.
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
        codecs: Of the events of each topic.
    """

    intake: Intake[Event]
    codecs: Mapping[str, Codec[Any]]
    _layouts: dict[Usual, NDArray[np.int64] | None] = field(default_factory=dict)

    def read(self, piece: Slice) -> Decoded[Reading]:
        """Return what *piece* says but for its usual events, whose schema is known; see Job.decode."""
        values = [record.value or _NOTHING for record in piece.records]
        usual = piece.topic, values[0][:_HEADER]
        known = self._layout(usual) is not None
        if known and {value[:_HEADER] for value in values} == {usual[1]}:
            return Decoded(piece, Reading(usual, values, {}))
        entries = {
            row: self.intake.entry(piece, piece.records[row])
            for row, value in enumerate(values)
            if not known or value[:_HEADER] != usual[1]
        }
        return Decoded(piece, Reading(usual if known else None, values, entries))

    def _layout(self, usual: Usual) -> NDArray[np.int64] | None:
        topic, header = usual
        if usual not in self._layouts:
            codec = self.codecs[topic]
            writer = codec.schema_of(_schema_id(header)) if len(header) == _HEADER and not header[0] else None
            if writer is None:
                return None  # it may yet be learnt
            self._layouts[usual] = layout_of(writer, codec.name)
        return self._layouts[usual]

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
        for usual, first, end in _runs([one.entries.usual for one in found.slices], starts):
            layout = self._layouts[usual]
            if layout is not None:
                count += read_plain_events(
                    values, value_starts[first : end + 1], keys, key_starts[first : end + 1], homes[first:end],
                    self.intake.partitions, found.timestamps_ms[first:end], _schema_id(usual[1]), layout,
                    found.events[first:end],
                )  # fmt: skip
        if found.entries:
            read_alone = list(found.entries)
            count -= int(found.events["plain"][read_alone].sum())
            found.events["plain"][read_alone] = False
        return count


def _schema_id(header: bytes) -> int:
    return int.from_bytes(header[1:])


def _runs(usual: Sequence[Usual | None], starts: Sequence[int]) -> list[tuple[Usual, int, int]]:
    """Return the records which can be read in one go, from the first to the end.

    >>> _runs([None, ("a", b"1"), None, ("a", b"1"), ("b", b"2")], [0, 1, 2, 3, 4, 5])
    [(('a', b'1'), 0, 4), (('b', b'2'), 4, 5)]
    """
    found: list[tuple[Usual, int, int]] = []
    for one, first, end in zip(usual, starts, starts[1:], strict=False):
        if found and one in (None, found[-1][0]):
            found[-1] = (found[-1][0], found[-1][1], end)
        elif one is not None:
            found.append((one, first if found else 0, end))
    return found
