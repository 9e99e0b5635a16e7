"""Bounds what a restore must read: states are written again, a few at a time, where their changelog has grown.

A changelog keeps what a state was before for a day at least, so that no zombie can make compaction drop what its
successor wrote. A restore reads none of that: it begins where a progress record says that every state of the table has
been written since. To come there, all states that a table has at one moment are written again as they are, once the
changelog has grown by several times as many records as that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Generic, TypeVar

from streams.engine.finishing import Batch
from streams.engine.table import TablePartition

GROWTH: Final = 8
"""Records by which a changelog grows for each state that is written again: an eighth more is written, at most."""

_LEAST_KEYS: Final = 250
_ROUND_CALLS: Final = 100

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Round(Generic[S]):
    """A table whose states are being written again.

    Attributes:
        since: Where the changelog ended when it began, as far as we know: all that is written from then on is behind.
        keys: Those which are left of what the table had then.
    """

    table: TablePartition[S]
    since: int
    keys: Iterator[bytes]

    def some(self) -> list[bytes]:
        """Return the next keys; none once all were returned."""
        return list(islice(self.keys, max(_LEAST_KEYS, len(self.table.states) // _ROUND_CALLS)))


@dataclass(slots=True)
class Rewriting(Generic[S]):
    """Chooses what is to be written again, one table at a time.

    Attributes:
        least: Records by which a changelog may grow, however few states there are.
        encode: Returns the value of a state in the changelog; states are as they were last written, or handed on to be.
    """

    least: int
    encode: Callable[[S], bytes]
    _round: _Round[S] | None = field(default=None, init=False)

    def next_of(self, tables: Mapping[int, TablePartition[S]]) -> Batch | None:
        """Return some states of *tables*, to be written behind all that was handed on before; None when none are due.

        The last batch of a table says since where its changelog then holds every state.
        """
        going = self._round
        if going is None or tables.get(going.table.partition) is not going.table:  # restored anew, or another worker's
            going = self._round = self._begun(tables)
        if going is None:
            return None
        table, keys = going.table, going.some()
        if not keys:
            self._round = None
            return Batch([], {table.partition: {}}, {}, since={table.partition: going.since})
        states = table.states
        return Batch([], {table.partition: {key: self.encode(states[key]) for key in keys if key in states}}, {})

    def _begun(self, tables: Mapping[int, TablePartition[S]]) -> _Round[S] | None:
        for table in tables.values():
            if table.changelog_next - table.since > max(self.least, GROWTH * len(table.states)):
                return _Round(table, table.changelog_next, iter(list(table.states)))
        return None
