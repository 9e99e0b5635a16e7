"""Reads the MatchEvents that happen often, many at a time; says of all others that they are not plain.

What is not plain goes the way of each single record, `Codec` and `schemas.bounds`, which says what is wrong, if
anything is. What is plain would pass there, and be the same.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.avro_kernels import read_long
from schemas.bounds import EARLIEST_MS, LATEST_MS, MAX_AHEAD_MS, MAX_MINUTE, MAX_SCORE, MAX_TEXT
from schemas.compiling import compiled
from schemas.digests import WORK, event_digest
from schemas.flat_texts import Bytes, Longs, unwritable
from schemas.partitioning import partition_at
from schemas.plain_layout import (
    AWAY_SCORE,
    BOOLEAN,
    BYTES,
    CHANCE,
    DOUBLE,
    EVENT_ID,
    FIELD_NUMBERS,
    FLOAT,
    FULL_TIME,
    HOME_SCORE,
    KIND,
    KINDS,
    MATCH_ID,
    MINUTE,
    NO_UNION,
    NUMBER,
    OCCURRED,
    OF_NO_SIDE,
    SIDE,
    SYMBOL,
    TEXT,
    USES,
)

EVENT_ROW: Final = np.dtype(
    [
        ("plain", np.bool_),
        ("kind", np.int8),
        ("side", np.int8),
        ("minute", np.int16),
        ("home_score", np.int16),
        ("away_score", np.int16),
        ("id_length", np.int32),
        ("occurred_at_ms", np.int64),
        ("id_start", np.int64),
        ("digest", np.int64),
    ],
    align=True,
)
"""One event: kind in the order of EventKind, side 0 home, 1 away, -1 none, where its id lies and the digest of it.

The scores are those of a FULL_TIME. Where plain is False, the others mean nothing.
"""

_OF_NO_SIDE: Final = tuple(kind in OF_NO_SIDE for kind in KINDS)
_NO_SIDE: Final = -1
_HEADER: Final = 5
_ONE: Final = 0x3F800000  # the bits of 1.0 as float32; those of what is between 0 and it are between 0 and them
_SPACE, _TILDE = np.uint8(32), np.uint8(126)


@compiled
def _is_name(data: Bytes, start: int, length: int) -> bool:
    """Tell whether all is printable ASCII, not too long, and not blank."""
    if not 0 < length <= MAX_TEXT:
        return False
    odd, seen = False, False
    first = np.uint64(start)
    for place in range(np.uint64(length)):  # an index without a sign is not counted from the end
        odd |= (data[first + place] < _SPACE) | (data[first + place] > _TILDE)
        seen |= data[first + place] != _SPACE
    return seen and not odd


@compiled
def _is_ascii(data: Bytes, start: int, end: int) -> bool:
    first, highest = np.uint64(start), np.uint8(0)
    for place in range(np.uint64(end - start)):
        highest |= data[first + place]
    return bool(highest <= 127)  # noqa: PLR2004 - seven bits


@compiled
def _read_text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the length of the text or the bytes at *at*, and where they end."""
    length, at = read_long(data, at, end)
    return (length, at + length) if at >= 0 and 0 <= length <= end - at else (0, -1)


@compiled
def _read_bits(data: Bytes, at: int, end: int, count: int) -> tuple[int, int]:
    """Return the number of *count* bytes, and where they end."""
    if end - at < count:
        return 0, -1
    bits = 0
    for place in range(count):
        bits |= int(np.int64(data[at + place])) << (8 * place)
    return bits, at + count


@compiled
def _read_symbol(data: Bytes, at: int, end: int, layout: Longs, table: int) -> tuple[int, int]:
    """Return what the symbol at *at* stands for."""
    if at >= end or data[at] & 1 or data[at] >= 2 * layout[table]:
        return 0, -1
    value = layout[table + 1 + (data[at] >> 1)]
    return value, at + 1 if value >= 0 else -1


@compiled
def _read_value(data: Bytes, at: int, end: int, layout: Longs, field: int) -> tuple[int, int]:
    """Return the value at *at*, of a text its length, and where it ends; -1 when there is none that is plain."""
    way = layout[field + 1]
    if way == NUMBER:
        return read_long(data, at, end)
    if way in (TEXT, BYTES):
        length, after = _read_text(data, at, end)
        return length, after if way == BYTES or _is_ascii(data, after - length, after) else -1
    if way == SYMBOL:
        return _read_symbol(data, at, end, layout, layout[field + 2])
    if way in (FLOAT, DOUBLE):
        return _read_bits(data, at, end, 4 if way == FLOAT else 8)
    truth, after = _read_bits(data, at, end, 1)
    return truth, after if way == BOOLEAN and truth <= 1 else -1


@compiled
def _read_fields(data: Bytes, at: int, end: int, layout: Longs, found: Longs) -> bool:
    """Write to *found* the value of each use, and behind them all where each ends; tell whether all could be read."""
    for field in range(1, 1 + FIELD_NUMBERS * layout[0], FIELD_NUMBERS):
        null, use = layout[field], layout[field + 3]
        if null != NO_UNION:
            if at >= end:
                return False
            branch, at = data[at], at + 1
            if branch == null:
                continue
            if branch != 2 - null:
                return False
        found[use], at = _read_value(data, at, end, layout, field)
        if at < 0:
            return False
        found[USES + use] = at
    return at == end


@compiled
def _has_its_scores(found: Longs) -> bool:
    """Tell whether a FULL_TIME says both scores, and no other kind any."""
    if found[KIND] != FULL_TIME:
        return bool(found[USES + HOME_SCORE] < 0 and found[USES + AWAY_SCORE] < 0)
    return bool(0 <= found[HOME_SCORE] <= MAX_SCORE and 0 <= found[AWAY_SCORE] <= MAX_SCORE)


@compiled
def _is_possible(data: Bytes, found: Longs) -> bool:
    """Tell whether what was found could be in a match; see `schemas.bounds.check_match_event`."""
    return (
        EARLIEST_MS <= found[OCCURRED] < LATEST_MS
        and 0 <= found[MINUTE] <= MAX_MINUTE
        and found[CHANCE] <= _ONE
        and (found[SIDE] != _NO_SIDE or _OF_NO_SIDE[found[KIND]])
        and _has_its_scores(found)
        and _is_name(data, found[USES + EVENT_ID] - found[EVENT_ID], found[EVENT_ID])
        and _is_name(data, found[USES + MATCH_ID] - found[MATCH_ID], found[MATCH_ID])
    )


@compiled
def _are_same(one: Bytes, start: int, length: int, other: Bytes, other_start: int) -> bool:
    first, second, same = np.uint64(start), np.uint64(other_start), True
    for place in range(np.uint64(length)):
        same &= one[first + place] == other[second + place]
    return same


@compiled
def _is_written_with(data: Bytes, start: int, end: int, schema_id: int) -> bool:
    if not 0 <= start <= end <= len(data) or end - start < _HEADER or data[start] != 0:
        return False
    found = 0
    for place in range(start + 1, start + _HEADER):
        found = found << 8 | int(np.int64(data[place]))
    return found == schema_id


@compiled
def _read_rows(  # noqa: PLR0917 - a kernel's
    values: Bytes, starts: Longs, keys: Bytes, key_starts: Longs, homes: Longs, partitions: int, timestamps_ms: Longs,
    schema_id: int, layout: Longs, out: NDArray[np.void],
) -> int:  # fmt: skip
    plain, kinds, sides, minutes, occurred = (
        out["plain"], out["kind"], out["side"], out["minute"], out["occurred_at_ms"]
    )  # fmt: skip
    home_scores, away_scores = out["home_score"], out["away_score"]
    id_starts, id_lengths, digests = out["id_start"], out["id_length"], out["digest"]
    found, work, count = np.empty(2 * USES, np.int64), np.empty(WORK, np.uint64), 0
    for row in range(len(out)):
        plain[row] = False
        start, end, key = starts[row], starts[row + 1], key_starts[row]
        if not _is_written_with(values, start, end, schema_id) or not 0 <= key <= key_starts[row + 1] <= len(keys):
            continue
        found[MINUTE], found[SIDE], found[CHANCE], found[HOME_SCORE], found[AWAY_SCORE] = 0, _NO_SIDE, 0, -1, -1
        found[USES + HOME_SCORE] = found[USES + AWAY_SCORE] = -1
        if not _read_fields(values, start + _HEADER, end, layout, found) or not _is_possible(values, found):
            continue
        length = found[MATCH_ID]
        if length != key_starts[row + 1] - key or timestamps_ms[row] < found[OCCURRED] - MAX_AHEAD_MS:
            continue
        if not _are_same(values, found[USES + MATCH_ID] - length, length, keys, key):
            continue
        if partition_at(keys, key, key_starts[row + 1], partitions) != homes[row]:
            continue
        length = found[EVENT_ID]
        plain[row], kinds[row], sides[row] = True, found[KIND], found[SIDE]
        minutes[row], occurred[row] = found[MINUTE], found[OCCURRED]
        home_scores[row], away_scores[row] = found[HOME_SCORE], found[AWAY_SCORE]
        id_starts[row], id_lengths[row] = found[USES + EVENT_ID] - length, length
        digests[row] = event_digest(values, id_starts[row], length, work)
        count += 1
    return count


def read_plain_events(  # noqa: PLR0917 - one array a column
    values: Bytes, starts: Longs, keys: Bytes, key_starts: Longs, homes: Longs, partitions: int, timestamps_ms: Longs,
    schema_id: int, layout: Longs, out: NDArray[np.void],
) -> int:  # fmt: skip
    """Fill a row of *out* for each record and return how many are plain.

    A row is plain when the record is written with this schema, is one of the kinds of PLAIN_KINDS, passes
    `schemas.bounds.check_match_event`, has the match_id as its key, lies in the partition of that, is at most
    MAX_AHEAD_MS ahead of its timestamp, has ids of printable ASCII, and has no other field of ours than such kinds
    need.

    Args:
        values: All values, as numpy.frombuffer gives them: value i from ``starts[i]`` to ``starts[i + 1]``.
        starts: Shape ``(n + 1,)``.
        keys: All keys, likewise; an empty one where there is none.
        key_starts: Shape ``(n + 1,)``.
        homes: The partition of each record, shape ``(n,)``.
        partitions: How many there are.
        timestamps_ms: Of the records, shape ``(n,)``.
        schema_id: Of the schema which *layout* is of.
        layout: See `schemas.plain_layout.layout_of`.
        out: Shape ``(n,)``, of EVENT_ROW.

    Raises:
        ValueError: The arrays do not fit to each other.
    """
    n = len(out)
    sizes = len(starts) - 1, len(key_starts) - 1, len(homes), len(timestamps_ms)
    if set(sizes) != {n} or out.dtype != EVENT_ROW:
        raise ValueError(f"{n} rows of {out.dtype} do not fit to values, keys, homes, timestamps_ms of {sizes}")
    arrays = unwritable(values), starts, unwritable(keys), key_starts, homes
    return int(_read_rows(*arrays, partitions, timestamps_ms, schema_id, layout, out))
