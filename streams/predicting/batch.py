"""The records of a batch of slices side by side, and which of them can be worked on in columns next.

A match's events stay in order: those up to the first that is not usual go in columns, then that one and what follows it
up to the next usual one go singly, and so on, round after round, for all matches at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streams.engine.job import Decoded
from streams.engine.table import TablePartition
from streams.intake import Refused
from streams.predicting.reading import Reading

MOST_ROUNDS: Final = 6
"""In the last one, what is left goes singly."""

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class Batch:
    """Slices side by side.

    Attributes:
        slices: As they were decoded.
        pieces: Index of the slice of each record, shape ``(n,)``.
        starts: Index of the first record of each slice.
        names: Partition and key of each match.
        owners: Number of each record's match, shape ``(n,)``.
        states: Of the matches as they are now, encoded; empty where there is none.
        changed: Numbers of the matches whose state is not the table's any longer.
        events: The columns of all records.
        offsets: Of all records.
        left: Which records are not worked on yet; not those which are refused.
        round: How often it was looked at what comes next.
    """

    slices: Sequence[Decoded[Reading]]
    pieces: Longs
    starts: Longs
    names: Sequence[tuple[int, bytes]]
    owners: Longs
    states: list[bytes]
    events: NDArray[np.void]
    offsets: Longs
    left: Flags
    changed: set[int] = field(default_factory=set)
    round: int = 0

    @classmethod
    def of(cls, slices: Sequence[Decoded[Reading]], tables: Mapping[int, TablePartition[bytes]]) -> "Batch":
        """Return *slices*, at least one, with their matches numbered."""
        keys: dict[int, dict[bytes, int]] = {}
        own = []
        for one in slices:
            numbers = keys.setdefault(one.piece.partition, {})
            numbered = (numbers.setdefault(key, len(numbers)) for key in one.entries.keys)
            own.append(np.fromiter(numbered, np.int64, len(one.entries.keys)))
        firsts = dict(zip(keys, np.cumsum([0, *map(len, keys.values())]).tolist(), strict=False))
        lengths = [len(numbers) for numbers in own]
        starts = np.cumsum([0, *lengths])[:-1]
        names = [(partition, key) for partition, numbers in keys.items() for key in numbers]
        left = np.ones(sum(lengths), np.bool_)
        left[_refused(slices, starts)] = False
        return cls(
            slices,
            np.repeat(np.arange(len(slices)), lengths),
            starts,
            names,
            np.concatenate([numbers + firsts[one.piece.partition] for one, numbers in zip(slices, own, strict=True)]),
            [tables[partition].states.get(key, b"") for partition, key in names],
            np.concatenate([one.entries.events for one in slices]),
            np.concatenate([one.entries.offsets for one in slices]),
            left,
        )

    def column(self, values: Sequence[Any], rows: Longs) -> Longs:
        """Return for each of *rows* the one of *values* which is its slice's."""
        return np.array(values, np.int64)[self.pieces[rows]]

    def open_matches(self) -> Longs:
        """Return the numbers of the matches of which records are left."""
        return np.unique(self.owners[self.left])

    def next_rows(self, matches: Longs, plain: Flags) -> tuple[Longs, Longs]:
        """Return the records to be worked on in columns, and after them singly; they are not left any longer.

        Args:
            matches: As `open_matches` says.
            plain: Which of them can be worked on in columns.
        """
        self.round += 1
        rows = np.flatnonzero(self.left)
        usual, owners = self.events["plain"][rows], self.owners[rows]
        end = len(self.left)
        barriers = _firsts(rows[~usual], owners[~usual], len(self.names), end)
        closed = np.zeros(len(self.names), np.bool_)
        closed[matches[~plain]] = True
        barriers[closed] = _firsts(rows, owners, len(self.names), end)[closed]
        behind = usual & (rows > barriers[owners])
        limits = _firsts(rows[behind], owners[behind], len(self.names), end)
        if self.round == MOST_ROUNDS:
            limits[:] = end
        elif self.round > 1:  # its fixture has not come in the first
            limits[closed] = end
        in_columns = rows < barriers[owners]
        singly = ~in_columns & (rows < limits[owners])
        self.left[rows[in_columns | singly]] = False
        return rows[in_columns], rows[singly]

    def put(self, match: int, state: bytes) -> None:
        """Remember the *state* of a match as it is now."""
        self.states[match] = state
        self.changed.add(match)


def _firsts(rows: Longs, owners: Longs, n_matches: int, otherwise: int) -> Longs:
    """Return the first of *rows* of each match."""
    found = np.full(n_matches, otherwise, np.int64)
    np.minimum.at(found, owners, rows)
    return found


def _refused(slices: Sequence[Decoded[Reading]], starts: Longs) -> list[int]:
    return list(
        chain.from_iterable(
            (start + row for row, entry in one.entries.entries.items() if isinstance(entry.event, Refused))
            for one, start in zip(slices, starts.tolist(), strict=True)
        )
    )
