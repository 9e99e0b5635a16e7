"""What the monitors show to Prometheus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitors.latency import STAGES, LatencyWindow
from monitors.verdicts import FeatureDrift
from schemas.records import PartialKind
from streams.monitoring.partition import KINDS
from streams.monitoring.parts import ModelKey

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
_MODEL = ["model", "version", "variant"]


class MonitorFigures:
    """Counters of the monitor role."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._late = Counter(
            "touchline_late_predictions", "Predictions which came after their window had closed.", ["window"],
            registry=registry,
        )  # fmt: skip
        for kind in KINDS:
            self._late.labels(kind.value.lower())
        self._unknown = Counter(
            "touchline_unknown_bundle_predictions",
            "Predictions of bundles without known reference histograms: drift does not see them.",
            registry=registry,
        )
        self._bytes = Counter(
            "touchline_monitor_state_bytes", "Bytes written to the monitor's changelog.", registry=registry
        )

    def late(self, counts: Mapping[PartialKind, int]) -> None:
        """Count late predictions by the kind of window."""
        for kind, count in counts.items():
            self._late.labels(kind.value.lower()).inc(count)

    def unknown(self, count: int) -> None:
        """Count predictions of a bundle whose reference is not known."""
        self._unknown.inc(count)

    def written(self, size: int) -> None:
        """Count bytes of state."""
        self._bytes.inc(size)


@dataclass(slots=True)
class _Shown:
    """The newest figures of one model."""

    drift: Sequence[FeatureDrift] = ()
    matches: int = 0
    predictions: int = 0
    alarms: Sequence[str] = ()
    latency: LatencyWindow | None = None


@dataclass(slots=True, eq=False)
class _Models(Collector):
    shown: dict[ModelKey, _Shown] = field(default_factory=dict)

    def describe(self) -> Iterator[Metric]:
        yield from ()

    def collect(self) -> Iterator[Metric]:
        yield from self._drift()
        yield self._latency()

    def _drift(self) -> Iterator[Metric]:
        features = [*_MODEL, "feature"]
        psi = GaugeMetricFamily(
            "touchline_drift_psi", "Of the newest window; absent with too few matches.", labels=features
        )
        p_value = GaugeMetricFamily("touchline_drift_p_value", "Chance of such a PSI without drift.", labels=features)
        alarm = GaugeMetricFamily("touchline_drift_alarm", "1 after drift in enough closed windows.", labels=features)
        nulls = GaugeMetricFamily("touchline_null_ratio", "Share of missing values.", labels=features)
        matches = GaugeMetricFamily("touchline_window_matches", "Matches in the newest window.", labels=_MODEL)
        rows = GaugeMetricFamily("touchline_window_predictions", "Predictions in the newest window.", labels=_MODEL)
        for model, shown in self.shown.items():
            where = [model.model, model.version, model.variant]
            matches.add_metric(where, shown.matches)
            rows.add_metric(where, shown.predictions)
            for one in shown.drift:
                labels = [*where, one.feature]
                alarm.add_metric(labels, float(one.feature in shown.alarms))
                nulls.add_metric(labels, one.null_rate)
                if one.psi is not None and one.p_value is not None:
                    psi.add_metric(labels, one.psi)
                    p_value.add_metric(labels, one.p_value)
        yield from (psi, p_value, alarm, nulls, matches, rows)

    def _latency(self) -> Metric:
        name = "touchline_latency_seconds"
        family = Metric(name, "From a stage to the next in the newest window, and in total.", "summary")
        for model, shown in self.shown.items():
            for stage in STAGES if shown.latency else ():
                labels = {"model": model.model, "version": model.version, "variant": model.variant, "stage": stage}
                sketch = shown.latency[stage] if shown.latency else LatencyWindow()[stage]
                for quantile in QUANTILES:
                    value = sketch.percentile(100 * quantile)
                    shown_value = float("nan") if value is None else value
                    family.add_sample(name, {**labels, "quantile": str(quantile)}, shown_value)
                family.add_sample(f"{name}_count", labels, sketch.count)
        return family


class ReportFigures:
    """Figures of the newest windows, open or closed, and counters of the monitor-merge role."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._models = _Models()
        registry.register(self._models)
        self._late = Counter(
            "touchline_late_partials", "Counts which came after their window had been reported.", registry=registry
        )
        self._reports = Counter("touchline_window_reports", "Reports of closed windows.", ["window"], registry=registry)
        for kind in KINDS:  # shown as 0, so that the first one is an increase
            self._reports.labels(kind.value.lower())
        self._last = Gauge(
            "touchline_last_report_timestamp_seconds", "When the last report was made.", ["window"], registry=registry
        )

    def drift(self, model: ModelKey, verdicts: Sequence[FeatureDrift], matches: int, predictions: int) -> None:
        """Show the newest window of *model*."""
        shown = self._of(model)
        shown.drift, shown.matches, shown.predictions = verdicts, matches, predictions

    def alarms(self, model: ModelKey, features: Sequence[str]) -> None:
        """Show which features are in alarm."""
        self._of(model).alarms = features

    def latency(self, model: ModelKey, window: LatencyWindow) -> None:
        """Show the newest latencies of *model*."""
        self._of(model).latency = window

    def late(self, count: int) -> None:
        """Count partials of windows which have been reported."""
        self._late.inc(count)

    def reported(self, kind: PartialKind, now: float) -> None:
        """Count a report; *now* in seconds since the epoch."""
        self._reports.labels(kind.value.lower()).inc()
        self._last.labels(kind.value.lower()).set(now)

    def _of(self, model: ModelKey) -> _Shown:
        # Labels are a closed set: of two bundles under one version the newest figures are shown.
        return self._models.shown.setdefault(replace(model, digest=""), _Shown())
