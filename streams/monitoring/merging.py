"""The counts of all partitions, merged by one reader, and which windows are complete.

A window is complete once every partition's watermark has passed its end; then its counts are final, whatever came
when. A partition which its monitor calls idle is not waited for. When all are idle, and none has gone past the end of
the window, the wall clock decides: a live stream ends its last window without a further match, a replay of old matches
soon after its last one. A partition whose monitor says nothing is waited for: it may be down with its counts.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from monitors.drift import DriftCounts
from monitors.latency import LatencyWindow
from monitors.windows import PartialMerge
from schemas.records import MonitorPartial, MonitorState, PartialKind
from streams.monitoring.parts import ModelKey, compact

_PARTIAL, _PROGRESS, _TAKEN = b"partial/", b"progress/", b"taken/"


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of one window; ``+`` is exact.

    Attributes:
        late: Predictions which were late before the window closed, by the partitions that counted in it.
        refused: Records which were set aside before it closed, by cause; of the same partitions.
    """

    content: DriftCounts | LatencyWindow
    late: int
    refused: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Self) -> "Counts":
        content = self.content + other.content  # type: ignore[operator] # of one kind
        return Counts(content, self.late + other.late, dict(Counter(self.refused) + Counter(other.refused)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"late": self.late, "refused": self.refused, "counts": self.content.to_dict()}

    @classmethod
    def from_dict(cls, kind: PartialKind, fields: Mapping[str, Any]) -> "Counts":
        """Return what `to_dict` wrote; ValueError, TypeError or LookupError for anything else."""
        read = DriftCounts.from_dict if kind is PartialKind.DRIFT else LatencyWindow.from_dict
        refused = fields.get("refused", {})  # there was none in earlier versions
        return cls(read(fields["counts"]), int(fields["late"]), {cause: int(n) for cause, n in refused.items()})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition is.

    Attributes:
        watermarks_ms: Up to where windows of a kind are closed; None before the first prediction.
        idle: Whether nothing has come for a while.
    """

    sequence: int
    watermarks_ms: Mapping[PartialKind, int | None]
    idle: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"watermarks_ms": {kind.value: mark for kind, mark in self.watermarks_ms.items()}, "idle": self.idle}

    @classmethod
    def from_dict(cls, sequence: int, fields: Mapping[str, Any]) -> "Progress":
        """Return what `to_dict` wrote; ValueError, TypeError or LookupError for anything else."""
        marks = {PartialKind(kind): mark for kind, mark in fields["watermarks_ms"].items()}
        return cls(sequence, marks, bool(fields["idle"]))


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """Windows of one kind, one model and one length."""

    kind: PartialKind
    model: ModelKey
    size_ms: int

    def to_list(self) -> list[str | int]:
        """Return plain values for JSON."""
        return [self.kind.value, self.size_ms, *self.model.to_list()]

    @classmethod
    def from_list(cls, values: list[Any]) -> "Series":
        """Return what `to_list` wrote."""
        kind, size_ms, *model = values
        return cls(PartialKind(kind), ModelKey(*model), size_ms)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A partial whose payload has been read."""

    partial: MonitorPartial
    said: Counts | Progress

    @classmethod
    def of(cls, partial: MonitorPartial) -> "Parsed":
        """Return *partial* with its payload; ValueError, TypeError or LookupError when it has no such."""
        fields = json.loads(partial.payload)
        if partial.kind is PartialKind.PROGRESS:
            return cls(partial, Progress.from_dict(partial.sequence, fields))
        if partial.window_end_ms <= partial.window_start_ms:
            raise ValueError(f"a window from {partial.window_start_ms} to {partial.window_end_ms}")
        return cls(partial, Counts.from_dict(partial.kind, fields))


@dataclass(frozen=True, slots=True)
class Complete:
    """A window that is over."""

    series: Series
    start_ms: int
    counts: Counts


@dataclass(slots=True)
class Merging:
    """What is known of all partitions; owned by one reader.

    Attributes:
        partitions: Number of partitions of predictions.
        lateness_ms: How late a prediction may come, in event time.
        notes: What else is kept of a series, as plain values.
    """

    partitions: int
    lateness_ms: int
    notes: dict[Series, Any] = field(default_factory=dict)
    _merges: dict[Series, PartialMerge[Counts]] = field(default_factory=dict)
    _progress: dict[int, Progress] = field(default_factory=dict)
    _keys: dict[Series, dict[int, set[bytes]]] = field(default_factory=dict)
    _changed: dict[bytes, MonitorState | None] = field(default_factory=dict)

    @classmethod
    def restore(cls, partitions: int, lateness_ms: int, states: Mapping[bytes, MonitorState]) -> "Merging":
        """Return what the table has."""
        found = cls(partitions, lateness_ms)
        rows: dict[Series, list[list[Any]]] = {}
        taken: dict[Series, int] = {}
        for key, state in states.items():
            fields = json.loads(state.payload)
            if key.startswith(_PROGRESS):
                found._progress[int(key.removeprefix(_PROGRESS))] = Progress.from_dict(state.applied, fields)
            elif key.startswith(_TAKEN):
                series = Series.from_list(json.loads(key.removeprefix(_TAKEN)))
                taken[series], found.notes[series] = fields["taken_until_ms"], fields["note"]
            else:
                start_ms, partition, *values = json.loads(key.removeprefix(_PARTIAL))
                series = Series.from_list(values)
                counts = Counts.from_dict(series.kind, fields)
                rows.setdefault(series, []).append([start_ms, partition, state.applied, fields["closed"], counts])
                found._keys.setdefault(series, {}).setdefault(start_ms, set()).add(key)
        for series in rows.keys() | taken.keys():
            found._open(series, rows.get(series, []), taken.get(series))
        return found

    def _open(self, series: Series, rows: list[list[Any]], taken_until_ms: int | None) -> None:
        # The mark is written before the partials leave the table: those below it have been reported.
        left = [row for row in rows if taken_until_ms is None or row[0] > taken_until_ms]
        fields = {"taken_until_ms": taken_until_ms, "late": 0, "partials": left}
        self._merges[series] = PartialMerge.from_dict(fields, lambda counts: counts)
        if taken_until_ms is not None:
            self._forget(series, taken_until_ms)

    def take_in(self, parsed: Parsed) -> bool:
        """Take what a partition says; return False when its window has been reported already."""
        partial, said = parsed.partial, parsed.said
        if isinstance(said, Progress):
            known = self._progress.get(partial.source_partition)
            if known is None or said.sequence >= known.sequence:
                self._progress[partial.source_partition] = said
                key = _PROGRESS + b"%d" % partial.source_partition
                self._changed[key] = MonitorState(said.sequence, compact(said.to_dict()))
            return True
        size_ms = partial.window_end_ms - partial.window_start_ms
        return self._take_counts(Series(partial.kind, ModelKey.of_partial(partial), size_ms), partial, said)

    def _take_counts(self, series: Series, partial: MonitorPartial, counts: Counts) -> bool:
        merge = self._merges.setdefault(series, PartialMerge())
        late = merge.late
        start_ms, partition = partial.window_start_ms, partial.source_partition
        if merge.add(start_ms, partition, partial.sequence, counts, closed=partial.closed):
            key = _PARTIAL + json.dumps([start_ms, partition, *series.to_list()]).encode()
            kept = {"closed": partial.closed, **counts.to_dict()}
            self._changed[key] = MonitorState(partial.sequence, compact(kept))
            self._keys.setdefault(series, {}).setdefault(start_ms, set()).add(key)
        return merge.late == late

    def complete(self, now_ms: int) -> Iterator[Complete]:
        """Yield the windows that are over, oldest first in each series; what is yielded is forgotten."""
        for series in sorted(self._merges):
            merge = self._merges[series]
            for start_ms in merge.windows:
                if not self._is_over(series.kind, start_ms + series.size_ms, now_ms):
                    break
                yield Complete(series, start_ms, merge.take(start_ms))
                kept = {"taken_until_ms": start_ms, "note": self.notes.get(series)}
                self._changed[_TAKEN + json.dumps(series.to_list()).encode()] = MonitorState(start_ms, compact(kept))
                self._forget(series, start_ms)

    def _is_over(self, kind: PartialKind, end_ms: int, now_ms: int) -> bool:
        passed = False
        for partition in range(self.partitions):
            progress = self._progress.get(partition)
            mark = progress.watermarks_ms.get(kind) if progress else None
            if mark is not None and mark >= end_ms:
                passed = True
            elif progress is None or not progress.idle:
                return False
        return passed or now_ms >= end_ms + self.lateness_ms

    def newest(self) -> Iterator[tuple[Series, int, Counts]]:
        """Yield the newest open window of each series."""
        for series, merge in self._merges.items():
            if merge.windows:
                start_ms = merge.windows[-1]
                yield series, start_ms, merge.total(start_ms)

    def changed(self) -> dict[bytes, MonitorState | None]:
        """Return the entries of the table changed since the last call, in the order in which they may be lost."""
        changed, self._changed = self._changed, {}
        return changed

    def _forget(self, series: Series, until_ms: int) -> None:
        known = self._keys.get(series, {})
        for start_ms in [one for one in known if one <= until_ms]:
            for key in sorted(known.pop(start_ms)):
                self._changed.pop(key, None)  # so that its end comes after the mark
                self._changed[key] = None
