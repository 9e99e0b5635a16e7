"""What the predict role reads, writes and predicts with."""

from dataclasses import dataclass

from features.match_state import MatchState
from schemas.codec import Codec
from schemas.records import FeatureEvent, MatchEvent, Prediction, TeamEvent

Event = MatchEvent | FeatureEvent


@dataclass(frozen=True, slots=True)
class PredictTopics:
    """Names on the brokers of what the role reads and writes.

    Attributes:
        team_events: None where nobody is to be told.
        dead_letters: None where what cannot be used is counted only.
    """

    match_events: str
    feature_events: str
    predictions: str
    team_events: str | None
    dead_letters: str | None


@dataclass(frozen=True, slots=True)
class PredictCodecs:
    """How the role reads its events, and writes."""

    match_event: Codec[MatchEvent]
    feature_event: Codec[FeatureEvent]
    prediction: Codec[Prediction]
    team_event: Codec[TeamEvent]
    state: Codec[MatchState]


class EncodedStates:
    """Leaves the values of the changelog as they are, once the schema of each is known."""

    def __init__(self, codec: Codec[MatchState]) -> None:
        self._codec = codec
        self._known: set[bytes] = set()

    def __call__(self, key: bytes, value: bytes) -> bytes:
        """Return *value*; raises what the codec does for the first of its schema."""
        del key
        header = value[:5]  # magic byte and schema id
        if header not in self._known:
            self._codec.decode(value)
            self._known.add(header)
        return value
