"""What the shadow role says: what a challenger would of every event, as long as that is of use."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter

from models.bundle import Bundle
from schemas.codec import Codec
from schemas.records import Prediction, Variant
from streams.metrics import WorkerMetrics
from streams.predicting.answering import FailureLog, answers, called, told
from streams.predicting.due import Due, Placed, Voice, facts_for
from streams.predicting.saying import Moment
from streams.predicting.served import Served
from streams.predicting.shadowing import shadow_counts

log = structlog.get_logger(__name__)


def shadowing(served: Served) -> Served:
    """Return what folds states, and says nothing of its own, for those who score in the shadow by *served*."""
    champion = served.champion
    return Served([champion], [Variant.SHADOW], lambda _: 0, [champion.digest], served.shadowed_by)


@dataclass(slots=True)
class ShadowSaying:
    """Says of every event what each bundle would which scores in the shadow, whichever of them serves the match.

    What comes late is left out, and counted: then the role catches up with the stream, which does not wait for it.

    Attributes:
        topic: Of the shadow predictions.
        patience_seconds: Age, by the newest record of a batch, above which nothing is scored.
    """

    topic: str
    codec: Codec[Prediction]
    metrics: WorkerMetrics
    patience_seconds: float
    _sent: Counter = field(init=False)
    _shed: Counter = field(init=False)
    _failed: Counter = field(init=False)
    _failures: FailureLog = field(default_factory=FailureLog)
    _shedding: int = 0

    def __post_init__(self) -> None:
        """Count from zero."""
        self._sent, self._shed, self._failed = shadow_counts(self.metrics.registry)

    async def say(self, served: Served, due: Sequence[Due], moment: Moment) -> Placed:
        """Return what is said of *due*."""
        bundles = {one.digest: one for one in served.shadowed_by.values()}.values()
        rows = sum(len(one.facts) for one in due) * len(bundles)
        if not rows or self._sheds(rows, time.time() - moment.timestamps_ms.max() / 1000):
            return []
        return [one for bundle in bundles for one in await self._say(bundle, due, moment)]

    async def _say(self, bundle: Bundle, due: Sequence[Due], moment: Moment) -> Placed:
        facts = facts_for(due, bundle)
        got = await called(len(facts), answers, bundle, facts)
        times_us = (moment.decoded_at_us, time.time_ns() // 1000)
        self.metrics.stage("scored", (times_us[1] - times_us[0]) / 1e6)
        self._failures.note(bundle.digest, got.failures)
        self._failed.inc(len(got.failures))
        self._sent.inc(len(facts) - len(got.failures))
        return told(due, Voice(bundle, Variant.SHADOW, self.topic, self.codec), got, times_us)

    def _sheds(self, rows: int, age_seconds: float) -> bool:
        """Tell whether so many *rows* are too old, and log when that begins and ends."""
        late = age_seconds > self.patience_seconds
        if late:
            self._shed.inc(rows)
            if not self._shedding:
                log.warning("shadow.shedding", behind_seconds=round(age_seconds, 1))
            self._shedding += rows
        elif self._shedding:
            log.info("shadow.caught_up", left_out=self._shedding)
            self._shedding = 0
        return late
