"""The open windows of one partition of predictions: folded, written now and then, and read back without a loss.

What is kept are the parts of the windows, the remembered ids and one head. Each entry says up to which offset it
counts, and the head, written after the entries before it, up to which offset all of them do. After a fall the
predictions from the head's offset on are folded again; a part that was written ahead of the head leaves out those it
has. So a partition can be written as seldom as is wanted, if only no offset beyond the head's is committed.
"""

import json
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from monitors.windows import TumblingWindows
from schemas.records import MonitorState, PartialKind, Prediction
from streams.monitoring.parts import PART_KEY, ModelKey, Part, Parts, Row, compact
from streams.monitoring.remembered import RememberedIds

HEAD_KEY = b"head"
IDS_KEY = b"ids/"
KINDS = (PartialKind.DRIFT, PartialKind.LATENCY)
_TIMES: Mapping[PartialKind, Callable[[Prediction], int]] = {
    PartialKind.DRIFT: lambda prediction: prediction.occurred_at_ms,
    PartialKind.LATENCY: lambda prediction: prediction.source_timestamp_ms,
}

Windows = TumblingWindows[dict[ModelKey, Part]]


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """Lengths in milliseconds of the windows of both kinds, and the lateness allowed."""

    drift_ms: int
    latency_ms: int
    lateness_ms: int

    def of(self, kind: PartialKind) -> int:
        """Return the length of a window of *kind*."""
        return self.drift_ms if kind is PartialKind.DRIFT else self.latency_ms


@dataclass(frozen=True, slots=True)
class Closed:
    """A part of a window that no prediction of this partition can enter any more.

    Attributes:
        late: Predictions of this kind which were late before it closed.
        refused: Records of this partition which were set aside before it closed, by cause.
    """

    part: Part
    late: int
    refused: Mapping[str, int]


@dataclass(slots=True)
class Folded:
    """What became of some predictions.

    Attributes:
        unknown: Predictions in time, by the digest of a bundle whose reference histograms are not known.
    """

    counted: int = 0
    repeated: int = 0
    late: dict[PartialKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unknown: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be written of a partition.

    Attributes:
        entries: Of the table, in the order in which any part of them may be lost; None leaves the table.
        touched: Open parts with more in them than last time.
        closed: Parts which have had their last prediction.
    """

    entries: Mapping[bytes, MonitorState | None]
    touched: Sequence[Part]
    closed: Sequence[Closed]


class PartitionWindows:
    """Counts of one partition; see the module.

    Attributes:
        applied: Next offset to be folded.
        written: Next offset as the table's head has it.
        refused: Records which were set aside, by cause.
        closed: Parts closed since the last `write`, whose last word is not out yet.
    """

    def __init__(self, sizes: WindowSizes, parts: Parts) -> None:
        self.sizes = sizes
        self.applied = 0
        self.written = 0
        self.refused: dict[str, int] = {}
        self.closed: list[Closed] = []
        self._parts = parts
        self._windows: dict[PartialKind, Windows] = {
            kind: TumblingWindows(sizes.of(kind), sizes.lateness_ms, lambda _start: {}) for kind in KINDS
        }
        self._ids = RememberedIds()
        self._stale: set[bytes] = set()

    @classmethod
    def restore(cls, sizes: WindowSizes, parts: Parts, states: Mapping[bytes, MonitorState]) -> "PartitionWindows":
        """Return the partition as its table has it."""
        found = cls(sizes, parts)
        head = states.get(HEAD_KEY)
        fields: dict[str, Any] = json.loads(head.payload) if head else {"ids": 0, "windows": {}}
        found.applied = found.written = head.applied if head else 0
        found.refused = fields.get("refused", {})  # there was none in earlier versions
        found._ids = RememberedIds(fields["ids"])
        open_parts: dict[PartialKind, dict[int, dict[ModelKey, Part]]] = {kind: {} for kind in KINDS}
        for key, state in states.items():
            if key.startswith(IDS_KEY):
                found._ids.restore(int(key.removeprefix(IDS_KEY)), state.payload)
            elif key.startswith(PART_KEY):
                part = parts.restored(key, state)
                if part is None:
                    found._stale.add(key)
                else:
                    open_parts[part.kind].setdefault(part.start_ms, {})[part.model] = part
        for kind in KINDS:
            found._open(kind, fields["windows"].get(kind.value), open_parts[kind])
        return found

    def _open(
        self, kind: PartialKind, fields: Mapping[str, int | None] | None, found: Mapping[int, dict[ModelKey, Part]]
    ) -> None:
        known = fields or {"newest_ms": None, "late": 0}
        self._windows[kind].restore({**known, "open": sorted(found.items())}, lambda content: content)
        # The head was written after their last word had been delivered; only their end in the table was not.
        gone = self._windows[kind].close()
        self._stale |= {part.key for window in gone for part in window.content.values()}

    @property
    def changed(self) -> bool:
        """Return whether anything has been folded since the last writing."""
        return self.applied > self.written

    def watermark_ms(self, kind: PartialKind) -> int | None:
        """Return the time up to which windows of *kind* are closed; None before the first prediction."""
        return self._windows[kind].watermark_ms

    def late(self, kind: PartialKind) -> int:
        """Return how many predictions came after their window had closed."""
        return self._windows[kind].late

    def fold(self, rows: Sequence[Row], next_offset: int, refused: Sequence[tuple[int, str]] = ()) -> Folded:
        """Count *rows*, consecutive records of the partition without those set aside, up to *next_offset*.

        Args:
            rows: In the order of their offsets.
            next_offset: After the last record.
            refused: Offset and cause of each that was set aside.
        """
        fresh = [row for row in rows if row.offset >= self.applied]
        set_aside = deque(one for one in refused if one[0] >= self.applied)
        kept = [row for row in fresh if not self._ids.is_repeat(row.prediction.prediction_id, row.offset)]
        folded = Folded(len(kept), len(fresh) - len(kept))
        for kind in KINDS:
            late = self._windows[kind].late
            self._count(kind, kept, folded, set_aside)
            folded.late[kind] = self._windows[kind].late - late
        self._set_aside(set_aside, next_offset)
        self.applied = max(self.applied, next_offset)
        return folded

    def _set_aside(self, refused: deque[tuple[int, str]], until: int) -> None:
        """Count those of *refused* before the offset *until*."""
        while refused and refused[0][0] < until:
            _, cause = refused.popleft()
            self.refused[cause] = self.refused.get(cause, 0) + 1

    def _count(
        self, kind: PartialKind, rows: Sequence[Row], folded: Folded, refused: deque[tuple[int, str]]
    ) -> None:  # fmt: skip
        windows = self._windows[kind]
        times = np.array([_TIMES[kind](row.prediction) for row in rows], dtype=np.int64)
        for first, end in self._stretches(kind, times):
            for content, places in windows.split(times[first:end]):
                self._add(kind, content, [rows[first + place] for place in places.tolist()], folded)
            self._set_aside(refused, rows[end - 1].offset)
            closed = [part for window in windows.close() for part in window.content.values()]
            self.closed += [Closed(part, windows.late, dict(self.refused)) for part in closed]

    def _stretches(
        self, kind: PartialKind, times: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> Iterator[tuple[int, int]]:
        """Yield stretches of *times* of which only the last one closes windows.

        What is late when a window closes is then the same in whatever slices the predictions came.
        """
        if times.size == 0:
            return
        size, lateness = self.sizes.of(kind), self.sizes.lateness_ms
        mark = self._windows[kind].watermark_ms
        newest = np.maximum.accumulate(times if mark is None else np.maximum(times, mark + lateness))
        window = (newest - lateness) // size
        before = window[0] if mark is None else mark // size
        ends = np.flatnonzero(np.diff(window, prepend=before)) + 1
        bounds = [0, *ends.tolist(), len(times)]
        yield from ((first, end) for first, end in pairwise(bounds) if first < end)

    def _add(self, kind: PartialKind, content: dict[ModelKey, Part], rows: Sequence[Row], folded: Folded) -> None:
        by_model: dict[ModelKey, list[Row]] = {}
        for row in rows:
            by_model.setdefault(ModelKey.of(row.prediction), []).append(row)
        for model, its_rows in by_model.items():
            if model not in content:
                if kind is PartialKind.DRIFT and not self._parts.knows(model.digest):
                    folded.unknown[model.digest] = folded.unknown.get(model.digest, 0) + len(its_rows)
                    continue
                time_ms = _TIMES[kind](its_rows[0].prediction)
                content[model] = self._parts.new(kind, model, time_ms - time_ms % self.sizes.of(kind))
            content[model].add(its_rows)

    def write(self, known: Container[bytes]) -> Written:
        """Return what is to be written now, and take it as written.

        Args:
            known: Keys which the table has.
        """
        open_parts = [
            part
            for windows in self._windows.values()
            for content in windows.open.values()
            for part in content.values()
            if part.touched
        ]
        entries: dict[bytes, MonitorState | None] = {part.key: part.state() for part in open_parts}
        entries |= {IDS_KEY + b"%d" % number: MonitorState(self.applied, data) for number, data in self._ids.touched()}
        # What is before the head may be ahead of it; what ends may end only once the head knows that it did.
        entries[HEAD_KEY] = self._head()
        ended = {one.part.key for one in self.closed} | self._stale
        entries |= {key: None for key in sorted(ended) if key in known}
        written = Written(entries, open_parts, self.closed)
        for part in open_parts:
            part.touched = False
        self.closed, self._stale, self.written = [], set(), self.applied
        return written

    def _head(self) -> MonitorState:
        windows = {kind.value: self._windows[kind].to_dict(lambda _content: None) for kind in KINDS}
        kept = {kind: {"newest_ms": one["newest_ms"], "late": one["late"]} for kind, one in windows.items()}
        return MonitorState(self.applied, compact({"ids": self._ids.count, "windows": kept, "refused": self.refused}))
