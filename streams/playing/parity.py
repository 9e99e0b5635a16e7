"""What a replay must have predicted, computed without Kafka by the code that makes features for training."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.feature_sets import FeatureSet
from features.match_state import MatchState, after_event, after_feature_event, event_time_ms
from features.narrative import DAY_MS
from features.rating_book import RatingBook
from features.team_events import team_event
from models.bundle import Bundle
from schemas.records import FeatureEvent, MatchEvent, Prediction
from streams.playing.match_days import MatchDay

Event = MatchEvent | FeatureEvent
Due = tuple[Event, MatchState]

TOLERANCE = 1e-6
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """One prediction: its cause, and the bytes of its features as float32."""

    match_id: str
    event_id: str
    features: bytes

    @property
    def cause(self) -> tuple[str, str]:
        """Match and event."""
        return self.match_id, self.event_id


@dataclass(frozen=True, slots=True)
class Parity:
    """How predictions differ from what was expected, each counted once.

    Attributes:
        missing: Events which changed what is known and have no prediction.
        repeated: Predictions beyond the first of an event.
        unexpected: Predictions of events which change nothing, or are not of this replay.
        different: Predictions whose features are not the expected bits.
        misscored: Predictions whose probabilities are not those of their bundle for these features, within TOLERANCE.
    """

    missing: int = 0
    repeated: int = 0
    unexpected: int = 0
    different: int = 0
    misscored: int = 0

    @property
    def mismatches(self) -> int:
        """All differences."""
        return self.missing + self.repeated + self.unexpected + self.different + self.misscored


def vector_bytes(features: Sequence[float]) -> bytes:
    """Return the bits of a feature vector as float32."""
    return np.asarray(features, dtype=np.float32).tobytes()


def expected(days: Iterable[MatchDay], book: RatingBook, feature_set: FeatureSet) -> Iterator[Seen]:
    """Yield what is to be predicted after each event that changes what is known, day by day, with its features.

    Within a day: the fixtures; then the ratings which *book* gives them; then the course, and what users told.
    """
    for steps in due(days, book):
        yield from _seen(steps, feature_set)


def due(days: Iterable[MatchDay], book: RatingBook) -> Iterator[Sequence[Due]]:
    """Yield of each day the events after which something is predicted, in order, with the states from which."""
    offline = _Offline(book)
    for day in days:
        yield offline.fold(day)


@dataclass(slots=True)
class _Offline:
    """The states of all matches, and the ratings."""

    book: RatingBook
    _states: dict[str, MatchState] = field(default_factory=dict)
    _held: dict[str, list[Event]] = field(default_factory=dict)

    def fold(self, day: MatchDay) -> list[Due]:
        """Return each event which is to be predicted, and the state from which."""
        found = [due for wave in day.waves for due in self._wave(wave)]
        over = [match_id for match_id, state in self._states.items() if _over(state, day)]
        for match_id in over:
            del self._states[match_id]
        return found

    def _wave(self, events: Sequence[Event]) -> list[Due]:
        found: list[Due] = []
        ratings: list[FeatureEvent] = []
        for event in events:
            before = self._states.get(event.match_id) or MatchState(event.match_id)
            after = after_event(before, event)
            if after is before:
                continue
            self._states[event.match_id] = after
            held = self._held.setdefault(event.match_id, [])
            held.append(event)
            if after.fixture_known:
                found += [(one, after) for one in self._held.pop(event.match_id)]
            news = team_event(before, after, event) if isinstance(event, MatchEvent) else None
            if news is not None:
                ratings += self.book.after(news)
        for said in ratings:
            state = after_feature_event(self._states[said.match_id], said)
            self._states[said.match_id] = state
            found.append((said, state))
        return found


def _over(state: MatchState, day: MatchDay) -> bool:
    return state.ended_at_ms is not None and state.ended_at_ms < (day.day - 1) * DAY_MS


def _seen(steps: Sequence[Due], feature_set: FeatureSet) -> Iterator[Seen]:
    rows = feature_set.matrix([state for _, state in steps], [event_time_ms(event) for event, _ in steps])
    for (event, state), row in zip(steps, rows, strict=True):
        yield Seen(state.match_id, event.event_id, row.tobytes())


def compare(wanted: Iterable[Seen], found: Iterable[Seen]) -> Parity:
    """Return how *found* differs from *wanted*; their order does not matter."""
    features = {one.cause: one.features for one in wanted}
    counts: Counter[tuple[str, str]] = Counter()
    different: set[tuple[str, str]] = set()
    for one in found:
        counts[one.cause] += 1
        if one.cause in features and features[one.cause] != one.features:
            different.add(one.cause)
    known = counts.keys() & features.keys()
    return Parity(
        missing=len(features) - len(known),
        repeated=sum(counts[cause] - 1 for cause in known),
        unexpected=sum(count for cause, count in counts.items() if cause not in features),
        different=len(different),
    )


def misscored(predictions: Sequence[Prediction], bundle: Bundle) -> int:
    """Return how many of *predictions*, all made with *bundle*, do not have its answer to their own features."""
    wrong = 0
    for first in range(0, len(predictions), _AT_ONCE):
        some = predictions[first : first + _AT_ONCE]
        answers = bundle.score(np.array([one.features for one in some], np.float32), bundle.feature_set)
        told = np.array([(one.home, one.draw, one.away) for one in some])
        wrong += int((~(np.abs(answers - told) <= TOLERANCE)).any(axis=1).sum())  # a NaN is wrong
    return wrong
