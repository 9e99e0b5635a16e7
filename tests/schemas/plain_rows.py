"""What columns say of records, and what the way of each single record says."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from features.remembered import digest, signed
from schemas.bounds import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_AHEAD_MS,
    MAX_MINUTE,
    MAX_SCORE,
    ImpossibleValueError,
    check_match_event,
)
from schemas.catalog import versions
from schemas.codec import Codec, DecodeError, UnknownSchemaError
from schemas.flat_texts import flat
from schemas.plain_events import EVENT_ROW, read_plain_events
from schemas.plain_layout import FULL_TIME, KINDS, OF_NO_SIDE, PLAIN_KINDS
from schemas.records import EventKind, MatchEvent, Side

SIDES = [*Side, None]
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
NAMES = st.text(PRINTABLE, min_size=1, max_size=200).filter(lambda name: not name.isspace())
TIMES = st.integers(EARLIEST_MS, LATEST_MS - 1)
SCORES = st.integers(0, MAX_SCORE)


def codec_of(texts):
    codec = Codec("match_event", MatchEvent)
    for schema_id, text in texts.items():
        codec.learn(schema_id, text)
    return codec


CODEC = codec_of(versions("match_event"))


@st.composite
def usual(draw):
    kind = draw(st.sampled_from(sorted(PLAIN_KINDS)))
    side = draw(st.sampled_from(SIDES if kind in OF_NO_SIDE else list(Side)))
    chance = draw(st.none() | st.floats(0, 1, width=32))
    minute = draw(st.integers(0, MAX_MINUTE))
    event = MatchEvent(draw(NAMES), draw(NAMES), kind, draw(TIMES), minute, side, expected_goals=chance)
    if kind is not EventKind.FULL_TIME:
        return event
    return replace(event, home_score=draw(SCORES), away_score=draw(SCORES))


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
    return [
        (
            KINDS[row["kind"]],
            int(row["side"]),
            int(row["minute"]),
            int(row["occurred_at_ms"]),
            pieces.data[row["id_start"] : row["id_start"] + row["id_length"]].tobytes(),
            int(row["digest"]),
            (int(row["home_score"]), int(row["away_score"])) if row["kind"] == FULL_TIME else None,
        )
        if row["plain"]
        else None
        for row in out
    ]


def expected(event):
    """What a row says of an event."""
    side = -1 if event.side is None else list(Side).index(event.side)
    name = event.event_id
    scores = (event.home_score, event.away_score) if event.kind is EventKind.FULL_TIME else None
    return event.kind, side, event.minute, event.occurred_at_ms, name.encode(), signed(digest(name)), scores


def accepted(value, key, timestamp, codec=CODEC):
    """The event which the way of a single record lets through, or None."""
    try:
        event = codec.decode(value)
        check_match_event(event)
    except (DecodeError, ImpossibleValueError, UnknownSchemaError):
        return None
    return event if key == event.match_id.encode() and event.occurred_at_ms - timestamp <= MAX_AHEAD_MS else None
