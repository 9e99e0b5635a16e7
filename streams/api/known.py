"""One prediction as the index keeps it: what is compared, what is answered, and the record's bytes for the rest."""

import json
from dataclasses import dataclass

from schemas.records import Prediction
from streams.materializing.shelf import Place

ENDS = frozenset({"FULL_TIME", "CANCELLED"})
_LINE = (
    "prediction_id", "match_id", "event_id", "cause", "occurred_at_ms", "minute", "home_score", "away_score", "home",
    "draw", "away", "variant", "model", "model_version", "bundle_digest", "feature_set",
)  # fmt: skip
# Objects, references and the entries of two tables; tests/streams/api/test_index.py compares with what is allocated.
_OBJECT_BYTES = 900


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One prediction.

    Attributes:
        place: Where it stands in its log.
        scored_at_us: When the ensemble had answered, microseconds since the epoch.
        minute: Of the match; -1 before kick-off.
        chances: Probabilities of home, draw and away.
        over: Whether its cause ends the match.
        line: It as JSON, without features.
        record: It as it was read, Avro in the wire format.
    """

    prediction_id: str
    match_id: str
    competition: str
    place: Place
    scored_at_us: int
    minute: int
    chances: tuple[float, float, float]
    over: bool
    line: bytes
    record: bytes

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _OBJECT_BYTES + len(self.line) + len(self.record)

    def is_newer(self, other: "Known") -> bool:
        """Tell whether it is the later of two predictions of a match.

        In one partition the log's order says so, as each prediction is of a state in which all before it are folded.
        A match moves to another partition, or log, seldom: then the moments when they were scored do.
        """
        mine, theirs = self.place, other.place
        if (mine.topic_id, mine.partition) == (theirs.topic_id, theirs.partition):
            return mine.offset > theirs.offset
        return (self.scored_at_us, mine.topic_id, mine.partition) > (
            other.scored_at_us, theirs.topic_id, theirs.partition,
        )  # fmt: skip


def known_of(prediction: Prediction, place: Place, record: bytes) -> Known:
    """Return what the index keeps of *prediction*, whose bytes are *record*."""
    return Known(
        prediction.prediction_id,
        prediction.match_id,
        prediction.competition,
        place,
        prediction.scored_at_us,
        prediction.minute,
        (prediction.home, prediction.draw, prediction.away),
        prediction.cause in ENDS,
        line_of(prediction),
        record,
    )


def line_of(prediction: Prediction) -> bytes:
    """Return *prediction* as JSON, without features; its numbers are finite."""
    fields = {name: getattr(prediction, name) for name in _LINE}
    fields["predicted_at_ms"] = prediction.scored_at_us // 1000
    return json.dumps(fields, separators=(",", ":")).encode()
