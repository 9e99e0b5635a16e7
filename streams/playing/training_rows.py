"""Whether predictions are what training and backtest would have said: their rows, bit for bit, and the bundle's graph.

A replay's own check (streams.playing.parity) folds what was played. Here the history is folded as `touchline train` and
`touchline backtest` fold it, by models.rows, and scored by the graph in ONNX Runtime, as training proves it; workers
compile its trees.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FeatureSet
from features.history import HistoricMatch
from features.match_state import event_time_ms
from features.narrative import kick_off_of
from models.predictors import CLASSES, GraphPredictor
from models.rows import Told, course, with_ratings
from schemas.records import FEATURES_CAUSE, EventKind, FeatureEvent, Prediction
from streams.playing.parity import TOLERANCE

Cause = tuple[str, str]
"""Match and event."""

Row = NDArray[np.float32]
Pair = tuple[Prediction, Row]

RATED = "ratings"
"""In a cause, the event after which fixture and ratings are known: the rate role gives it an id of its own."""

_AT_ONCE = 4096
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TrainingParity:
    """How predictions differ from the rows of training.

    Attributes:
        rows: Predictions that were compared.
        without_row: Predictions of which training has no row: those of fixtures, before their ratings are known.
        different: Of the compared, those whose features are not the same bits.
        scored: Of the compared, those of the bundle at hand, whose probabilities were compared too.
        misscored: Of these, those beyond TOLERANCE.
        largest: Largest difference of a probability; None when none was compared.
        first: The first differences, in words.
    """

    rows: int = 0
    without_row: int = 0
    different: int = 0
    scored: int = 0
    misscored: int = 0
    largest: float | None = None
    first: Sequence[str] = ()

    @property
    def mismatches(self) -> int:
        """All differences."""
        return self.different + self.misscored


def training_rows(
    matches: Sequence[HistoricMatch], features: FeatureSet, first_day: int, told: Told
) -> Mapping[Cause, Row]:
    """Return the row which training makes of the state after each event, from *first_day* on.

    Args:
        matches: In order of days; earlier ones only move the ratings.
        features: The feature set.
        first_day: Days since the epoch.
        told: Users' feature events by match. They count from their time on: a replay plays a kick-off of which the
            history has no hour at a made-up one, and takes it for real.
    """
    found: dict[Cause, Row] = {}
    for match, _, ratings in with_ratings(matches, first_day):
        timed = replace(match, kick_off_ms=kick_off_of(match))
        steps = [*course(timed, ratings, told.get(match.match_id, ()))]
        matrix = features.matrix([state for _, state in steps], [event_time_ms(event) for event, _ in steps])
        for place, ((event, state), row) in enumerate(zip(steps, matrix, strict=True)):
            if isinstance(event, FeatureEvent) or event.kind is not EventKind.SCHEDULED:
                if state.fixture_known:  # what was told before the fixture, a replay tells after it
                    found[match.match_id, event.event_id] = row
            elif not place:
                found[match.match_id, RATED] = row
    return found


def against_training(
    predictions: Sequence[Prediction], rows: Mapping[Cause, Row], names: Sequence[str], graph: bytes, digest: str
) -> TrainingParity:
    """Return how *predictions* differ from *rows*.

    Args:
        predictions: In any order.
        rows: Of training, by cause.
        names: Of the features.
        graph: Of the bundle at hand.
        digest: Of that bundle.
    """
    pairs = [(one, row) for one in predictions if (row := _row(one, rows)) is not None]
    scored = [(one, row) for one, row in pairs if one.bundle_digest == digest]
    first: list[str] = []
    different = sum(_different(part, names, first) for part in _parts(pairs))
    predictor = GraphPredictor(graph)
    off = [_off(part, predictor, first) for part in _parts(scored)]
    return TrainingParity(
        rows=len(pairs),
        without_row=len(predictions) - len(pairs),
        different=different,
        scored=len(scored),
        misscored=sum(wrong for wrong, _ in off),
        largest=max((worst for _, worst in off), default=None),
        first=first[:_SHOWN],
    )


def _row(one: Prediction, rows: Mapping[Cause, Row]) -> Row | None:
    row = rows.get((one.match_id, one.event_id))
    return rows.get((one.match_id, RATED)) if row is None and one.cause == FEATURES_CAUSE else row


def _parts(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for first in range(0, len(pairs), _AT_ONCE):
        yield pairs[first : first + _AT_ONCE]


def _different(part: Sequence[Pair], names: Sequence[str], first: list[str]) -> int:
    told, wanted = np.array([one.features for one, _ in part], np.float32), np.array([row for _, row in part])
    unlike = told.view(np.uint32) != wanted.view(np.uint32)  # bits: a NaN is a NaN, -0 is not 0
    for place in np.flatnonzero(unlike.any(axis=1))[:_SHOWN].tolist():
        column = int(unlike[place].argmax())
        values = f"{told[place, column]} in the stream and {wanted[place, column]} in training"
        first.append(f"{_named(part[place][0])}: {names[column]} is {values}")
    return int(unlike.any(axis=1).sum())


def _off(part: Sequence[Pair], predictor: GraphPredictor, first: list[str]) -> tuple[int, float]:
    """Return how many probabilities are beyond TOLERANCE, and the largest difference; that of a NaN is 1."""
    told = np.array([(one.home, one.draw, one.away) for one, _ in part])
    wanted = predictor.predict_proba(np.array([row for _, row in part]))
    apart = np.nan_to_num(np.abs(told - wanted), nan=1.0)
    wrong = apart.max(axis=1) > TOLERANCE
    for place in np.flatnonzero(wrong)[:_SHOWN].tolist():
        column = int(apart[place].argmax())
        values = f"{told[place, column]:.9f} in the stream and {wanted[place, column]:.9f} in training"
        first.append(f"{_named(part[place][0])}: the probability of {CLASSES[column]} is {values}")
    return int(wrong.sum()), float(apart.max())


def _named(one: Prediction) -> str:
    return f"match {one.match_id}, {one.cause} in minute {one.minute}, event {one.event_id}"
