"""A replay: every match day in turn, and afterwards whether what was predicted is what it must be."""

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from features.feature_sets import FEATURE_SETS, FeatureSet
from features.history import HistoricMatch
from features.rating_book import RatingBook
from models.bundle import Bundle
from models.manifest import FILES
from schemas.codec import Codec
from schemas.records import FeatureEvent, MatchEvent, Prediction
from streams.bundles import bundle_of, contents_of
from streams.patient_registry import patient_registry
from streams.playing.catching_up import CatchingUp
from streams.playing.counting import Arrivals
from streams.playing.errors import PlayError
from streams.playing.match_days import MatchDay
from streams.playing.parity import Parity, Seen, compare, expected, misscored, vector_bytes
from streams.playing.player import Player
from streams.playing.training_rows import TrainingParity, against_training, training_rows
from streams.playing.watching import Stopwatch, Watch, learning, quantile
from streams.records_io import spec_of, version_of, writing_codec
from streams.sending import Sender
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a replay; the names of `touchline replay --json`.

    Attributes:
        events: Sent to match-events, and told to feature-events by the rate role and by users' own sources.
        parity_mismatches: Of predictions and what was expected, of every kind.
        rescored: Predictions whose features were scored once more, to compare: those of the bundle in the settings.
        training_rows: Predictions that were compared with what training and backtest make of the history.
        training_mismatches: Of them, those with other features, and those with other probabilities.
        largest_difference: Of a probability to the one of training; None when none was compared.
        differences: The first of the differences to training, in words.
        p50_ms: From source timestamp to the prediction in the replay's hands; None without any. So for p99_ms.
        events_per_second: From the first event sent to the last prediction read, waits between days included.
    """

    matches: int
    events: int
    predictions: int
    dead_letters: int
    parity_mismatches: int
    rescored: int
    training_rows: int
    training_mismatches: int
    largest_difference: float | None
    differences: Sequence[str]
    p50_ms: float | None
    p99_ms: float | None
    events_per_second: float

    @property
    def complete(self) -> bool:
        """True when every event which changes what is known has its one right prediction."""
        return not self.parity_mismatches and not self.training_mismatches and not self.dead_letters

    def as_json(self) -> dict[str, object]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(slots=True)
class Replay:
    """Plays *days* on a stage which is ready.

    Attributes:
        book: The ratings with which the rate role began.
        history: The matches of *days*, and those of earlier days which are in the ratings; none when what is played is
            not to be compared with training.
        check: Raises when the workers have ended.
        each: Told of every event sent, and of every prediction.
        begin: Told of every day, before it is played.
        stopwatch: Measures every prediction.
        parity: Why the result counts mismatches, once it has run.
        training: So for those with training.
    """

    settings: Settings
    days: Sequence[MatchDay]
    book: RatingBook
    check: Callable[[], None]
    history: Sequence[HistoricMatch] = ()
    speed: float | None = None
    each: Callable[[MatchEvent | Prediction], None] = lambda _one: None
    begin: Callable[[MatchDay], None] = lambda _day: None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    parity: Parity | None = None
    training: TrainingParity = field(default_factory=TrainingParity)
    _predictions: list[Prediction] = field(default_factory=list)
    _rescored: int = 0

    def run(self) -> Result:
        """Play, wait, compare.

        Raises:
            PlayError: The workers have ended or do not move.
            BrokerError: The brokers are away.
        """
        with ExitStack() as stack:
            feature_events = stack.enter_context(closing(Arrivals(self.settings, "feature-events")))
            dead_letters = stack.enter_context(closing(Arrivals(self.settings, "dead-letters")))
            watch = stack.enter_context(closing(self._watch()))
            watch.start()
            began = time.monotonic()
            sent = self._play(stack)
            watch.wait_for_the_end()
            seconds = time.monotonic() - began
            bundle = bundle_of(self.settings)
            self.parity = self._compared(bundle)
            if self.history:
                self.training = self._against_training(bundle)
            events = sent + feature_events.count()
            return Result(
                matches=len({event.match_id for day in self.days for event in (*day.fixtures, *day.course)}),
                events=events,
                predictions=len(self._predictions),
                dead_letters=dead_letters.count(),
                parity_mismatches=self.parity.mismatches,
                rescored=self._rescored,
                training_rows=self.training.rows,
                training_mismatches=self.training.mismatches,
                largest_difference=self.training.largest,
                differences=self.training.first,
                p50_ms=_rounded(quantile(self.stopwatch.latencies_ms, 0.5)),
                p99_ms=_rounded(quantile(self.stopwatch.latencies_ms, 0.99)),
                events_per_second=round(events / seconds, 1),
            )

    def _watch(self) -> Watch[Prediction]:
        decode = learning(Codec("prediction", Prediction), patient_registry(self.settings))

        def take(prediction: Prediction) -> None:
            self.stopwatch.take(prediction)
            self._predictions.append(prediction)
            self.each(prediction)

        return Watch(self.settings, "predictions", decode, take)

    def _play(self, stack: ExitStack) -> int:
        match_events = self._player("match-events", self.each)
        feature_events = self._player("feature-events", lambda _one: None)
        caught_up = stack.enter_context(closing(CatchingUp(self.settings, self.check)))
        for day in self.days:
            self.begin(day)
            for wave in day.waves:
                player = match_events if isinstance(wave[0], MatchEvent) else feature_events
                player.play(wave)
                caught_up.wait()
        return match_events.sender.sent

    def _player(self, topic: str, each: Callable[[Any], None]) -> Player:
        spec = spec_of(topic)
        codec = writing_codec(self.settings, patient_registry(self.settings), spec, version_of(self.settings, spec))
        return Player(Sender(self.settings, self.settings.topic(topic)), codec, self.speed, each)

    def _compared(self, bundle: Bundle) -> Parity:
        wanted = expected(self.days, copy.deepcopy(self.book), self._feature_set(bundle))
        found = (Seen(one.match_id, one.event_id, vector_bytes(one.features)) for one in self._predictions)
        ours = [one for one in self._predictions if one.bundle_digest == bundle.digest]
        self._rescored = len(ours)
        return replace(compare(wanted, found), misscored=misscored(ours, bundle))

    def _against_training(self, bundle: Bundle) -> TrainingParity:
        features = self._feature_set(bundle)
        told: dict[str, list[FeatureEvent]] = {}
        for day in self.days:
            for event in day.told:
                told.setdefault(event.match_id, []).append(event)
        rows = training_rows(self.history, features, self.days[0].day, told)
        graph = contents_of(self.settings).files[FILES[0]]
        return against_training(self._predictions, rows, features.names, graph, bundle.digest)

    def _feature_set(self, bundle: Bundle) -> FeatureSet:
        known = {**FEATURE_SETS, bundle.feature_set: bundle.features}
        names = {prediction.feature_set for prediction in self._predictions}
        if not names <= known.keys():
            raise PlayError(
                f"feature set {', '.join(sorted(names - known.keys()))} is not known here; run the workers' "
                "own version and name their bundle by TOUCHLINE_BUNDLE"
            )
        return known[next(iter(names), bundle.feature_set)]


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
