"""What a worker counts and measures, by the names its users' dashboards know."""

from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from models.predictors import CLASSES, Probabilities
from streams.bulk_histogram import BulkHistogram
from streams.engine.dead_letters import Cause

M = TypeVar("M", Counter, Histogram)

LATENCY_BUCKETS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
)  # fmt: skip


class WorkerMetrics:
    """The metrics of one role; labels come from closed sets only.

    Attributes:
        registry: Where a role adds metrics of its own.
    """

    def __init__(self, registry: CollectorRegistry, role: str, topic_prefix: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library types the rest
        self.registry = registry
        self._role = role
        self._topic_prefix = topic_prefix
        self._events = Counter(
            "touchline_events", "Records by what became of them.", ["role", "topic", "kind"], registry=registry
        )
        self._children: dict[tuple[object, tuple[str, ...]], object] = {}
        self._dead_letters = Counter(
            "touchline_dead_letters", "Records set aside, by cause.", ["role", "cause"], registry=registry
        )
        self._share = Gauge(
            "touchline_dead_letter_share", "Share of the last 1,000 records set aside, 0 to 1.", ["role", "topic"],
            registry=registry,
        )  # fmt: skip
        self._alarm = Gauge(
            "touchline_dead_letter_alarm", "1 when more is set aside than should be.", ["role", "topic"],
            registry=registry,
        )  # fmt: skip
        self._errors = Counter(
            "prediction_errors", "Records which could not be predicted, by cause.", ["error_type"], registry=registry
        )
        for cause in Cause:  # shown as 0, so that the first of its kind is an increase
            self._dead_letters.labels(role, cause)
            self._errors.labels(cause)
        self._predictions = Counter(
            "touchline_predictions", "Predictions made.", ["model", "version", "variant"], registry=registry
        )
        self._outcomes = Counter(
            "touchline_predicted_outcomes", "Predictions by their likeliest outcome: home, draw or away.",
            ["model", "version", "variant", "outcome"], registry=registry,
        )  # fmt: skip
        self._certainty = Counter(
            "touchline_confidence", "Sum of the highest probabilities of the predictions made.",
            ["model", "version", "variant"], registry=registry,
        )  # fmt: skip
        self._confidence = Gauge(
            "prediction_confidence", "Mean highest probability of the last batch.", registry=registry
        )
        self._latency = BulkHistogram(
            "prediction_latency_seconds",
            "Timestamp of the cause's record to the prediction on the brokers.",
            LATENCY_BUCKETS,
        )
        registry.register(self._latency)
        self._stages = Histogram(
            "touchline_stage_latency_seconds",
            "Time of one stage of the way.",
            ["role", "stage"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._clock_behind = Counter(
            "touchline_clock_behind", "Negative latencies, left out.", ["role"], registry=registry
        )
        self._batch = Histogram(
            "touchline_batch_records", "Records worked on in one go.", ["role"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096), registry=registry,
        )  # fmt: skip
        self._contradictions = Counter(
            "touchline_contradicted_results", "Final scores which are not the goals seen.", registry=registry
        )
        self._moved = Counter(
            "touchline_moved_matches", "Running matches which went to another bundle.", ["role"], registry=registry
        )
        self._final_scores = Counter(
            "touchline_final_scores", "Final scores of predicted matches; corrected ones again.", registry=registry
        )
        self._ready = Gauge("touchline_ready", "1 when restored and assigned.", ["role"], registry=registry)
        self._states = Gauge("touchline_states", "States in the table.", ["role"], registry=registry)
        self._to_read = Gauge(
            "touchline_restore_records", "Changelog records that a restore would read.", ["role"], registry=registry
        )
        self._rebalances = Counter("touchline_rebalances", "Assignments taken up.", ["role"], registry=registry)
        self._restored = Histogram(
            "touchline_restore_seconds", "Time to restore the table on an assignment.", ["role"], registry=registry
        )
        self._held_lanes = Counter("touchline_held_lanes", "Partitions held for an unknown schema.", ["role"],
                                 registry=registry)  # fmt: skip
        for one in (self._clock_behind, self._held_lanes, self._moved):
            one.labels(role)

    def event(self, topic: str, kind: str, count: int = 1) -> None:
        """Count *count* records of *topic*: predicted, held, repeated, replayed, refused or dead_letter."""
        self._of(self._events, self._role, topic.removeprefix(self._topic_prefix), kind).inc(count)

    def _of(self, metric: M, *labels: str) -> M:
        """Return what counts for *labels*; that *metric* finds it itself costs more than counting."""
        found = self._children.get((metric, labels))
        if found is None:
            found = self._children[metric, labels] = metric.labels(*labels)
        return cast("M", found)

    def dead_letter(self, topic: str, cause: str) -> None:
        """Count one record set aside."""
        self.event(topic, "dead_letter")
        self.letter(cause)

    def letter(self, cause: str) -> None:
        """Count one dead letter of a record which has been counted already."""
        self._dead_letters.labels(self._role, cause).inc()
        self._errors.labels(cause).inc()

    def set_aside(self, topic: str, share: float, *, alarm: bool) -> None:
        """Remember which share of the last records of *topic* was set aside, and whether that is too much."""
        labels = (self._role, topic.removeprefix(self._topic_prefix))
        self._share.labels(*labels).set(share)
        self._alarm.labels(*labels).set(int(alarm))

    def predictions(self, model: str, version: str, variant: str, probabilities: Probabilities) -> None:
        """Count predictions and their likeliest outcomes, and remember their mean highest probability."""
        count, highest = len(probabilities), float(probabilities.max(axis=1).sum())
        self._of(self._predictions, model, version, variant).inc(count)
        self._of(self._certainty, model, version, variant).inc(highest)
        self._confidence.set(highest / count)
        likeliest = np.bincount(probabilities.argmax(axis=1), minlength=len(CLASSES)).tolist()
        for outcome, often in zip(CLASSES, likeliest, strict=True):
            if often:
                self._of(self._outcomes, model, version, variant, outcome).inc(often)

    def moved(self) -> None:
        """Count a running match which goes to another bundle than it began with."""
        self._moved.labels(self._role).inc()

    def latencies(self, seconds: NDArray[np.float64]) -> None:
        """Measure predictions; a clock which runs behind is counted, never a negative latency."""
        behind = int((seconds < 0).sum())
        if behind:
            self._clock_behind.labels(self._role).inc(behind)
            seconds = seconds[seconds >= 0]
        self._latency.observe(seconds)

    def stage(self, stage: str, seconds: float) -> None:
        """Measure one stage of one batch."""
        self._of(self._stages, self._role, stage).observe(max(seconds, 0.0))

    def batch(self, records: int) -> None:
        """Measure the size of a batch."""
        self._of(self._batch, self._role).observe(records)

    def final_score(self, *, contradicted: bool) -> None:
        """Count one final score, and whether it is not the goals seen."""
        self._final_scores.inc()
        if contradicted:
            self._contradictions.inc()

    def restored(self, seconds: float, states: int) -> None:
        """Measure one assignment taken up."""
        self._rebalances.labels(self._role).inc()
        self._restored.labels(self._role).observe(seconds)
        self.states(states)

    def states(self, states: int) -> None:
        """Remember how many states the table holds."""
        self._states.labels(self._role).set(states)

    def to_read(self, records: int) -> None:
        """Remember how many records of its changelog a restore would read now, those of no use included."""
        self._to_read.labels(self._role).set(records)

    def ready(self, *, ready: bool) -> None:
        """Remember whether slices are taken."""
        self._ready.labels(self._role).set(int(ready))

    def lane_held(self) -> None:
        """Count a partition held for a schema which is not known yet."""
        self._held_lanes.labels(self._role).inc()
