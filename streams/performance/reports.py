"""Reports of closed days, and figures of the newest, from the sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitors.cbpe import expected
from monitors.performance import Costs, mean_cost, scores
from schemas.records import PerformanceReport, SegmentPerformance
from streams.monitoring.parts import ModelKey
from streams.performance.contents import ALL, BANDS, COMPETITION, MINUTE, Content
from streams.performance.days import Account
from streams.topics import DAY_MS

Window = Mapping[str, Content]
"""Sums of one model over some days, by segment."""


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive days up to and with *last*, days since the epoch."""

    last: int
    count: int

    @property
    def first(self) -> int:
        """The first of them."""
        return self.last - self.count + 1

    def sums(self, totals: Mapping[Account, Content]) -> Mapping[ModelKey, Window]:
        """Return the sums of each model over these days, by segment: whole first, then bands, then competitions."""
        found: dict[ModelKey, dict[str, Content]] = {}
        for account, content in totals.items():
            if self.first <= account.day <= self.last:
                segments = found.setdefault(account.model, {})
                segments[account.segment] = segments.get(account.segment, Content()) + content
        return {model: dict(sorted(one.items(), key=lambda item: _place(item[0]))) for model, one in found.items()}

    def missing(self, totals: Mapping[Account, Content], model: ModelKey) -> int:
        """Return how many matches of *model* have no outcome although their day is not the last one."""
        return sum(
            content.pending.matches
            for account, content in totals.items()
            if account.model == model and account.segment == ALL and self.first <= account.day < self.last
        )


_ORDER = (ALL, *(MINUTE + band for band in BANDS))


def _place(segment: str) -> tuple[int, str]:
    return (_ORDER.index(segment), "") if segment in _ORDER else (len(_ORDER), segment.removeprefix(COMPETITION))


def segment_performance(segment: str, content: Content, costs: Costs | None) -> SegmentPerformance:
    """Return the figures of one segment."""
    found, by_itself, pending = scores(content.judged), expected(content.expected), expected(content.pending)
    return SegmentPerformance(
        segment=segment,
        n_matches=content.judged.matches,
        n_predictions=content.judged.predictions,
        log_loss=found.log_loss if found else None,
        rps=found.rps if found else None,
        brier=found.brier if found else None,
        accuracy=found.accuracy if found else None,
        ece=found.mean_ece if found else None,
        ece_by_class=found.ece if found else (),
        confusion=content.judged.confusion,
        cost=mean_cost(content.judged.confusion, costs) if costs else None,
        estimated_log_loss=by_itself.log_loss if by_itself else None,
        estimated_rps=by_itself.rps if by_itself else None,
        estimated_brier=by_itself.brier if by_itself else None,
        estimated_accuracy=by_itself.accuracy if by_itself else None,
        n_pending_matches=content.pending.matches,
        n_pending_predictions=content.pending.predictions,
        pending_log_loss=pending.log_loss if pending else None,
        pending_accuracy=pending.accuracy if pending else None,
        n_informed=content.informed,
    )


def segments_of(window: Window, costs: Costs | None) -> list[SegmentPerformance]:
    """Return the figures of each segment of *window* that has anything."""
    return [segment_performance(name, one, costs) for name, one in window.items() if one != Content()]


def reports(totals: Mapping[Account, Content], days: Days, costs: Costs | None) -> Iterator[PerformanceReport]:
    """Yield the reports over *days* of the models which have a match on the last of them."""
    active = {account.model for account in totals if account.day == days.last}
    for model, window in sorted(days.sums(totals).items()):
        if model in active:
            yield _report(model, window, days, costs, days.missing(totals, model))


def _report(model: ModelKey, window: Window, days: Days, costs: Costs | None, missing: int) -> PerformanceReport:
    whole = window.get(ALL, Content())
    found = segment_performance(ALL, whole, costs)
    log_loss, rps, brier, accuracy, ece = (
        float("nan") if one is None else one
        for one in (found.log_loss, found.rps, found.brier, found.accuracy, found.ece)
    )
    return PerformanceReport(
        model=model.model,
        model_version=model.version,
        variant=model.variant,
        window_start_ms=days.first * DAY_MS,
        window_end_ms=(days.last + 1) * DAY_MS,
        segment=ALL,
        n_matches=found.n_matches,
        n_predictions=found.n_predictions,
        log_loss=log_loss,
        rps=rps,
        brier=brier,
        accuracy=accuracy,
        ece=ece,
        bundle_digest=model.digest,
        n_cancelled=whole.cancelled,
        n_late=whole.late,
        n_pending=found.n_pending_matches,
        n_missing=missing,
        segments=segments_of(window, costs),
    )


def report_id(report: PerformanceReport) -> str:
    """Return what tells a report from all others."""
    owner = (report.model, report.model_version, report.variant, report.bundle_digest)
    return "\x00".join((*owner, str(report.window_start_ms), str(report.window_end_ms)))
