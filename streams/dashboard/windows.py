"""Windows of the monitors: their reports, and what the partitions have counted, by which open windows are seen too."""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from monitors.windows import PartialMerge
from schemas.records import DriftReport, LatencyReport, PartialKind
from streams.monitoring.merging import Counts, Parsed
from streams.monitoring.parts import ModelKey
from streams.monitoring.reading import model_of

R = TypeVar("R", DriftReport, LatencyReport)
MOST_MODELS: Final = 4
_KEPT_MODELS: Final = 16

WindowKey = tuple[ModelKey, int, int]
"""Whose window it is, its first millisecond, and the first one after it."""


class Windows(Generic[R]):
    """The last *most* windows of each model, of the models heard of last; owned by the event loop."""

    def __init__(self, kind: PartialKind, most: int) -> None:
        self._kind, self._most = kind, most
        self._merges: dict[tuple[ModelKey, int], PartialMerge[Counts]] = {}
        self._totals: dict[WindowKey, Counts] = {}
        self._reports: dict[ModelKey, dict[WindowKey, R]] = {}

    def count(self, batch: Sequence[Parsed | None]) -> None:
        """Take what partitions have counted, of each the newest; what is of another kind is passed over."""
        for parsed in batch:
            if parsed is not None and parsed.partial.kind is self._kind and isinstance(parsed.said, Counts):
                self._count(parsed, parsed.said)

    def _count(self, parsed: Parsed, counts: Counts) -> None:
        partial = parsed.partial
        model, start_ms, end_ms = ModelKey.of_partial(partial), partial.window_start_ms, partial.window_end_ms
        series = (model, end_ms - start_ms)
        merge = self._merges.pop(series, None) or PartialMerge()
        self._merges[series] = merge
        if merge.add(start_ms, partial.source_partition, partial.sequence, counts, closed=partial.closed):
            self._totals.pop((model, start_ms, end_ms), None)
        if len(merge.windows) > self._most:
            merge.take(merge.windows[0])
        if len(self._merges) > _KEPT_MODELS:
            del self._merges[next(iter(self._merges))]

    def report(self, batch: Sequence[R]) -> None:
        """Take reports of windows that are over."""
        for one in batch:
            model = model_of(one)
            known = self._reports.pop(model, {})
            self._reports[model] = known
            known[model, one.window_start_ms, one.window_end_ms] = one
            if len(known) > self._most:
                del known[min(known, key=lambda key: key[1])]
            if len(self._reports) > _KEPT_MODELS:
                del self._reports[next(iter(self._reports))]

    def reported(self, key: WindowKey) -> R | None:
        """Return the report of a window; None where there is none."""
        return self._reports.get(key[0], {}).get(key)

    def total(self, key: WindowKey) -> Counts | None:
        """Return what all partitions together have counted, as far as it was read; None of what is not known."""
        model, start_ms, end_ms = key
        merge = self._merges.get((model, end_ms - start_ms))
        if merge is None or start_ms not in merge.windows:
            return None
        if key not in self._totals:
            self._totals = {known: counts for known, counts in self._totals.items() if self._is_known(known)}
            self._totals[key] = merge.total(start_ms)
        return self._totals[key]

    def _is_known(self, key: WindowKey) -> bool:
        model, start_ms, end_ms = key
        merge = self._merges.get((model, end_ms - start_ms))
        return merge is not None and start_ms in merge.windows

    def newest(self) -> list[WindowKey]:
        """Return the last windows of each model, reported or open, models by name and windows by start."""
        counted = {
            (model, start_ms, start_ms + size_ms)
            for (model, size_ms), merge in self._merges.items()
            for start_ms in merge.windows
        }
        by_model: dict[ModelKey, list[WindowKey]] = {}
        for key in sorted(counted.union(*self._reports.values())):
            by_model.setdefault(key[0], []).append(key)
        newest = sorted(by_model, key=lambda model: by_model[model][-1][1])[-MOST_MODELS:]
        return [key for model in sorted(newest) for key in by_model[model][-self._most :]]
