"""The performance role's two applications, from the settings."""

from typing import Any, Final

from monitors.performance import ZERO_ONE, Costs
from schemas.bounds import check_match_event, check_prediction
from schemas.records import MatchEvent, MonitorState, PerformancePartial, PerformanceReport, Prediction
from streams.admin import Admin
from streams.applications import INPUTS
from streams.engine.changelog import Tail
from streams.inputs import Inputs, describe_inputs
from streams.intake import Intake, Reader
from streams.learning import SchemaBook
from streams.metrics import WorkerMetrics
from streams.monitoring.counting import MonitorPace
from streams.performance.counting import PerformanceJob, PerformanceTopics
from streams.performance.figures import CountingFigures, PerformanceFigures
from streams.performance.match import JudgedMatch
from streams.performance.merging import Merging
from streams.performance.reporting import PerformanceReportJob, ReportTopics
from streams.performance.reports import report_id
from streams.role import Role
from streams.settings import ZERO_ONE_COSTS, Settings, cost_rows

PERFORMANCE, MERGE, TABLE, MERGE_TABLE = "performance", "performance-merge", "judged", "sums"
_LOOK_SECONDS: Final = 1.0


def performance_role(settings: Settings, book: SchemaBook, inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which joins predictions with outcomes."""
    topics = PerformanceTopics(
        *map(settings.topic, ("predictions", "match-events", "performance-partials", "dead-letters"))
    )
    partial = book.codec("performance_partial", PerformancePartial)
    book.write(partial, f"{topics.partials}-value")
    state = book.codec("judged_match", JudgedMatch)
    book.write(state, f"{settings.changelog(PERFORMANCE, TABLE)}-value")
    predictions = book.reader(book.codec("prediction", Prediction))
    events = book.reader(book.codec("match_event", MatchEvent, settings.match_event_version))
    readers: dict[str, Reader[Any]] = {
        topics.predictions: Reader(predictions, check_prediction, lambda one: one.occurred_at_ms),
        topics.match_events: Reader(events, check_match_event, lambda one: one.occurred_at_ms),
    }
    job = PerformanceJob(
        Intake(readers, inputs.partitions),
        topics,
        partial,
        state,
        settings.run_id,
        settings.allowed_lateness_seconds * 1000,
        MonitorPace(settings.monitor_interval_seconds, settings.monitor_idle_seconds),
        metrics,
        CountingFigures(metrics.registry),
        settings.worker_name,
    )
    look = min(_LOOK_SECONDS, settings.monitor_interval_seconds)
    decode = state.decode
    return Role(PERFORMANCE, INPUTS[PERFORMANCE], TABLE, lambda _key, value: decode(value), job, expire_seconds=look)


def performance_merge_role(settings: Settings, book: SchemaBook, _inputs: Inputs, metrics: WorkerMetrics) -> Role:
    """Return the role which merges the sums and reports."""
    topics = ReportTopics(*map(settings.topic, ("performance-reports", "dead-letters")))
    report = book.codec("performance_report", PerformanceReport)
    book.write(report, f"{topics.reports}-value")
    state = book.codec("monitor_state", MonitorState)
    book.write(state, f"{settings.changelog(MERGE, MERGE_TABLE)}-value")
    partials = book.codec("performance_partial", PerformancePartial)
    partitions = describe_inputs(Admin(settings), [settings.topic("predictions")]).partitions
    lateness_ms = settings.allowed_lateness_seconds * 1000
    job = PerformanceReportJob(
        Reader(book.reader(partials), _anything, lambda _partial: 0),
        topics,
        report,
        state,
        lambda states: Merging.restore(settings.run_id, partitions, lateness_ms, states),
        costs_of(settings.cost_matrix),
        metrics,
        PerformanceFigures(metrics.registry),
        settings.worker_name,
    )
    tail = Tail(topics.reports, lambda value: report_id(report.decode(value)))
    return Role(
        MERGE,
        INPUTS[MERGE],
        MERGE_TABLE,
        lambda _key, value: state.decode(value),
        job,
        (tail,),
        expire_seconds=_LOOK_SECONDS,
    )


def costs_of(setting: str | None) -> Costs | None:
    """Return the cost matrix which the checked *setting* names; None where there is none."""
    if setting is None:
        return None
    if setting == ZERO_ONE_COSTS:
        return ZERO_ONE
    home, draw, away = ((row[0], row[1], row[2]) for row in cost_rows(setting))
    return home, draw, away


def _anything(_partial: object) -> None:
    """Refuse nothing: a partial is judged by its payload."""
