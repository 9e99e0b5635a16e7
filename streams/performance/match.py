"""What was predicted of one match and how it ended: a fold of predictions and match events.

The outcome is that of features.match_state: the last FULL_TIME that no CORRECTION has struck off, and none where a
CANCELLED counts, in whatever order they come. A prediction is known by its id, so that a repeat changes nothing.
Nothing here depends on offsets: records that are read again after a fall find themselves already in the state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.match_state import MatchState, after_match_event
from features.remembered import Mark, Result, Scheduled
from monitors.sampling import hash64
from schemas.bounds import MAX_MINUTE
from schemas.records import EventKind, MatchEvent, Prediction
from streams.monitoring.parts import ModelKey
from streams.topics import DAY_MS

Forecasts: TypeAlias = NDArray[np.void]
"""Predictions as rows of FORECAST."""

# Some 26 bytes each: a match has about a hundred, and is kept for a month.
FORECAST: Final = np.dtype(
    [("id", "<u8"), ("model", "<u2"), ("minute", "<i2"), ("cause", "u1"), ("chances", "<f4", (3,))]
)
OTHER, FIXTURE, RESULT = 0, 1, 2
PRE_MATCH: Final = -1
_CAUSES: Final = {EventKind.SCHEDULED.value: FIXTURE, EventKind.FULL_TIME.value: RESULT}
_OF_OUTCOME: Final = {EventKind.SCHEDULED, EventKind.FULL_TIME, EventKind.CANCELLED, EventKind.CORRECTION}


@dataclass(frozen=True, slots=True)
class JudgedMatch:
    """What is known of one match; persisted as ``judged_match.v1.avsc``.

    Attributes:
        scheduled: Every SCHEDULED not struck off, sorted; so for results and cancellations.
        struck: Sorted digests of the event ids which a CORRECTION named.
        models: Whose predictions there are.
        forecasts: Packed rows of FORECAST, in the order of the log.
        heard_ms: Highest event time of its match events; None before any.
        predicted_ms: Highest event time of its predictions; None before any.
        late: Whether its outcome came after its day had closed. It belongs to the caller.
    """

    match_id: str
    scheduled: tuple[Scheduled, ...] = ()
    results: tuple[Result, ...] = ()
    cancellations: tuple[Mark, ...] = ()
    struck: bytes = b""
    models: tuple[ModelKey, ...] = ()
    forecasts: bytes = b""
    heard_ms: int | None = None
    predicted_ms: int | None = None
    late: bool = False

    @property
    def cancelled(self) -> bool:
        """True when a CANCELLED counts."""
        return bool(self.cancellations)

    @property
    def competition(self) -> str | None:
        """Name of the competition, once the fixture is known."""
        return self.scheduled[-1].competition if self.scheduled else None

    @property
    def outcome(self) -> int | None:
        """Index of home, draw or away; None while it is not known, and for a match that was cancelled."""
        if self.cancelled or not self.results:
            return None
        result = self.results[-1]
        return 1 + (result.away_score > result.home_score) - (result.home_score > result.away_score)

    @property
    def day(self) -> int:
        """Day since the epoch, UTC, on which the match counts.

        That of the FULL_TIME which counts; without one, of the latest of its kick-off and all that was heard of it.
        """
        if self.outcome is not None:
            return day_of(self.results[-1].occurred_at_ms)
        kick_offs = [self.scheduled[-1].kick_off_ms] if self.scheduled else []
        known = [one for one in (self.heard_ms, self.predicted_ms, *kick_offs) if one is not None]
        return day_of(max(known, default=0))

    def rows(self) -> Forecasts:
        """Return the predictions."""
        return np.frombuffer(self.forecasts, FORECAST)


def day_of(time_ms: int) -> int:
    """Return the day since the epoch, UTC.

    >>> day_of(86_400_000 - 1), day_of(86_400_000), day_of(-1)
    (0, 1, -1)
    """
    return time_ms // DAY_MS


def after_event(state: JudgedMatch, event: MatchEvent) -> JudgedMatch:
    """Return *state* after a match event; *state* itself when the event changes nothing."""
    if event.kind in _OF_OUTCOME:
        known = MatchState(
            state.match_id,
            scheduled=state.scheduled,
            results=state.results,
            cancellations=state.cancellations,
            struck=state.struck,
        )
        told = after_match_event(known, event)
        found = (told.scheduled, told.results, told.cancellations, told.struck)
        if found != (state.scheduled, state.results, state.cancellations, state.struck):
            scheduled, results, cancellations, struck = found
            state = replace(state, scheduled=scheduled, results=results, cancellations=cancellations, struck=struck)
    if state.heard_ms is None or event.occurred_at_ms > state.heard_ms:
        return replace(state, heard_ms=event.occurred_at_ms)
    return state


def after_predictions(state: JudgedMatch, predictions: Sequence[Prediction]) -> JudgedMatch:
    """Return *state* after *predictions*, in the order of the log; *state* itself when all of them are repeats."""
    seen = set(state.rows()["id"].tolist())
    models = list(state.models)
    fresh: list[tuple[Any, ...]] = []
    newest = state.predicted_ms
    for one in predictions:
        name = hash64(one.prediction_id)
        if name in seen:
            continue
        seen.add(name)
        model = ModelKey.of(one)
        if model not in models:
            models.append(model)
        cause, minute = _CAUSES.get(one.cause, OTHER), max(PRE_MATCH, min(one.minute, MAX_MINUTE))
        fresh.append((name, models.index(model), minute, cause, (one.home, one.draw, one.away)))
        newest = one.occurred_at_ms if newest is None else max(newest, one.occurred_at_ms)
    if not fresh:
        return state
    packed = state.forecasts + np.array(fresh, FORECAST).tobytes()
    return replace(state, models=tuple(models), forecasts=packed, predicted_ms=newest)


def uninformed(rows: Forecasts) -> int:
    """Return how many of *rows*, from the first on, were made without knowledge of a result.

    A prediction follows FULL_TIME too, and late events may come behind it: whatever stands behind it in the log knew
    how the match had ended, or was told to have. A FULL_TIME that waited for the fixture was in the state of all
    predictions which came with the fixture; then it stands before the fixture's own.
    """
    ends = np.flatnonzero(rows["cause"] == RESULT)
    if ends.size == 0:
        return len(rows)
    fixtures = np.flatnonzero(rows["cause"] == FIXTURE)
    return 0 if fixtures.size and fixtures[0] > ends[0] else int(ends[0])
