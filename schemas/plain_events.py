"""Reads the events that happen often, many at a time; says of all others that they are not plain.

What is not plain goes the way of each single record, `Codec` and `schemas.bounds`, which says what is wrong, if
anything is. What is plain would pass there, and be the same.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.avro_kernels import is_same
from schemas.bounds import EARLIEST_MS, LATEST_MS, MAX_AHEAD_MS, MAX_MINUTE, MAX_SCORE
from schemas.compiling import compiled
from schemas.digests import WORK, event_digest
from schemas.flat_texts import Bytes, Longs, unwritable
from schemas.partitioning import partition_at
from schemas.plain_fields import is_name, is_title, read_fields
from schemas.plain_layout import (
    AWAY_SCORE,
    AWAY_TEAM,
    CHANCE,
    COMPETITION,
    EVENT_ID,
    FEATURES,
    FULL_TIME,
    HOME_SCORE,
    HOME_TEAM,
    KICK_OFF,
    KIND,
    KINDS,
    MATCH_ID,
    MINUTE,
    NEUTRAL,
    OCCURRED,
    OF_NO_SIDE,
    SCHEDULED,
    SIDE,
    SOURCE,
    USES,
    VALUES,
)

Row: TypeAlias = Any
"""One row of EVENT_ROW, whose fields are attributes in a kernel."""

EVENT_ROW: Final = np.dtype(
    [
        ("plain", np.bool_),
        ("kind", np.int8),
        ("side", np.int8),
        ("minute", np.int16),
        ("home_score", np.int16),
        ("away_score", np.int16),
        ("id_length", np.int32),
        ("source_length", np.int32),
        ("values_length", np.int32),
        ("home_team_length", np.int32),
        ("away_team_length", np.int32),
        ("competition_length", np.int32),
        ("neutral", np.bool_),
        ("occurred_at_ms", np.int64),
        ("id_start", np.int64),
        ("digest", np.int64),
        ("source_start", np.int64),
        ("values_start", np.int64),
        ("home_team_start", np.int64),
        ("away_team_start", np.int64),
        ("competition_start", np.int64),
        ("kick_off_ms", np.int64),
    ],
    align=True,
)
"""One event: kind in the order of EventKind, side 0 home, 1 away, -1 none, where its id lies and the digest of it.

The scores are those of a FULL_TIME; teams, competition, neutral and kick-off those of a SCHEDULED. A feature event has
FEATURES as its kind and its as_of_ms as occurred_at_ms; it alone has a source, and values, which lie as Avro has them.
Where plain is False, the others mean nothing.
"""

_OF_NO_SIDE: Final = (*(kind in OF_NO_SIDE for kind in KINDS), True)
_NO_SIDE: Final = -1
_HEADER: Final = 5
_ONE: Final = 0x3F800000  # the bits of 1.0 as float32; those of what is between 0 and it are between 0 and them


@compiled
def _has_its_scores(found: Longs) -> bool:
    """Tell whether a FULL_TIME says both scores, and no other kind any."""
    if found[KIND] != FULL_TIME:
        return bool(found[USES + HOME_SCORE] < 0 and found[USES + AWAY_SCORE] < 0)
    return bool(0 <= found[HOME_SCORE] <= MAX_SCORE and 0 <= found[AWAY_SCORE] <= MAX_SCORE)


@compiled
def _is_title(data: Bytes, found: Longs, use: int) -> bool:
    return bool(is_title(data, found[USES + use] - found[use], found[use]))


@compiled
def _has_its_fixture(data: Bytes, found: Longs) -> bool:
    """Tell whether a SCHEDULED says teams, competition and kick-off, and no other kind any."""
    home, away, said = found[USES + HOME_TEAM], found[USES + AWAY_TEAM], found[USES + HOME_TEAM : USES + KICK_OFF + 1]
    if found[KIND] != SCHEDULED:
        return bool((said < 0).all())
    return (
        min(home, away, found[USES + COMPETITION], found[USES + KICK_OFF]) >= 0
        and _is_title(data, found, HOME_TEAM)
        and _is_title(data, found, AWAY_TEAM)
        and _is_title(data, found, COMPETITION)
        and not is_same(data, home - found[HOME_TEAM], home, data, away - found[AWAY_TEAM], away)
        and EARLIEST_MS <= found[KICK_OFF] < LATEST_MS
    )


@compiled
def _is_named(data: Bytes, found: Longs, use: int) -> bool:
    return bool(is_name(data, found[USES + use] - found[use], found[use]))


@compiled
def _is_possible(data: Bytes, found: Longs) -> bool:
    """Tell whether what was found could be true; see `schemas.bounds`."""
    return (
        EARLIEST_MS <= found[OCCURRED] < LATEST_MS
        and 0 <= found[MINUTE] <= MAX_MINUTE
        and found[CHANCE] <= _ONE
        and (found[SIDE] != _NO_SIDE or _OF_NO_SIDE[found[KIND]])
        and _has_its_scores(found)
        and _has_its_fixture(data, found)
        and _is_named(data, found, EVENT_ID)
        and _is_named(data, found, MATCH_ID)
        and (found[KIND] != FEATURES or _is_named(data, found, SOURCE))
    )


@compiled
def _is_written_with(data: Bytes, start: int, end: int, schema_id: int) -> bool:
    if not 0 <= start <= end <= len(data) or end - start < _HEADER or data[start] != 0:
        return False
    found = 0
    for place in range(start + 1, start + _HEADER):
        found = found << 8 | int(np.int64(data[place]))
    return found == schema_id


@compiled
def _write_told(found: Longs, out: Row) -> None:
    out.source_length, out.source_start = found[SOURCE], found[USES + SOURCE] - found[SOURCE]
    out.values_length, out.values_start = found[VALUES], found[USES + VALUES] - found[VALUES]


@compiled
def _write_fixture(found: Longs, out: Row) -> None:
    out.home_team_length, out.home_team_start = found[HOME_TEAM], found[USES + HOME_TEAM] - found[HOME_TEAM]
    out.away_team_length, out.away_team_start = found[AWAY_TEAM], found[USES + AWAY_TEAM] - found[AWAY_TEAM]
    out.competition_length = found[COMPETITION]
    out.competition_start = found[USES + COMPETITION] - found[COMPETITION]
    out.neutral, out.kick_off_ms = found[NEUTRAL] != 0, found[KICK_OFF]


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
        found[MINUTE] = found[CHANCE] = found[NEUTRAL] = 0
        found[SIDE], found[HOME_SCORE], found[AWAY_SCORE] = _NO_SIDE, -1, -1
        found[USES:] = -1
        found[KIND] = FEATURES  # an event of a match says which kind it is
        if not read_fields(values, start + _HEADER, end, layout, found) or not _is_possible(values, found):
            continue
        name_end, key_end = found[USES + MATCH_ID], key_starts[row + 1]
        if not is_same(values, name_end - found[MATCH_ID], name_end, keys, key, key_end):
            continue
        if timestamps_ms[row] < found[OCCURRED] - MAX_AHEAD_MS:
            continue
        if partition_at(keys, key, key_end, partitions) != homes[row]:
            continue
        length = found[EVENT_ID]
        plain[row], kinds[row], sides[row] = True, found[KIND], found[SIDE]
        minutes[row], occurred[row] = found[MINUTE], found[OCCURRED]
        home_scores[row], away_scores[row] = found[HOME_SCORE], found[AWAY_SCORE]
        id_starts[row], id_lengths[row] = found[USES + EVENT_ID] - length, length
        digests[row] = event_digest(values, id_starts[row], length, work)
        if found[KIND] == FEATURES:
            _write_told(found, out[row])
        elif found[KIND] == SCHEDULED:
            _write_fixture(found, out[row])
        count += 1
    return count


def read_plain_events(  # noqa: PLR0917 - one array a column
    values: Bytes, starts: Longs, keys: Bytes, key_starts: Longs, homes: Longs, partitions: int, timestamps_ms: Longs,
    schema_id: int, layout: Longs, out: NDArray[np.void],
) -> int:  # fmt: skip
    """Fill a row of *out* for each record and return how many are plain.

    A row is plain when the record is written with this schema, is a feature event or one of the kinds of PLAIN_KINDS,
    passes `schemas.bounds`, has the match_id as its key, lies in the partition of that, is at most MAX_AHEAD_MS ahead
    of its timestamp, has ids and names of values of printable ASCII, and no other field of ours than its kind needs.

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
