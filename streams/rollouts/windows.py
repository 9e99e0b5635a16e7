"""The windows of a trial as the topics tell them: counted by the first who judges one, read by all who come later."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from monitors.rollout_evidence import Evidence
from schemas.codec import Codec, DecodeError
from schemas.records import ShadowComparison
from streams.following import Follower
from streams.patient_registry import PatientRegistry, patient_registry
from streams.playing.watching import learning
from streams.rollouts.answers import Said, Told
from streams.rollouts.live_evidence import GRACE_MS, LiveEvidence, Seen
from streams.rollouts.trials import Trial
from streams.rollouts.window_log import WINDOWS, WindowLog, comparison, writer
from streams.settings import Settings

_GATHER_MS: Final = 250  # windows are longer by far


class Windows:
    """Reads what the topics say of a trial, from the matches on that no window has counted; for one thread.

    What came too late for a window that is written counts in the next one, but is left out by who begins after it. A
    match that was given up is a new one to them, if it goes on after all.

    Args:
        settings: Of the brokers.
        trial: What is tried.
        clip: At which a match's difference in log loss is clipped, in nats.
        patience: Seconds for the topics to be read to their ends, each time.
    """

    def __init__(self, settings: Settings, trial: Trial, clip: float, patience: float = math.inf) -> None:
        self._settings, self._trial, self._patience = settings, trial, patience
        self._log = WindowLog(trial, clip)
        self._evidence = LiveEvidence(trial.champion, trial.challenger, clip)
        self._written_ms = 0  # windows up to then are read, not counted
        self._read_ms = 0.0  # when the ends were asked for to which all was read
        self._seen: tuple[int, Seen] | None = None
        self._write = writer(settings)
        self._registry = patient_registry(settings)
        written = _each(Codec("shadow_comparison", ShadowComparison), self._registry, self._log.take)
        self._written = Follower(settings, WINDOWS, written, gather_ms=_GATHER_MS)
        self._answers: list[Follower] = []

    @property
    def broken(self) -> bool:
        """Whether a topic cannot be read any further."""
        return any(reader.error is not None for reader in (self._written, *self._answers))

    def start(self) -> None:
        """Begin to read.

        Raises:
            BrokerError: The brokers are away.
            RuntimeError: The windows that are written cannot be read, or not in time.
        """
        trial = self._trial
        self._written.start(trial.since_ms)
        self._written.wait_until_read(self._patience)
        last = self._log.last
        if last is not None:
            self._written_ms = last.window_end_ms
            self._evidence = LiveEvidence(trial.champion, trial.challenger, self._log.clip, last.open_since_ms)
        said = _each(Codec("prediction", Said), self._registry, self._evidence.take_prediction)
        ended = _each(Codec("match_event", Told), self._registry, self._evidence.take_event)
        for topic, take in (("predictions", said), ("shadow-predictions", said), ("match-events", ended)):
            self._answers.append(Follower(self._settings, topic, take, gather_ms=_GATHER_MS))
            self._answers[-1].start(max(trial.since_ms, last.open_since_ms if last is not None else 0))

    def close(self) -> None:
        """End the reading."""
        for reader in (self._written, *self._answers):
            reader.close()

    def told(self, window_ms: tuple[int, int], now_ms: float, *, write: bool) -> Evidence:
        """Return what is known of a window, from its beginning to its end; *write* it down if nobody has.

        Asked once more, after an error, it says the same. What was read to its end after the window is not waited for
        again, so that one who is late by many windows catches up.

        Raises:
            BrokerError: The brokers are away.
            ChangeError: It was judged by another plan.
            RuntimeError: A topic cannot be read, or not in time.
        """
        written = self._log.evidence(*window_ms) if window_ms[1] <= self._written_ms else None
        if written is not None:
            return written
        if self._read_ms < window_ms[1] + GRACE_MS:
            for reader in (self._written, *self._answers):
                reader.wait_until_read(self._patience)
            self._read_ms = now_ms
        seen = self._counted(window_ms[1])  # also of a window that was written since: what it told is not told again
        if write and self._log.evidence(*window_ms) is None:
            versions = [self._evidence.versions.get(one, "") for one in (self._trial.champion, self._trial.challenger)]
            self._write(comparison(self._trial, self._log.clip, window_ms, seen, versions))
            self._written.wait_until_read(self._patience)
        return self._log.evidence(*window_ms) or seen.evidence

    def _counted(self, until_ms: int) -> Seen:
        if self._seen is None:
            self._evidence.window(self._written_ms)
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
