"""Who says what of that which is known after events: the champion, a challenger, and the other one in the shadow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.codec import Codec
from schemas.records import Prediction, Variant
from streams.metrics import WorkerMetrics
from streams.predicting.answering import answers, called
from streams.predicting.due import Due, Placed, Voice, facts_for, predicted
from streams.predicting.served import Served
from streams.predicting.shadowing import Shadows


class Moment(NamedTuple):
    """When a batch was worked on.

    Attributes:
        decoded_at_us: When its slices were decoded.
        timestamps_ms: Of its records.
    """

    decoded_at_us: int
    timestamps_ms: NDArray[np.int64]


class Saying(Protocol):
    """Says something of what is known after events."""

    async def say(self, served: Served, due: Sequence[Due], moment: Moment) -> Placed:
        """Return what is to be written of *due*, at least one."""
        ...


@dataclass(slots=True)
class Predicting:
    """Says predictions: each match's by the bundle which serves it.

    Attributes:
        topic: Of the predictions.
        shadows: Says what the other bundle does of the same events; None for nobody.
    """

    topic: str
    codec: Codec[Prediction]
    metrics: WorkerMetrics
    shadows: Shadows | None = None

    async def say(self, served: Served, due: Sequence[Due], moment: Moment) -> Placed:
        """Return predictions, and a record of each event that a challenger could not score."""
        found: list[Placed] = []
        for number in sorted({one.bundle for one in due}):
            its = [one for one in due if one.bundle == number]
            tried = served.variants[number] is Variant.CHALLENGER
            saying = self._tried if tried else self._said
            found.append(await saying(served, number, its, moment.decoded_at_us))
            if self.shadows is not None and number in served.shadowed_by:
                self.shadows.offer(served.shadowed_by[number], its, moment.decoded_at_us)
        return found[0] if len(found) == 1 else [one for some in found for one in some]

    async def _said(self, served: Served, number: int, its: Sequence[Due], decoded_at_us: int) -> Placed:
        """Return what bundle *number* says; what it raises stops the worker."""
        bundle = served.bundles[number]
        facts = facts_for(its, bundle)
        features = bundle.features.of(facts)
        probabilities = await called(len(facts), bundle.score, features, bundle.feature_set)
        times_us = self._scored(served, number, probabilities, decoded_at_us)
        return predicted(its, self._voice(served, number), (features, probabilities), times_us)

    async def _tried(self, served: Served, number: int, its: Sequence[Due], decoded_at_us: int) -> Placed:
        """Return what the challenger says; where it cannot, the champion says it, and a shadow that it could not."""
        bundle = served.bundles[number]
        facts = facts_for(its, bundle)
        got = await called(len(facts), answers, bundle, facts)
        told = np.array([row not in got.failures for row in range(len(facts))])
        times_us = self._scored(served, number, got.scored[1][told], decoded_at_us)
        own = predicted(its, self._voice(served, number), got.scored, times_us)
        if not got.failures:
            return own
        champions = await self._said(served, 0, its, decoded_at_us)
        found = [ours if told[row] else theirs for row, (ours, theirs) in enumerate(zip(own, champions, strict=True))]
        if self.shadows is not None:
            found += self.shadows.failures(bundle, its, got, times_us)
        return found

    def _voice(self, served: Served, number: int) -> Voice:
        return Voice(served.bundles[number], served.variants[number], self.topic, self.codec)

    def _scored(
        self, served: Served, number: int, probabilities: NDArray[np.float32], decoded_at_us: int
    ) -> tuple[int, int]:
        """Measure what bundle *number* has just said; return when it was decoded and when it was scored."""
        bundle, times_us = served.bundles[number], (decoded_at_us, time.time_ns() // 1000)
        self.metrics.stage("scored", (times_us[1] - times_us[0]) / 1e6)
        if len(probabilities):
            self.metrics.predictions(bundle.model, bundle.version, served.variants[number].value, probabilities)
        return times_us
