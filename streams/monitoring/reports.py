"""Reports of closed windows, from their counts."""

from collections.abc import Sequence
from dataclasses import asdict

from monitors.drift import DriftCounts
from monitors.latency import STAGES, LatencyWindow
from monitors.verdicts import FeatureDrift as Verdict
from schemas.records import DriftReport, DriftVerdict, FeatureDrift, LatencyReport, StageLatency
from streams.monitoring.merging import Complete


def drift_report(
    window: Complete, found: DriftCounts, verdicts: Sequence[Verdict], alarms: Sequence[str]
) -> DriftReport:
    """Return the report of a window of drift."""
    model = window.series.model
    return DriftReport(
        model=model.model,
        model_version=model.version,
        variant=model.variant,
        window_start_ms=window.start_ms,
        window_end_ms=window.start_ms + window.series.size_ms,
        bundle_digest=model.digest,
        n_matches=found.matches,
        n_predictions=found.rows,
        late=window.counts.late,
        features=[FeatureDrift(**{**asdict(one), "verdict": DriftVerdict(one.verdict)}) for one in verdicts],
        alarms=alarms,
        refused=window.counts.refused,
    )


def latency_report(window: Complete, found: LatencyWindow) -> LatencyReport:
    """Return the report of a window of latencies."""
    model = window.series.model
    return LatencyReport(
        model=model.model,
        model_version=model.version,
        variant=model.variant,
        window_start_ms=window.start_ms,
        window_end_ms=window.start_ms + window.series.size_ms,
        stages=stages_of(found),
        bundle_digest=model.digest,
    )


def stages_of(found: LatencyWindow) -> list[StageLatency]:
    """Return the quantiles of each stage."""
    return [_stage(stage, found) for stage in STAGES]


def _stage(stage: str, found: LatencyWindow) -> StageLatency:
    sketch = found[stage]
    p50, p90, p95, p99, p999 = map(sketch.percentile, (50, 90, 95, 99, 99.9))
    return StageLatency(stage, sketch.count, sketch.clock_behind, p50, p90, p95, p99, p999)


def report_id(report: DriftReport | LatencyReport) -> str:
    """Return what tells a report from all others."""
    kind = type(report).__name__
    owner = (report.model, report.model_version, report.variant, report.bundle_digest)
    return "\x00".join((kind, *owner, str(report.window_start_ms), str(report.window_end_ms)))
