"""Matches of any events in any order, eight bytes an event."""

import math
from collections.abc import Sequence

import numpy as np

from features.feature_sets import FEATURE_SETS
from features.match_expiry import expires_at_ms
from features.match_state import MatchState, after_feature_event, after_match_event
from features.team_events import team_event
from schemas.bounds import ImpossibleValueError, check_feature_event, check_match_event
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side, TeamEvent

CHUNK = 8
MOST_EVENTS = 40
NOON_MS = 1_671_375_600_000
_KINDS = tuple(EventKind)
FEATURES = (*FEATURE_SETS[max(FEATURE_SETS)].names, "odds")
_SIDES = (None, Side.HOME, Side.AWAY)
_STATES: Codec[MatchState] = Codec("match_state", MatchState)
_STATES.learn(1, schema_json("match_state", 2))
_STATES.use_for_writing(1, 2)
_TOLD: Codec[TeamEvent] = Codec("team_event", TeamEvent)
_TOLD.use_for_writing(1, 1)


def fold(data: bytes) -> None:
    """Fold a match forwards and backwards: one state, which survives the changelog and gives features."""
    chunks = [data[start : start + CHUNK] for start in range(0, len(data) - CHUNK + 1, CHUNK)]
    events = [event for place, chunk in enumerate(chunks[:MOST_EVENTS]) if (event := _event(place, chunk))]
    state = _folded(events)
    written = _STATES.encode(state)  # compared, because a NaN is unequal to itself
    assert written == _STATES.encode(_folded(events[::-1]))
    assert written == _STATES.encode(_folded([*events, *events]))
    assert written == _STATES.encode(_STATES.decode(written))
    assert expires_at_ms(state) > state.last_event_ms
    if state.fixture is not None:
        for features in FEATURE_SETS.values():
            matrix = features.matrix([state])
            assert matrix.shape == (1, len(features.names))
            assert not np.isinf(matrix).any()


def _folded(events: Sequence[MatchEvent | FeatureEvent]) -> MatchState:
    state = MatchState("m")
    for event in events:
        if isinstance(event, FeatureEvent):
            state = after_feature_event(state, event)
            continue
        before, state = state, after_match_event(state, event)
        told = team_event(before, state, event)
        assert told is None or _TOLD.encode(told)
    return state


def _event(place: int, chunk: bytes) -> MatchEvent | FeatureEvent | None:
    """Return an event which can be, or None."""
    event: MatchEvent | FeatureEvent
    if chunk[0] >= 240:
        value = (None, math.nan, 1500.0, -(2.0**70), 1e308)[chunk[3] % 5]
        values = {FEATURES[chunk[2] % len(FEATURES)]: value}
        event = FeatureEvent(f"e{place}", "m", "ratings", NOON_MS + chunk[4], values)
    else:
        event = _match_event(place, chunk)
    try:
        check_match_event(event) if isinstance(event, MatchEvent) else check_feature_event(event)
    except ImpossibleValueError:
        return None
    return event


def _match_event(place: int, chunk: bytes) -> MatchEvent:
    kind, minute, side, at, home_score, away_score, corrects, rest = chunk
    return MatchEvent(
        event_id=f"e{place}",
        match_id="m",
        kind=_KINDS[kind % len(_KINDS)],
        occurred_at_ms=NOON_MS + 60_000 * at,
        minute=minute - 20,
        side=_SIDES[side % len(_SIDES)],
        home_team="home" if rest % 7 else None,
        away_team="away" if rest % 11 else "home",
        competition="cup",
        neutral=(None, False, True)[rest % 3],
        kick_off_ms=NOON_MS - rest * 60_000 if rest % 5 else None,
        home_score=home_score if home_score < 200 else None,
        away_score=away_score if away_score < 200 else None,
        corrects=f"e{corrects % MOST_EVENTS}",
        expected_goals=rest / 250,
    )
