"""What starts a retraining by itself: an alarm of drift, predictions worse than they say, or time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from schemas.records import DriftReport
from streams.monitoring.reading import ReportReader
from streams.performance.reading import performance_reports
from streams.retraining.run import Cause, Run
from streams.settings import Settings
from streams.topics import DAY_MS

HOUR_MS: Final = 3_600_000
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Triggers:
    """What is waited for.

    Attributes:
        drift: An alarm of drift of the champion.
        accuracy: Nats by which its log loss may exceed what its own probabilities say; None for not looking.
        fewest: Matches with a result, at least, for that.
        every_days: After so many days it is trained again anyway; None for never.
        rest_hours: So long after a run began none begins by itself.
    """

    drift: bool = False
    accuracy: float | None = None
    fewest: int = 200
    every_days: float | None = None
    rest_hours: float = 24.0


def cause_of(settings: Settings, triggers: Triggers, digest: str, runs: Sequence[Run], now_ms: int) -> Cause | None:
    """Return why the champion of *digest* should be trained again now, after *runs*; None for no reason.

    An alarm starts one run: it counts again only in a window that ends after the one which did.

    Raises:
        BrokerError: The brokers are away, or there is no topic of reports.
    """
    if runs and now_ms < runs[-1].began_ms + triggers.rest_hours * HOUR_MS:
        return None
    looks: list[Callable[[], Cause | None]] = []
    if triggers.drift:
        looks.append(lambda: _drift(settings, digest, _last(runs, "drift")))
    if triggers.accuracy is not None:
        looks.append(lambda: _accuracy(settings, triggers, digest, _last(runs, "accuracy")))
    looks.append(lambda: _schedule(triggers, runs, now_ms))
    return next((cause for look in looks if (cause := look()) is not None), None)


def drift_cause(reports: Sequence[DriftReport], digest: str, after_ms: int) -> Cause | None:
    """Return the alarm of the newest of *reports* about *digest*; None when it has none, or ends before *after_ms*."""
    about = [one for one in reports if one.bundle_digest == digest]
    if not about:
        return None
    newest = max(about, key=lambda one: one.window_end_ms)
    if not newest.alarms or newest.window_end_ms <= after_ms:
        return None
    names = ", ".join(sorted(newest.alarms)[:_SHOWN]) + (" and others" if len(newest.alarms) > _SHOWN else "")
    return Cause("drift", f"drift of {names} in the window until {_day(newest.window_end_ms)}", newest.window_end_ms)


def accuracy_cause(
    reports: Sequence[Mapping[str, Any]], triggers: Triggers, digest: str, after_ms: int
) -> Cause | None:
    """Return how far the newest of *reports* about *digest* is from what its probabilities say; None when near enough.

    A model whose probabilities are right has, on the mean, the log loss that it expects of itself (Guo et al. 2017;
    monitors.cbpe). One that has learned another football than is played now has not.
    """
    about = [one for one in reports if one["bundle_digest"] == digest and one["segments"]]
    if not about or triggers.accuracy is None:
        return None
    newest = max(about, key=lambda one: (one["window_end_ms"], one["window_end_ms"] - one["window_start_ms"]))
    whole = newest["segments"][0]
    if newest["window_end_ms"] <= after_ms or whole["n_matches"] < triggers.fewest:
        return None
    ours, expected = whole["log_loss"], whole["estimated_log_loss"]
    if ours is None or expected is None or ours - expected <= triggers.accuracy:
        return None
    told = f"log loss {ours:.4f} over {whole['n_matches']:,} matches until {_day(newest['window_end_ms'])}"
    return Cause(
        "accuracy", f"{told}, {ours - expected:+.4f} worse than its probabilities say", newest["window_end_ms"]
    )


def _drift(settings: Settings, digest: str, after_ms: int) -> Cause | None:
    with closing(ReportReader(settings, "drift-reports", DriftReport)) as reader:
        reports = [report for found in reader.read(1).values() for report in found]
    return drift_cause(reports, digest, after_ms)


def _accuracy(settings: Settings, triggers: Triggers, digest: str, after_ms: int) -> Cause | None:
    with performance_reports(settings) as reports:
        return accuracy_cause(reports(), triggers, digest, after_ms)


def _schedule(triggers: Triggers, runs: Sequence[Run], now_ms: int) -> Cause | None:
    if triggers.every_days is None or (runs and now_ms < runs[-1].began_ms + triggers.every_days * DAY_MS):
        return None
    return Cause("schedule", f"{triggers.every_days:g} days since the last one" if runs else "the first one", now_ms)


def _last(runs: Sequence[Run], kind: str) -> int:
    return max((run.cause.at_ms for run in runs if run.cause.kind == kind), default=0)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
