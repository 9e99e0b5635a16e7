"""Tumbling windows of event time, and the merging of what several workers counted in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray


class Addable(Protocol):
    """Counts which add."""

    def __add__(self, other: Any, /) -> Any:
        """Return the counts of both."""
        ...


Content = TypeVar("Content")
Counts = TypeVar("Counts", bound=Addable)


@dataclass(frozen=True, slots=True)
class ClosedWindow(Generic[Content]):
    """A window that no event can enter any more: from start_ms up to, not including, end_ms of event time."""

    start_ms: int
    end_ms: int
    content: Content


class TumblingWindows(Generic[Content]):
    """Open windows of one partition, aligned to the epoch; each event is in one of them.

    The watermark is the highest event time seen less the lateness allowed. A window closes when the watermark reaches
    its end; an event that comes for a closed window is late, and counted. Each event is judged by those before it
    alone, so that it does not matter in what slices they come.

    Args:
        size_ms: Length of a window.
        lateness_ms: How much later than the newest event one may come.
        new: Makes the content of a window, given its start in ms.
    """

    def __init__(self, size_ms: int, lateness_ms: int, new: Callable[[int], Content]) -> None:
        if size_ms < 1 or lateness_ms < 0:
            raise ValueError(
                f"windows of {size_ms} ms with {lateness_ms} ms of lateness; sizes start at 1, lateness at 0"
            )
        self._size_ms = size_ms
        self._lateness_ms = lateness_ms
        self._new = new
        self._open: dict[int, Content] = {}
        self._newest_ms: int | None = None
        self._late = 0

    @property
    def watermark_ms(self) -> int | None:
        """Event time up to which windows are closed; None before the first event."""
        return None if self._newest_ms is None else self._newest_ms - self._lateness_ms

    @property
    def late(self) -> int:
        """Events that came after their window had closed."""
        return self._late

    @property
    def open(self) -> dict[int, Content]:
        """Contents of the windows not yet taken by `close`, by start, oldest first; a copy of the table."""
        return dict(sorted(self._open.items()))

    def at(self, time_ms: int) -> Content | None:
        """Return the content of the window of an event at *time_ms*; None when it is late."""
        found = self.split([time_ms])
        return found[0][0] if found else None

    def split(self, times_ms: Sequence[int] | NDArray[np.int64]) -> list[tuple[Content, NDArray[np.intp]]]:
        """Return the windows of events at *times_ms*, in the order they came, each with the places of its events."""
        times = np.asarray(times_ms, dtype=np.int64)
        if times.size == 0:
            return []
        if self._newest_ms is None:
            self._newest_ms = int(times[0])
        newest = np.maximum.accumulate(np.maximum(times, self._newest_ms))
        starts = times - times % self._size_ms
        in_time = starts + self._size_ms > newest - self._lateness_ms
        self._newest_ms = int(newest[-1])
        self._late += int(np.count_nonzero(~in_time))
        return [
            (self._content(int(start)), np.flatnonzero(in_time & (starts == start)))
            for start in np.unique(starts[in_time])
        ]

    def close(self) -> list[ClosedWindow[Content]]:
        """Return the windows that the watermark has passed since the last call, oldest first, and forget them."""
        watermark = self.watermark_ms
        if watermark is None:
            return []
        starts = sorted(start for start in self._open if start + self._size_ms <= watermark)
        return [ClosedWindow(start, start + self._size_ms, self._open.pop(start)) for start in starts]

    def to_dict(self, content: Callable[[Content], Any]) -> dict[str, Any]:
        """Return the state as plain values; *content* turns that of one window into such."""
        windows = [[start, content(value)] for start, value in self.open.items()]
        return {"newest_ms": self._newest_ms, "late": self._late, "open": windows}

    def restore(self, fields: Mapping[str, Any], content: Callable[[Any], Content]) -> None:
        """Take the state that `to_dict` wrote, in place of ours."""
        self._newest_ms, self._late = fields["newest_ms"], fields["late"]
        self._open = {start: content(value) for start, value in fields["open"]}

    def _content(self, start_ms: int) -> Content:
        if start_ms not in self._open:
            self._open[start_ms] = self._new(start_ms)
        return self._open[start_ms]


@dataclass(frozen=True, slots=True)
class _Partial(Generic[Counts]):
    sequence: int
    closed: bool
    counts: Counts


class PartialMerge(Generic[Counts]):
    """Cumulative counts per window and source partition, merged by one reader, in any order and however often sent.

    Of each partition and window the partial with the highest sequence counts; the total of a window is their sum.
    """

    def __init__(self) -> None:
        self._partials: dict[int, dict[int, _Partial[Counts]]] = {}
        self._taken_until_ms: int | None = None
        self._late = 0

    @property
    def late(self) -> int:
        """Partials that came after their window had been taken."""
        return self._late

    @property
    def windows(self) -> list[int]:
        """Starts of the windows not yet taken, oldest first."""
        return sorted(self._partials)

    def add(self, start_ms: int, partition: int, sequence: int, counts: Counts, *, closed: bool = False) -> bool:
        """Take a partial; return whether it was newer than what is known.

        Args:
            start_ms: Start of its window.
            partition: Source partition whose records it counts.
            sequence: Offset after the last record counted, or another number that rises.
            counts: All its records of that window up to the sequence, not only the new ones.
            closed: Whether the partition's watermark has passed the window.
        """
        if self._taken_until_ms is not None and start_ms <= self._taken_until_ms:
            self._late += 1
            return False
        known = self._partials.setdefault(start_ms, {}).get(partition)
        if known is not None and (sequence, closed) <= (known.sequence, known.closed):
            return False
        self._partials[start_ms][partition] = _Partial(sequence, closed, counts)
        return True

    def is_closed(self, start_ms: int, partitions: Collection[int]) -> bool:
        """Return whether every one of *partitions* has closed the window."""
        known = self._partials.get(start_ms, {})
        return all(partition in known and known[partition].closed for partition in partitions)

    def total(self, start_ms: int) -> Counts:
        """Return the sum over the partitions; KeyError for a window that nobody has counted."""
        parts = self._partials[start_ms]
        first, *others = (parts[partition].counts for partition in sorted(parts))
        merged = first
        for other in others:
            merged = merged + other
        return merged

    def take(self, start_ms: int) -> Counts:
        """Return the total and forget the window with all before it: later partials for these are late."""
        merged = self.total(start_ms)
        self._partials = {start: parts for start, parts in self._partials.items() if start > start_ms}
        self._taken_until_ms = start_ms
        return merged

    def to_dict(self, counts: Callable[[Counts], Any]) -> dict[str, Any]:
        """Return the state as plain values; *counts* turns those of one partial into such."""
        rows = [
            [start, partition, part.sequence, part.closed, counts(part.counts)]
            for start, parts in self._partials.items()
            for partition, part in parts.items()
        ]
        return {"taken_until_ms": self._taken_until_ms, "late": self._late, "partials": rows}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], counts: Callable[[Any], Counts]) -> PartialMerge[Counts]:
        """Return the state that `to_dict` wrote."""
        merge = cls()
        for start, partition, sequence, closed, value in fields["partials"]:
            merge.add(start, partition, sequence, counts(value), closed=closed)
        merge._taken_until_ms, merge._late = fields["taken_until_ms"], fields["late"]
        return merge
