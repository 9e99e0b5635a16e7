"""The monitor and monitor-merge roles, from the settings."""

from collections.abc import Callable, Mapping

import structlog

from models.bundle import Bundle
from models.contents import Contents
from monitors.reference import ReferenceHistograms
from monitors.verdicts import DriftThresholds
from schemas.bounds import ImpossibleValueError, check_prediction
from schemas.codec import Codec
from schemas.records import DriftReport, LatencyReport, MonitorPartial, MonitorState, Prediction
from streams.admin import Admin
from streams.bundles import bundle_of
from streams.engine.changelog import Tail
from streams.inputs import Inputs, describe_inputs
from streams.intake import Intake, Reader
from streams.learning import SchemaBook
from streams.metrics import WorkerMetrics
from streams.monitoring.counting import MonitorJob, MonitorPace, MonitorTopics
from streams.monitoring.figures import MonitorFigures, ReportFigures
from streams.monitoring.partition import WindowSizes
from streams.monitoring.parts import Parts, columns
from streams.monitoring.reporting import ReportCodecs, ReportJob, ReportTopics
from streams.monitoring.reports import report_id
from streams.role import Role
from streams.settings import Settings
from streams.stopping import RefusedError

log = structlog.get_logger(__name__)

MONITOR, MERGE, TABLE = "monitor", "monitor-merge", "windows"
_LOOK_SECONDS = 1.0


def references(bundle: Bundle | Contents) -> dict[str, ReferenceHistograms]:
    """Return the reference histograms by digest; none for a bundle which has none, so that drift is not told.

    Raises:
        RefusedError: The bundle's reference cannot be read.
    """
    manifest, reference = bundle.manifest, bundle.reference
    if not reference:
        log.warning("reference.missing", bundle_digest=manifest.digest)
        return {}
    try:
        return {manifest.digest: ReferenceHistograms.from_dict(reference)}
    except (LookupError, TypeError, ValueError) as error:
        raise RefusedError(
            f"the reference histograms of {manifest.model} {manifest.version} are damaged: {error}"
        ) from error


def monitor_role(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which counts predictions."""
    topics = MonitorTopics(*map(settings.topic, ("predictions", "monitor-partials", "dead-letters")))
    partial = book.codec("monitor_partial", MonitorPartial)
    book.write(partial, f"{topics.partials}-value")
    state = _state(settings, book, MONITOR)
    known = references(bundle_of(settings))
    predictions = book.codec("prediction", Prediction)
    reader = Reader(book.reader(predictions), _check(known), lambda one: one.occurred_at_ms)
    job = MonitorJob(
        Intake({topics.predictions: reader}, inputs.partitions),
        topics,
        partial,
        state,
        WindowSizes(
            settings.drift_window_seconds * 1000,
            settings.latency_window_seconds * 1000,
            settings.allowed_lateness_seconds * 1000,
        ),
        Parts(known),
        MonitorPace(settings.monitor_interval_seconds, settings.monitor_idle_seconds),
        metrics,
        MonitorFigures(metrics.registry),
        settings.worker_name,
    )
    look = min(_LOOK_SECONDS, settings.monitor_interval_seconds)
    return Role(MONITOR, ("predictions",), TABLE, lambda _key, value: state.decode(value), job, expire_seconds=look)


def _check(known: Mapping[str, ReferenceHistograms]) -> Callable[[Prediction], None]:
    widths = {digest: len(reference.names) for digest, reference in known.items()}

    def check(prediction: Prediction) -> None:
        check_prediction(prediction)
        found = len(columns(prediction))
        width = widths.get(prediction.bundle_digest, found)
        if found != width:
            given = len(prediction.features)
            raise ImpossibleValueError("the number of features", given, f"{given + width - found} as in its bundle")

    return check


def merge_role(settings: Settings, book: SchemaBook, _inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which merges the counts and reports."""
    topics = ReportTopics(
        *map(settings.topic, ("monitor-partials", "drift-reports", "latency-reports", "dead-letters"))
    )
    drift, latency = book.codec("drift_report", DriftReport), book.codec("latency_report", LatencyReport)
    book.write(drift, f"{topics.drift_reports}-value")
    book.write(latency, f"{topics.latency_reports}-value")
    state = _state(settings, book, MERGE)
    partials = book.codec("monitor_partial", MonitorPartial)
    predictions = describe_inputs(Admin(settings), [settings.topic("predictions")])
    job = ReportJob(
        Reader(book.reader(partials), _anything, lambda one: one.window_end_ms),
        topics,
        ReportCodecs(drift, latency, state),
        references(bundle_of(settings)),
        DriftThresholds(settings.drift_psi_threshold, settings.drift_false_discovery_rate),
        predictions.partitions,
        settings.allowed_lateness_seconds * 1000,
        metrics,
        ReportFigures(metrics.registry),
        settings.worker_name,
    )
    tails = (
        Tail(topics.drift_reports, lambda value: report_id(drift.decode(value))),
        Tail(topics.latency_reports, lambda value: report_id(latency.decode(value))),
    )
    return Role(
        MERGE,
        ("monitor-partials",),
        TABLE,
        lambda _key, value: state.decode(value),
        job,
        tails,
        expire_seconds=_LOOK_SECONDS,
    )


def _anything(_partial: object) -> None:
    """Refuse nothing: a partial is judged by its payload."""


def _state(settings: Settings, book: SchemaBook, role: str) -> Codec[MonitorState]:
    state = book.codec("monitor_state", MonitorState)
    book.write(state, f"{settings.changelog(role, TABLE)}-value")
    return state
