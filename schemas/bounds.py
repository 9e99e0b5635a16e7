"""What can be true of an event: values outside of it are refused before they reach a state."""

from collections.abc import Callable, Mapping

from schemas.records import GOALS, EventKind, FeatureEvent, MatchEvent, Prediction

MAX_MINUTE = 150
MAX_SCORE = 99
MAX_TEXT = 200
MAX_VALUES = 1_000
LARGEST_VALUE = 3.4e38  # models read float32
SUM_TOLERANCE = 1e-3  # of three float32, wherever they were added
EARLIEST_MS = -3_786_912_000_000  # 1850-01-01, UTC: before the first rules of the game
LATEST_MS = 7_258_118_400_000  # 2200-01-01, UTC
MAX_AHEAD_MS = 86_400_000  # of its record's timestamp: one absurd clock must not let other matches go

OF_ONE_SIDE = GOALS | {
    EventKind.YELLOW_CARD,
    EventKind.RED_CARD,
    EventKind.SHOT,
    EventKind.CORNER,
    EventKind.SUBSTITUTION,
}


class ImpossibleValueError(ValueError):
    """Raised for a value that cannot be; names the field, the value and what would have been right."""

    def __init__(self, field: str, value: object, right: str) -> None:
        shown = repr(value[:MAX_TEXT]) if isinstance(value, str) else str(value)
        super().__init__(f"{field} is {shown}, not {right}")
        self.field = field
        self.value = value


def check_match_event(event: MatchEvent) -> None:
    """Refuse what cannot be in a match.

    Raises:
        ImpossibleValueError: For the first such field.
    """
    _check_text("event_id", event.event_id)
    _check_text("match_id", event.match_id)
    _check_time("occurred_at_ms", event.occurred_at_ms)
    if not 0 <= event.minute <= MAX_MINUTE:
        raise ImpossibleValueError("minute", event.minute, f"0 to {MAX_MINUTE}")
    if event.expected_goals is not None and not 0.0 <= event.expected_goals <= 1.0:
        raise ImpossibleValueError("expected_goals", event.expected_goals, "0 to 1")
    _check_score("home_score", event.home_score)
    _check_score("away_score", event.away_score)
    if event.kick_off_ms is not None:
        _check_time("kick_off_ms", event.kick_off_ms)
    check = _BY_KIND.get(event.kind)
    if check is not None:
        check(event)


def check_feature_event(event: FeatureEvent) -> None:
    """Refuse what no source can know.

    Raises:
        ImpossibleValueError: For the first such field.
    """
    _check_text("event_id", event.event_id)
    _check_text("match_id", event.match_id)
    _check_text("source", event.source)
    _check_time("as_of_ms", event.as_of_ms)
    if len(event.values) > MAX_VALUES:
        raise ImpossibleValueError("values", f"{len(event.values)} values", f"{MAX_VALUES} at most")
    for name, value in event.values.items():
        _check_text("a name in values", name)
        if value is not None and abs(value) > LARGEST_VALUE:
            raise ImpossibleValueError(f"values[{name}]", value, "a finite number which float32 holds, NaN or null")


def check_prediction(prediction: Prediction) -> None:
    """Refuse what no model can say.

    Raises:
        ImpossibleValueError: For the first such field.
    """
    _check_text("prediction_id", prediction.prediction_id)
    _check_text("match_id", prediction.match_id)
    for name in ("model", "model_version", "bundle_digest"):
        _check_text(name, getattr(prediction, name))
    _check_time("occurred_at_ms", prediction.occurred_at_ms)
    _check_time("source_timestamp_ms", prediction.source_timestamp_ms)
    for name in ("received_at_us", "decoded_at_us", "scored_at_us"):
        _check_time(name, getattr(prediction, name) // 1000)
    for name in ("home", "draw", "away"):
        if not 0.0 <= getattr(prediction, name) <= 1.0:
            raise ImpossibleValueError(name, getattr(prediction, name), "0 to 1")
    total = prediction.home + prediction.draw + prediction.away
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ImpossibleValueError("home + draw + away", total, "1")


def _check_fixture(event: MatchEvent) -> None:
    _check_text("home_team", event.home_team)
    _check_text("away_team", event.away_team)
    _check_text("competition", event.competition)
    if event.home_team == event.away_team:
        raise ImpossibleValueError("away_team", event.away_team, "another team than the home team")
    if event.kick_off_ms is None:
        raise ImpossibleValueError("kick_off_ms", None, "a time: SCHEDULED says when the match begins")


def _check_side(event: MatchEvent) -> None:
    if event.side is None:
        raise ImpossibleValueError("side", None, f"HOME or AWAY: {event.kind.value} needs one")


def _check_result(event: MatchEvent) -> None:
    for name, score in (("home_score", event.home_score), ("away_score", event.away_score)):
        if score is None:
            raise ImpossibleValueError(name, None, f"0 to {MAX_SCORE}: FULL_TIME says both")


def _check_correction(event: MatchEvent) -> None:
    _check_text("corrects", event.corrects)
    if event.corrects == event.event_id:
        raise ImpossibleValueError("corrects", event.corrects, "another event's id")


def _check_text(field: str, text: str | None) -> None:
    if not text or len(text) > MAX_TEXT or text.isspace():
        raise ImpossibleValueError(field, text, f"1 to {MAX_TEXT} characters")


def _check_time(field: str, at_ms: int) -> None:
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise ImpossibleValueError(field, at_ms, f"{EARLIEST_MS} to {LATEST_MS} (the years 1850 to 2199)")


def _check_score(field: str, score: int | None) -> None:
    if score is not None and not 0 <= score <= MAX_SCORE:
        raise ImpossibleValueError(field, score, f"0 to {MAX_SCORE}")


_BY_KIND: Mapping[EventKind, Callable[[MatchEvent], None]] = {
    EventKind.SCHEDULED: _check_fixture,
    EventKind.FULL_TIME: _check_result,
    EventKind.CORRECTION: _check_correction,
    **dict.fromkeys(OF_ONE_SIDE, _check_side),
}
