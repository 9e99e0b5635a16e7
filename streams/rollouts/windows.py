"""The windows of a trial as the topics tell them: counted by the first who judges one, read by all who come later."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from monitors.rollout_evidence import Evidence
from schemas.codec import Codec, DecodeError
from schemas.records import MatchEvent, Prediction, ShadowComparison
from streams.following import Follower
from streams.patient_registry import PatientRegistry, patient_registry
from streams.playing.watching import learning
from streams.rollouts.live_evidence import LiveEvidence, Seen
from streams.rollouts.trials import Trial
from streams.rollouts.window_log import WINDOWS, WindowLog, comparison, writer
from streams.settings import Settings

_GATHER_MS: Final = 250  # windows are longer by far


class Windows:
    """Reads the topics of a trial from its beginning on; for one thread.

    Args:
        settings: Of the brokers.
        trial: What is tried.
        clip: At which a match's difference in log loss is clipped, in nats.
        patience: Seconds for the topics to be read to their ends, each time.
    """

    def __init__(self, settings: Settings, trial: Trial, clip: float, patience: float = math.inf) -> None:
        self._settings, self._trial, self._patience = settings, trial, patience
        self._evidence = LiveEvidence(trial.champion, trial.challenger, clip)
        self._log = WindowLog(trial, clip)
        self._seen: tuple[int, Seen] | None = None
        registry = patient_registry(settings)
        said = _each(Codec("prediction", Prediction), registry, self._evidence.take_prediction)
        ended = _each(Codec("match_event", MatchEvent), registry, self._evidence.take_event)
        written = _each(Codec("shadow_comparison", ShadowComparison), registry, self._log.take)
        wanted = (("predictions", said), ("shadow-predictions", said), ("match-events", ended), (WINDOWS, written))
        self._readers = [Follower(settings, topic, take, gather_ms=_GATHER_MS) for topic, take in wanted]

    @property
    def broken(self) -> bool:
        """Whether a topic cannot be read any further."""
        return any(reader.error is not None for reader in self._readers)

    def start(self) -> None:
        """Begin to read; raises BrokerError."""
        for reader in self._readers:
            reader.start(self._trial.since_ms)

    def close(self) -> None:
        """End the reading."""
        for reader in self._readers:
            reader.close()

    def told(self, window_ms: tuple[int, int], *, write: bool) -> Evidence:
        """Return what is known of a window, from its beginning to its end; *write* it down if nobody has.

        Asked once more, after an error, it says the same.

        Raises:
            BrokerError: The brokers are away.
            ChangeError: It was judged by another plan.
            RuntimeError: A topic cannot be read, or not in time.
        """
        for reader in self._readers:
            reader.wait_until_read(self._patience)
        seen = self._counted(window_ms[1])  # also of a window that is written: what it told is not told again
        if write and self._log.evidence(*window_ms) is None:
            versions = [self._evidence.versions.get(one, "") for one in (self._trial.champion, self._trial.challenger)]
            writer(self._settings)(comparison(self._trial, self._log.clip, window_ms, seen, versions))
            self._readers[-1].wait_until_read(self._patience)
        return self._log.evidence(*window_ms) or seen.evidence

    def _counted(self, until_ms: int) -> Seen:
        if self._seen is None or self._seen[0] != until_ms:
            self._seen = until_ms, self._evidence.window(until_ms)
        return self._seen[1]


def _each(
    codec: Codec[Any], registry: PatientRegistry, take: Callable[[Any, int], None]
) -> Callable[[str, Sequence[Any]], None]:
    decode = learning(codec, registry)

    def each(_topic_id: str, records: Sequence[Any]) -> None:
        for record in records:
            try:
                one = decode(record.value() or b"")
            except DecodeError:  # the workers set it aside, and say so
                continue
            take(one, record.timestamp()[1])

    return each
