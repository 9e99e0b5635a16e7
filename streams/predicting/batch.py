"""The records of a batch of slices side by side, and which of them can be worked on in columns next.

A match's events stay in order: those up to the first that is not usual go in columns, then that one and what follows it
up to the next usual one go singly, and so on, round after round, for all matches at once. A SCHEDULED is usual where it
is the first that is heard of its match.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.plain_layout import SCHEDULED
from streams.engine.table import TablePartition
from streams.intake import Refused
from streams.predicting.reading import Records

MOST_ROUNDS: Final = 6
"""In the last one, what is left goes singly."""

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class Batch:
    """Slices side by side.

    Attributes:
        records: Of the slices.
        names: Partition and key of each match.
        owners: Number of each record's match, shape ``(n,)``.
        states: Of the matches as they are now, encoded; empty where there is none.
        changed: Numbers of the matches whose state is not the table's any longer.
        left: Which records are not worked on yet; not those which are refused.
        announced: By the number of a match, the record of the usual SCHEDULED with which it begins.
        round: How often it was looked at what comes next.
    """

    records: Records
    names: Sequence[tuple[int, bytes]]
    owners: Longs
    states: list[bytes]
    left: Flags
    announced: Mapping[int, int]
    changed: set[int] = field(default_factory=set)
    round: int = 0

    @classmethod
    def of(cls, records: Records, tables: Mapping[int, TablePartition[bytes]]) -> "Batch":
        """Return *records* with their matches numbered."""
        known: dict[int, dict[bytes, int]] = {}
        names: list[tuple[int, bytes]] = []
        owners: list[int] = []
        end = 0
        for one in records.slices:
            partition = one.piece.partition
            keys = records.keys[end : (end := end + len(one.piece.records))]
            numbers = known.setdefault(partition, {})
            for key in dict.fromkeys(keys):
                if numbers.setdefault(key, len(names)) == len(names):
                    names.append((partition, key))
            owners += map(numbers.__getitem__, keys)
        states = [tables[partition].states.get(key, b"") for partition, key in names]
        left = np.ones(len(owners), np.bool_)
        if records.entries:
            left[[row for row, entry in records.entries.items() if isinstance(entry.event, Refused)]] = False
        matches = np.array(owners, np.int64)
        return cls(records, names, matches, states, left, _announced(records, matches, states, left))

    def open_matches(self) -> Longs:
        """Return the numbers of the matches of which records are left."""
        if self.left.all():
            return np.arange(len(self.names))
        return np.unique(self.owners[self.left])

    def next_rows(self, matches: Longs, plain: Flags) -> tuple[Longs, Longs]:
        """Return the records to be worked on in columns, and after them singly; they are not left any longer.

        Args:
            matches: As `open_matches` says.
            plain: Which of them can be worked on in columns.
        """
        self.round += 1
        rows = self.left.nonzero()[0]
        usual = self.records.events["plain"][rows]
        if usual.all() and plain.all():
            self.left[:] = False
            return rows, rows[:0]
        owners = self.owners[rows]
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


def _announced(records: Records, owners: Longs, states: Sequence[bytes], left: Flags) -> dict[int, int]:
    """Return the usual SCHEDULED of each match which begins with one; let all others be no usual events."""
    rows = np.flatnonzero(records.events["plain"] & (records.events["kind"] == SCHEDULED))
    if not len(rows):
        return {}
    among = left.nonzero()[0]
    firsts = _firsts(among, owners[among], len(states), len(owners))
    first = firsts[owners[rows]] == rows
    first &= [not states[owner] for owner in owners[rows].tolist()]
    records.events["plain"][rows[~first]] = False
    return dict(zip(owners[rows[first]].tolist(), rows[first].tolist(), strict=True))


def _firsts(rows: Longs, owners: Longs, n_matches: int, otherwise: int) -> Longs:
    """Return the first of *rows* of each match."""
    found = np.full(n_matches, otherwise, np.int64)
    np.minimum.at(found, owners, rows)
    return found
