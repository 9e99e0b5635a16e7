"""The view of drift: of each window what the monitors say, or would say now, and the histograms behind it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from monitors.drift import DriftCounts
from monitors.histograms import CategoryBins, Histogram
from monitors.reference import ReferenceHistograms
from monitors.verdicts import DriftThresholds, window_drift
from schemas.records import DriftReport, PartialKind
from streams.dashboard.parts import Shown, encoded
from streams.dashboard.windows import WindowKey, Windows
from streams.monitoring.merging import Counts

WINDOWS: Final = 24


class DriftView:
    """Owned by the event loop.

    Args:
        references: Reference histograms by digest of their bundle.
        thresholds: By which open windows are judged; those of reports were judged by the monitor's.

    Attributes:
        windows: What was read.
    """

    def __init__(self, references: Mapping[str, ReferenceHistograms], thresholds: DriftThresholds) -> None:
        self._references, self._thresholds = references, thresholds
        self.windows: Windows[DriftReport] = Windows(PartialKind.DRIFT, WINDOWS)
        self._made: dict[WindowKey, tuple[Counts | None, DriftReport | None, Shown]] = {}
        self._told = {f"reference:{digest}": encoded(_reference(one)) for digest, one in references.items()}

    def shown(self) -> Shown:
        """Return a part a window, one a histogram of it, and one a reference."""
        self._made = {key: self._parts(key) for key in self.windows.newest()}
        windows = {name: part for _, _, parts in self._made.values() for name, part in parts.items()}
        return {"thresholds": encoded(self._thresholds), **self._told, **windows}

    def _parts(self, key: WindowKey) -> tuple[Counts | None, DriftReport | None, Shown]:
        counted, report = self.windows.total(key), self.windows.reported(key)
        made = self._made.get(key)
        if made is not None and made[0] is counted and made[1] is report:
            return made
        return counted, report, dict(self._window(key, counted, report))

    def _window(
        self, key: WindowKey, counted: Counts | None, report: DriftReport | None
    ) -> Iterator[tuple[str, bytes]]:
        model, start_ms, end_ms = key
        name = f"{model.model}/{model.version}/{model.variant}/{model.digest}/{start_ms}"
        counts = counted.content if counted and isinstance(counted.content, DriftCounts) else None
        fields: dict[str, Any] = {"model": model, "window_start_ms": start_ms, "window_end_ms": end_ms}
        if report is not None:
            yield f"window:{name}", encoded({**fields, "closed": True, **_reported(report)})
        elif counts is not None:
            yield f"window:{name}", encoded({**fields, "closed": False, **self._verdicts(model.digest, counts)})
        if counts is not None:
            yield f"histogram:{name}", encoded({"n_matches": counts.matches, "counts": counts.counts})

    def _verdicts(self, digest: str, counts: DriftCounts) -> dict[str, Any]:
        reference = self._references.get(digest)
        fits = reference is not None and reference.sizes == tuple(map(len, counts.counts))
        verdicts = window_drift(counts, reference, self._thresholds) if reference is not None and fits else []
        return {
            "n_matches": counts.matches,
            "n_predictions": counts.rows,
            "features": verdicts,
            "alarms": None,  # they follow from windows that are over
        }


def _reported(report: DriftReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in ("n_matches", "n_predictions", "late", "features", "alarms")}


def _reference(reference: ReferenceHistograms) -> list[dict[str, Any]]:
    """Return name, bins in words and counts of each column, in the order of the windows' counts."""
    return [
        {"feature": name, "bins": bin_names(histogram), "counts": histogram.counts}
        for name, histogram in zip(reference.names, reference.histograms, strict=True)
    ]


def bin_names(histogram: Histogram) -> list[str]:
    """Return what is in each bin, in words.

    >>> from monitors.histograms import QuantileBins
    >>> bin_names(Histogram.of(QuantileBins((1.0, 2.5)), [1.0]))
    ['to 1', '1 to 2.5', 'above 2.5', 'missing']
    """
    bins = histogram.bins
    if isinstance(bins, CategoryBins):
        return [*(f"{value:g}" for value in bins.values), "others", "missing"]
    edges = [f"{edge:.4g}" for edge in bins.edges]
    if not edges:
        return ["any", "missing"]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"to {edges[0]}", *between, f"above {edges[-1]}", "missing"]
