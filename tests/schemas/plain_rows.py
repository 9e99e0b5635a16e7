"""What columns say of records, and what the way of each single record says."""

import io
from dataclasses import replace

import fastavro
import numpy as np
from hypothesis import strategies as st

from features.match_state import event_time_ms
from features.remembered import digest, signed
from schemas.bounds import (
    EARLIEST_MS,
    LARGEST_VALUE,
    LATEST_MS,
    MAX_AHEAD_MS,
    MAX_MINUTE,
    MAX_SCORE,
    ImpossibleValueError,
    check_feature_event,
    check_match_event,
)
from schemas.catalog import versions
from schemas.codec import Codec, DecodeError, UnknownSchemaError
from schemas.flat_texts import flat
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import FEATURES, FULL_TIME, KINDS, OF_NO_SIDE, PLAIN_KINDS, SCHEDULED
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side

SIDES = [*Side, None]
TEAMS = ("home_team", "away_team", "competition")
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
NAMES = st.text(PRINTABLE, min_size=1, max_size=200).filter(lambda name: not name.isspace())
TITLES = st.text(min_size=1, max_size=200).map(lambda text: "é" + text[1:])
TIMES = st.integers(EARLIEST_MS, LATEST_MS - 1)
SCORES = st.integers(0, MAX_SCORE)


def codec_of(texts, name="match_event", record_type=MatchEvent):
    codec = Codec(name, record_type)
    for schema_id, text in texts.items():
        codec.learn(schema_id, text)
    return codec


CODEC = codec_of(versions("match_event"))
FEATURE_CODEC = codec_of(versions("feature_event"), "feature_event", FeatureEvent)


@st.composite
def usual(draw):
    kind = draw(st.sampled_from(sorted(PLAIN_KINDS)))
    side = draw(st.sampled_from(SIDES if kind in OF_NO_SIDE else list(Side)))
    chance = draw(st.none() | st.floats(0, 1, width=32))
    minute = draw(st.integers(0, MAX_MINUTE))
    event = MatchEvent(draw(NAMES), draw(NAMES), kind, draw(TIMES), minute, side, expected_goals=chance)
    if kind is EventKind.SCHEDULED:
        home, away = draw(st.lists(TITLES, min_size=2, max_size=2, unique=True))
        neutral = draw(st.none() | st.booleans())
        return replace(
            event, home_team=home, away_team=away, competition=draw(TITLES), neutral=neutral, kick_off_ms=draw(TIMES)
        )
    if kind is not EventKind.FULL_TIME:
        return event
    return replace(event, home_score=draw(SCORES), away_score=draw(SCORES))


@st.composite
def told(draw):
    numbers = st.none() | st.just(float("nan")) | st.floats(-LARGEST_VALUE, LARGEST_VALUE)
    return FeatureEvent(draw(NAMES), draw(NAMES), draw(NAMES), draw(TIMES), draw(st.dictionaries(NAMES, numbers)))


def rows_of(values, keys, timestamps, schema_id, layout, *, around=b""):
    """The rows of some records, with other bytes before and behind them."""
    pieces, names = flat([around, *values, around]), flat([around, *keys, around])
    starts, name_starts = (
        np.append(one.starts[1:-1], one.starts[-1]).astype(np.int64) for one in (pieces, names)
    )  # fmt: skip
    out = np.zeros(len(values), EVENT_ROW)
    stamps = np.array(timestamps, np.int64)
    homes = np.zeros(len(values), np.int64)
    read_plain_events(pieces.data, starts, names.data, name_starts, homes, 1, stamps, schema_id, layout, out)

    def text(row, name):
        start = row[f"{name}_start"]
        return pieces.data[start : start + row[f"{name}_length"]].tobytes()

    return [
        (text(row, "id"), int(row["occurred_at_ms"]), int(row["digest"]), text(row, "source"), text(row, "values"))
        if row["plain"] and row["kind"] == FEATURES
        else (
            KINDS[row["kind"]],
            int(row["side"]),
            int(row["minute"]),
            int(row["occurred_at_ms"]),
            text(row, "id"),
            int(row["digest"]),
            (int(row["home_score"]), int(row["away_score"])) if row["kind"] == FULL_TIME else None,
            (*(text(row, name) for name in TEAMS), bool(row["neutral"]), int(row["kick_off_ms"]))
            if row["kind"] == SCHEDULED
            else None,
        )
        if row["plain"]
        else None
        for row in out
    ]


def expected(event):
    """What a row says of an event."""
    if isinstance(event, FeatureEvent):
        return (
            event.event_id.encode(),
            event.as_of_ms,
            signed(digest(event.event_id)),
            event.source.encode(),
            map_of(event),
        )
    side = -1 if event.side is None else list(Side).index(event.side)
    name = event.event_id
    scores = (event.home_score, event.away_score) if event.kind is EventKind.FULL_TIME else None
    fixture = None
    if event.kind is EventKind.SCHEDULED:
        teams = (getattr(event, team).encode() for team in TEAMS)
        fixture = (*teams, bool(event.neutral), event.kick_off_ms)
    one = signed(digest(name))
    return event.kind, side, event.minute, event.occurred_at_ms, name.encode(), one, scores, fixture


def map_of(event):
    """The values of a feature event as our own codec writes them."""
    target = io.BytesIO()
    fastavro.schemaless_writer(target, {"type": "map", "values": ["null", "double"]}, event.values)
    return target.getvalue()


def accepted(value, key, timestamp, codec=CODEC):
    """The event which the way of a single record lets through, or None."""
    try:
        event = codec.decode(value)
        (check_match_event if isinstance(event, MatchEvent) else check_feature_event)(event)
    except (DecodeError, ImpossibleValueError, UnknownSchemaError):
        return None
    return event if key == event.match_id.encode() and event_time_ms(event) - timestamp <= MAX_AHEAD_MS else None
