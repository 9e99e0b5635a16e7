"""What the performance role shows to Prometheus; labels are closed sets: no match and no competition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.records import SegmentPerformance
from streams.monitoring.parts import ModelKey
from streams.performance.contents import ALL, MINUTE
from streams.performance.match import JudgedMatch
from streams.topics import DAY_MS

_LABELS = ["model", "version", "variant", "window", "minute"]
_FAMILIES: Mapping[str, tuple[str, str]] = {
    "log_loss": ("touchline_log_loss_nats", "Mean log loss of predictions whose outcome is known."),
    "rps": ("touchline_rps_ratio", "Mean ranked probability score."),
    "brier": ("touchline_brier_score", "Mean Brier score, summed over the classes."),
    "accuracy": ("touchline_accuracy_ratio", "Share of predictions whose likeliest class came."),
    "ece": ("touchline_calibration_error_ratio", "Expected calibration error, mean over the classes."),
    "cost": ("touchline_prediction_cost", "Mean cost by the cost matrix."),
    "estimated_log_loss": ("touchline_estimated_log_loss_nats", "What the judged predictions expected of themselves."),
    "estimated_accuracy": ("touchline_estimated_accuracy_ratio", "What the judged predictions expected of themselves."),
    "pending_log_loss": ("touchline_pending_log_loss_nats", "What predictions without an outcome expect."),
    "pending_accuracy": ("touchline_pending_accuracy_ratio", "What predictions without an outcome expect."),
    "n_matches": ("touchline_judged_matches", "Matches whose outcome is known."),
    "n_predictions": ("touchline_judged_predictions", "Predictions which are judged."),
    "n_pending_matches": ("touchline_pending_matches", "Matches with predictions and without an outcome."),
}


class CountingFigures:
    """Counters of outcomes as they come; a worker that fell counts some again, unlike the reports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = Counter(
            "touchline_outcomes",
            "Matches by what became known of their outcome: known, late, corrected, struck_off, cancelled, missing "
            "(none in a month) or unpredicted.",
            ["kind"],
            registry=registry,
        )
        for kind in ("known", "late", "corrected", "struck_off", "cancelled", "missing", "unpredicted"):
            self._outcomes.labels(kind)

    def outcome(
        self, before: JudgedMatch, after: JudgedMatch, watermark_ms: int | None, lateness_ms: int
    ) -> JudgedMatch:
        """Count what *after* says of the outcome that *before* did not; return it, late if its day had closed."""
        if after.cancelled and not before.cancelled:
            self._outcomes.labels("cancelled").inc()
        if after.results[-1:] == before.results[-1:]:
            return after
        if before.results:
            self._outcomes.labels("corrected" if after.results else "struck_off").inc()
        else:
            self._outcomes.labels("known").inc()
        closes_ms = (after.day + 1) * DAY_MS + lateness_ms
        if before.results or not after.results or watermark_ms is None or watermark_ms < closes_ms:
            return after
        self._outcomes.labels("late").inc()
        return replace(after, late=True)

    def left(self, match: JudgedMatch) -> None:
        """Count a match which leaves without having been judged."""
        if match.forecasts and not match.results and not match.cancelled:
            self._outcomes.labels("missing").inc()
        elif match.results and not match.forecasts:
            self._outcomes.labels("unpredicted").inc()


@dataclass(slots=True, eq=False)
class _Models(Collector):
    shown: dict[tuple[ModelKey, int], list[SegmentPerformance]] = field(default_factory=dict)
    missing: dict[tuple[ModelKey, int], int] = field(default_factory=dict)

    def describe(self) -> Iterator[Metric]:
        yield from ()

    def collect(self) -> Iterator[Metric]:
        families = {name: GaugeMetricFamily(*words, labels=_LABELS) for name, words in _FAMILIES.items()}
        for where, segments in self.shown.items():
            for one in segments:
                band = one.segment.removeprefix(MINUTE)
                for name, family in families.items():
                    value = getattr(one, name)
                    if value is not None:
                        family.add_metric([*_labels(where), band], value)
        missing = GaugeMetricFamily(
            "touchline_missing_outcomes", "Matches of an earlier day without an outcome.", labels=_LABELS[:-1]
        )
        for where, count in self.missing.items():
            missing.add_metric(_labels(where), count)
        yield from (*families.values(), missing)


def _labels(where: tuple[ModelKey, int]) -> list[str]:
    model, days = where
    return [model.model, model.version, model.variant, f"{days}d"]


class PerformanceFigures:
    """The newest figures of each model, and counters of the performance-merge application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._models = _Models()
        registry.register(self._models)
        self._reports = Counter("touchline_performance_reports", "Reports of closed days.", registry=registry)
        self._stale = Counter(
            "touchline_stale_performance_partials", "Sums of an earlier owner or run, passed over.", registry=registry
        )
        self._last = Gauge(
            "touchline_last_performance_report_timestamp_seconds", "When the last report was made.", registry=registry
        )

    def show(self, model: ModelKey, days: int, segments: list[SegmentPerformance], missing: int) -> None:
        """Show the figures of *model* over the last *days*."""
        # Labels are a closed set: of two bundles under one version the last ones shown stay.
        where = (replace(model, digest=""), days)
        self._models.shown[where] = [one for one in segments if one.segment == ALL or one.segment.startswith(MINUTE)]
        self._models.missing[where] = missing

    def stale(self) -> None:
        """Count a partial that was passed over."""
        self._stale.inc()

    def reported(self, now: float) -> None:
        """Count a report; *now* in seconds since the epoch."""
        self._reports.inc()
        self._last.set(now)
