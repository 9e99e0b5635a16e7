"""Latencies by stage, in sketches which merge exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ddsketch import DDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.pb.proto import DDSketchProto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

STAGES = ("received", "decoded", "scored", "delivered", "total")
RELATIVE_ACCURACY = 0.01
SHORTEST = 1e-6  # what is shorter counts as 0: clocks do not tell it apart
LONGEST = 1e7  # some four months; with SHORTEST it bounds a sketch to some 1,500 bins

_MAPPING = LogarithmicMapping(RELATIVE_ACCURACY)
_LOG_GAMMA = math.log(_MAPPING.gamma)


class LatencySketch:
    """Quantiles of durations in seconds, each within 1 % of an observed value; bounded memory, exact merging.

    A negative duration comes from two clocks of which one is behind. It is counted, never added.
    """

    def __init__(self) -> None:
        self._sketch = DDSketch(RELATIVE_ACCURACY)
        self._clock_behind = 0

    @property
    def count(self) -> int:
        """Durations added."""
        return int(self._sketch.count)

    @property
    def clock_behind(self) -> int:
        """Negative durations, left out."""
        return self._clock_behind

    def update(self, seconds: float) -> None:
        """Add one duration; ValueError when it is not finite."""
        self.update_many([seconds])

    def update_many(self, seconds: Sequence[float] | NDArray[np.float64]) -> None:
        """Add durations, in one go for each bin they fall into; ValueError when one is not finite."""
        values = np.asarray(seconds, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"a latency is a finite number of seconds, not {values[~np.isfinite(values)][0]}")
        self._clock_behind += int(np.count_nonzero(values < 0))
        self._add(0.0, int(np.count_nonzero((values >= 0) & (values < SHORTEST))))
        long = np.minimum(values[values >= SHORTEST], LONGEST)
        keys, weights = np.unique(np.ceil(np.log(long) / _LOG_GAMMA).astype(np.int64), return_counts=True)
        for key, weight in zip(keys.tolist(), weights.tolist(), strict=True):
            self._add(_MAPPING.value(key), weight)

    def percentile(self, percent: float) -> float | None:
        """Return that percentile in seconds; None without a measure.

        >>> sketch = LatencySketch()
        >>> sketch.update_many([0.1] * 99 + [2.0])
        >>> round(sketch.percentile(50), 2), round(sketch.percentile(100), 1)
        (0.1, 2.0)
        """
        if not 0 <= percent <= 100:  # noqa: PLR2004 - a percentage
            raise ValueError(f"a percentile is between 0 and 100, not {percent}")
        value = self._sketch.get_quantile_value(percent / 100)
        return None if value is None else float(value)

    def merge(self, other: LatencySketch) -> None:
        """Add all that *other* holds."""
        self._sketch.merge(other._sketch)
        self._clock_behind += other._clock_behind

    def __add__(self, other: LatencySketch) -> LatencySketch:
        both = LatencySketch()
        both.merge(self)
        both.merge(other)
        return both

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencySketch) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values: the used bins and their counts, in the order of the bins."""
        proto = DDSketchProto.to_proto(self._sketch)
        first = proto.positiveValues.contiguousBinIndexOffset
        counts = enumerate(proto.positiveValues.contiguousBinCounts, start=first)
        bins = [[key, int(count)] for key, count in counts if count]
        return {"zeros": int(proto.zeroCount), "bins": bins, "clock_behind": self._clock_behind}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> LatencySketch:
        """Return the sketch that `to_dict` wrote."""
        sketch = cls()
        sketch._clock_behind = fields["clock_behind"]
        sketch._add(0.0, fields["zeros"])
        for key, count in fields["bins"]:
            sketch._add(_MAPPING.value(key), count)
        return sketch

    def _add(self, seconds: float, weight: int) -> None:
        if weight:
            self._sketch.add(seconds, weight)


class LatencyWindow:
    """One sketch a stage: from source to received, to decoded, to scored, to delivered, and in total."""

    def __init__(self) -> None:
        self._stages = {stage: LatencySketch() for stage in STAGES}

    def __getitem__(self, stage: str) -> LatencySketch:
        """Return the sketch of *stage*; KeyError for one that is not in STAGES."""
        return self._stages[stage]

    def update_many(self, seconds: Mapping[str, Sequence[float] | NDArray[np.float64]]) -> None:
        """Add durations by stage; ValueError for a stage that is not in STAGES."""
        if unknown := sorted(set(seconds) - set(STAGES)):
            raise ValueError(f"stages {unknown} are unknown; known are {list(STAGES)}")
        for stage, values in seconds.items():
            self._stages[stage].update_many(values)

    def merge(self, other: LatencyWindow) -> None:
        """Add all that *other* holds."""
        for stage, sketch in self._stages.items():
            sketch.merge(other._stages[stage])

    def __add__(self, other: LatencyWindow) -> LatencyWindow:
        both = LatencyWindow()
        both.merge(self)
        both.merge(other)
        return both

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencyWindow) and self._stages == other._stages

    __hash__ = None  # type: ignore[assignment]  # it changes

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {stage: sketch.to_dict() for stage, sketch in self._stages.items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> LatencyWindow:
        """Return the window that `to_dict` wrote; a stage it does not name is empty."""
        window = cls()
        for stage in STAGES:
            if stage in fields:
                window._stages[stage] = LatencySketch.from_dict(fields[stage])
        return window
