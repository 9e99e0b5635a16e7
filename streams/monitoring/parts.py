"""What one model did in one window and one partition, and how it is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitors.drift import DriftWindow
from monitors.latency import LatencyWindow
from monitors.reference import ReferenceHistograms
from schemas.records import MonitorPartial, MonitorState, PartialKind, Prediction

# Of a partition: twelve of them make 60,000 matches a window, and a state of 250 KB at most.
MAX_MATCHES = 5_000
PART_KEY = b"part/"


@dataclass(frozen=True, slots=True, order=True)
class ModelKey:
    """Whose predictions are counted together."""

    model: str
    version: str
    variant: str
    digest: str

    @classmethod
    def of(cls, prediction: Prediction) -> "ModelKey":
        """Return the key of a prediction."""
        return cls(prediction.model, prediction.model_version, prediction.variant.value, prediction.bundle_digest)

    @classmethod
    def of_partial(cls, partial: MonitorPartial) -> "ModelKey":
        """Return the key of a partial."""
        return cls(partial.model, partial.model_version, partial.variant, partial.bundle_digest)

    def to_list(self) -> list[str]:
        """Return plain values for JSON."""
        return [self.model, self.version, self.variant, self.digest]


@dataclass(frozen=True, slots=True)
class Row:
    """One prediction that is counted for the first time.

    Attributes:
        offset: Of its record.
        delivered_ms: Timestamp of its record.
    """

    offset: int
    delivered_ms: int
    prediction: Prediction


@dataclass(slots=True)
class DriftPart:
    """Drawn matches of one model in one window."""

    window: DriftWindow

    def add(self, rows: Sequence[Row]) -> None:
        """Count *rows*, none of which was counted before."""
        self.window.add_many(
            [row.prediction.match_id for row in rows],
            [row.prediction.prediction_id for row in rows],
            np.array([columns(row.prediction) for row in rows], dtype=np.float32),
        )

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on."""
        return self.window.to_dict()

    def counts(self) -> dict[str, Any]:
        """Return what the reader of partials adds up: monitors.drift.DriftCounts."""
        return self.window.counts().to_dict()


def columns(prediction: Prediction) -> list[float]:
    """Return what drift is looked for in: the features, then the probabilities in the order of the classes."""
    return [*prediction.features, prediction.home, prediction.draw, prediction.away]


@dataclass(slots=True)
class LatencyPart:
    """Latencies of one model's predictions in one window, by stage."""

    window: LatencyWindow

    def add(self, rows: Sequence[Row]) -> None:
        """Count *rows*, none of which was counted before."""
        self.window.update_many(stage_seconds(rows))

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on."""
        return self.window.to_dict()

    def counts(self) -> dict[str, Any]:
        """Return what the reader of partials adds up: monitors.latency.LatencyWindow."""
        return self.window.to_dict()


def stage_seconds(rows: Sequence[Row]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the seconds of each stage, one a row; negative where a clock is behind.

    Kafka's timestamps are whole milliseconds, cut off: a delivery in the millisecond of its scoring took no time.
    """
    times = [
        (
            row.prediction.source_timestamp_ms * 1000,
            row.prediction.received_at_us,
            row.prediction.decoded_at_us,
            row.prediction.scored_at_us,
            row.prediction.scored_at_us // 1000 * 1000,
            row.delivered_ms * 1000,
        )
        for row in rows
    ]
    source, received, decoded, scored, scored_whole, delivered = np.array(times, dtype=np.int64).reshape(-1, 6).T
    stages = {
        "received": received - source,
        "decoded": decoded - received,
        "scored": scored - decoded,
        "delivered": delivered - scored_whole,
        "total": delivered - source,
    }
    return {stage: found / 1e6 for stage, found in stages.items()}


@dataclass(slots=True)
class Part:
    """Counts of one model in one window, up to an offset of the partition.

    Attributes:
        applied: Next offset of predictions: all before it are counted, so that none is counted twice after a restart.
        touched: Whether there is more in it than was last written.
    """

    kind: PartialKind
    model: ModelKey
    start_ms: int
    content: DriftPart | LatencyPart
    applied: int = 0
    touched: bool = False

    @property
    def key(self) -> bytes:
        """Key in the table."""
        return PART_KEY + json.dumps([self.kind.value, self.start_ms, *self.model.to_list()]).encode()

    def add(self, rows: Sequence[Row]) -> None:
        """Count those of *rows*, in the order of their offsets, which are not in it yet."""
        fresh = [row for row in rows if row.offset >= self.applied]
        if fresh:
            self.content.add(fresh)
            self.applied = fresh[-1].offset + 1
            self.touched = True

    def state(self) -> MonitorState:
        """Return the entry of the table."""
        return MonitorState(self.applied, compact(self.content.state()))


def compact(value: object) -> bytes:
    """Return *value* as JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes and restores parts.

    Attributes:
        references: Reference histograms by digest of their bundle.
    """

    references: Mapping[str, ReferenceHistograms]

    def knows(self, digest: str) -> bool:
        """Return whether drift from the bundle's training data can be told."""
        return digest in self.references

    def new(self, kind: PartialKind, model: ModelKey, start_ms: int) -> Part:
        """Return an empty part; KeyError for drift of a bundle whose reference is not known."""
        if kind is PartialKind.LATENCY:
            return Part(kind, model, start_ms, LatencyPart(LatencyWindow()))
        return Part(kind, model, start_ms, DriftPart(DriftWindow(self.references[model.digest], MAX_MATCHES)))

    def restored(self, key: bytes, state: MonitorState) -> Part | None:
        """Return what was written as *key*; None for drift of a bundle whose reference is not known any more."""
        name, start_ms, *model = json.loads(key.removeprefix(PART_KEY))
        kind, owner, fields = PartialKind(name), ModelKey(*model), json.loads(state.payload)
        if kind is PartialKind.LATENCY:
            return Part(kind, owner, start_ms, LatencyPart(LatencyWindow.from_dict(fields)), state.applied)
        reference = self.references.get(owner.digest)
        if reference is None:
            return None
        window = DriftWindow.from_dict(fields, reference, MAX_MATCHES)
        return Part(kind, owner, start_ms, DriftPart(window), state.applied)
