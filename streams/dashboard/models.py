"""The view of the models: which predict, and how good their predictions were; see serving.py for what is served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from models.predictors import CLASSES
from models.reliability import wilson
from monitors.cbpe import expected
from monitors.exact import mean
from monitors.jackknife import ratio_interval
from monitors.performance import Performance, scores
from schemas.records import PerformanceReport, Prediction
from streams.dashboard.parts import Shown, encoded
from streams.monitoring.parts import ModelKey
from streams.performance.contents import ALL, Content
from streams.performance.days import WINDOWS
from streams.performance.merging import Merging, Parsed
from streams.performance.reports import Days
from streams.topics import DAY_MS

MOST_MODELS: Final = 16
_MOST_REPORTS: Final = 60  # of a model and length of window
_DAYS: Final = WINDOWS[-1]

ReportKey = tuple[ModelKey, int]
"""Whose report it is, and over how many days."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Predictions of one model, as far as they were read.

    Attributes:
        scored_at_ms: When the last of them was scored.
    """

    model: ModelKey
    predictions: int
    scored_at_ms: int


class ModelsView:
    """Owned by the event loop.

    Args:
        run_id: Of the performance role, whose sums count.
    """

    def __init__(self, run_id: str) -> None:
        self._seen: dict[ModelKey, Seen] = {}
        self._reports: dict[ReportKey, dict[int, PerformanceReport]] = {}
        # Without partitions to wait for, complete() does no more than forget what no window holds any more.
        self._merging = Merging(run_id, partitions=0, lateness_ms=0)
        self._judged: Shown = {}
        self._reported: Shown = {}
        self._changed = False

    def predicted(self, batch: Sequence[Prediction]) -> None:
        """Take predictions."""
        for one in batch:
            model, at_ms = ModelKey.of(one), one.scored_at_us // 1000
            before = self._seen.pop(model, Seen(model, 0, at_ms))
            self._seen[model] = replace(
                before, predictions=before.predictions + 1, scored_at_ms=max(at_ms, before.scored_at_ms)
            )
            if len(self._seen) > MOST_MODELS:
                del self._seen[next(iter(self._seen))]

    def report(self, batch: Sequence[PerformanceReport]) -> None:
        """Take reports of days that are closed."""
        for one in batch:
            model = ModelKey(one.model, one.model_version, one.variant, one.bundle_digest)
            key = (model, (one.window_end_ms - one.window_start_ms) // DAY_MS)
            reports = self._reports.pop(key, {})
            self._reports[key] = reports
            reports[one.window_end_ms] = one
            if len(reports) > _MOST_REPORTS:
                del reports[min(reports)]
            if len(self._reports) > MOST_MODELS * len(WINDOWS):
                del self._reports[next(iter(self._reports))]
        self._reported = dict(self._newest())

    def count(self, batch: Sequence[Parsed | None]) -> None:
        """Take the sums of partitions."""
        for parsed in batch:
            if parsed is not None:
                self._changed |= self._merging.take_in(parsed)
        self._merging.changed()

    def shown(self, now_ms: int) -> Shown:
        """Return who predicts, a part a report of the newest day, the history of reports, and what the sums say."""
        if self._changed:
            list(self._merging.complete(now_ms))
            self._merging.changed()
            self._judged, self._changed = dict(self._sums()), False
        seen = sorted(self._seen.values(), key=lambda one: (one.scored_at_ms, one.model), reverse=True)
        return {"seen": encoded(seen), **self._reported, **self._judged}

    def _newest(self) -> Iterator[tuple[str, bytes]]:
        for (model, days), reports in self._reports.items():
            name = f"{days}:{model.model}/{model.version}/{model.variant}/{model.digest}"
            yield f"report:{name}", encoded(reports[max(reports)])
            yield f"history:{name}", encoded([_figures(reports[end_ms]) for end_ms in sorted(reports)])

    def _sums(self) -> Iterator[tuple[str, bytes]]:
        totals = {account: one for account, one in self._merging.totals.items() if account.segment == ALL}
        last = max((account.day for account, one in totals.items() if one.judged.predictions), default=None)
        if last is None:
            return
        window = Days(last, _DAYS)
        for model, sums in window.sums(totals).items():
            days = {
                account.day: one.judged
                for account, one in totals.items()
                if account.model == model and window.first <= account.day <= last and one.judged.predictions
            }
            if days:
                name = f"{model.model}/{model.version}/{model.variant}/{model.digest}"
                yield f"sums:{name}", encoded({"model": model, **judged(sums[ALL], days)})


def _figures(report: PerformanceReport) -> dict[str, Any]:
    whole = report.segments[0] if report.segments else None
    return {
        "window_end_ms": report.window_end_ms,
        "n_matches": report.n_matches,
        "log_loss": report.log_loss,
        "estimated_log_loss": whole.estimated_log_loss if whole else None,
        "accuracy": report.accuracy,
        "estimated_accuracy": whole.estimated_accuracy if whole else None,
    }


def judged(content: Content, days: Mapping[int, Performance]) -> dict[str, Any]:
    """Return what predictions of some days were worth, with intervals.

    That of the log loss is a jackknife over *days*; those of frequencies count a match once, however often it was
    predicted: the predictions of one match depend on each other.
    """
    found, by_itself = scores(content.judged), expected(content.expected)
    sums = [mean(one.numbers[2], 1) for one in days.values()]
    interval = ratio_interval(sums, [one.predictions for one in days.values()])
    return {
        "first_day_ms": min(days) * DAY_MS,
        "last_day_ms": max(days) * DAY_MS,
        "n_days": len(days),
        "n_matches": content.judged.matches,
        "n_predictions": content.judged.predictions,
        "log_loss": found and found.log_loss,
        "log_loss_interval": interval,
        "estimated_log_loss": by_itself and by_itself.log_loss,
        "accuracy": found and found.accuracy,
        "estimated_accuracy": by_itself and by_itself.accuracy,
        "ece": found and found.mean_ece,
        "reliability": {name: reliability(content.judged, number) for number, name in enumerate(CLASSES)},
    }


def reliability(found: Performance, one: int) -> list[dict[str, float]]:
    """Return the bins of class *one* that hold a prediction: mean forecast, frequency and its 95 % interval."""
    bins = []
    share = found.matches / found.predictions if found.predictions else 0.0
    for n, came, chances in found.bins(one):
        if n:
            low, high = wilson(came * share, n * share)
            bins.append({"n": n, "forecast": mean(chances, n), "frequency": came / n, "low": low, "high": high})
    return bins
