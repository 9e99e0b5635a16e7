"""Reads states of matches from their Avro bytes, a batch at a time.

It knows schema version 2 of the match state as its codec writes it. A state which is any other, or has not got its
fixture yet, is not plain, and is for the codec and `MatchState`, which say what all of this means.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.plain_layout import (
    DIGEST,
    GOALS_SECTION,
    RED_SECTION,
    RESULTS_SECTION,
    SECTIONS,
    Columns,
    Row,
)
from schemas.avro_kernels import Bytes, read_double, read_long, skip_bytes
from schemas.compiling import compiled

HEADER: Final = 5
"""Bytes before a state: the magic one, and those of its schema's id."""


@compiled
def _array(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return how many items the array or map at *at* has, and where the first is."""
    count, at = read_long(data, at, end)
    return (count, at) if 0 <= count < end else (0, -1)


@compiled
def _array_end(data: Bytes, at: int, end: int, count: int) -> int:
    """Return where the array ends whose *count* items end at *at*: there must be no other block."""
    if not count:
        return at
    more, at = read_long(data, at, end)
    return at if more == 0 else -1


@compiled
def _text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the text at *at* begins and ends; whether there is one is for `skip_bytes` to say."""
    length, start = read_long(data, at, end)
    return start, start + length


@compiled
def _scheduled(data: Bytes, at: int, end: int, match: Row) -> int:
    """Read every SCHEDULED; return where they end."""
    count, at = _array(data, at, end)
    for _ in range(count):
        _, at = read_long(data, at, end)
        at = skip_bytes(data, at, end)
        match.home_team, match.home_team_end = _text(data, at, end)
        at = skip_bytes(data, at, end)
        match.away_team, match.away_team_end = _text(data, at, end)
        at = skip_bytes(data, at, end)
        match.competition, match.competition_end = _text(data, at, end)
        after = skip_bytes(data, at, end)
        if after < 0 or after >= end:
            return -1
        match.neutral = data[after] != 0
        match.kick_off_ms, at = read_long(data, after + 1, end)
    match.plain = count > 0
    return _array_end(data, at, end, count)


@compiled
def _results(data: Bytes, at: int, end: int, match: Row) -> tuple[int, int, int]:
    """Read every FULL_TIME; return where the first is, how many there are, and where they end."""
    count, at = _array(data, at, end)
    first, match.result_row = at, -1
    for _ in range(count):
        match.result_ms, at = read_long(data, at, end)
        match.result_id_length, match.result_id = read_long(data, at, end)
        at = skip_bytes(data, at, end)
        match.home_score, at = read_long(data, at, end)
        match.away_score, at = read_long(data, at, end)
    match.has_result = match.over = count > 0
    match.ended_ms = match.result_ms
    match.marked |= count > 0
    return first, count, _array_end(data, at, end, count)


@compiled
def _marks(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Return where the first mark is, how many there are, the time of the last, and where they end."""
    count, at = _array(data, at, end)
    first, occurred = at, 0
    for _ in range(count):
        occurred, at = read_long(data, at, end)
        at = skip_bytes(data, at, end)
        _, at = read_long(data, at, end)
    return first, count, occurred, _array_end(data, at, end, count)


@compiled
def _sayings(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at: int, end: int, match: Row, places: NDArray[np.int64], counts: NDArray[np.int64]
) -> int:
    """Read what was said once: fixture, result, marks."""
    match.results_at = at = _scheduled(data, at, end, match)
    places[0], counts[0], at = _results(data, at, end, match)
    for section in range(1, 3):
        places[section], counts[section], _occurred, at = _marks(data, at, end)
        match.marked |= counts[section] > 0
    match.cancellations_at = at
    _first, count, occurred, at = _marks(data, at, end)
    match.cancelled = count > 0
    if count:
        match.ended_ms = max(match.ended_ms, occurred) if match.over else occurred
        match.over = True
    return at


@compiled
def _tally(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at: int, end: int, match: Row, places: NDArray[np.int64], counts: NDArray[np.int64]
) -> int:
    """Read what one side has done: where each section begins, and how much is in it."""
    counts[GOALS_SECTION], at = _array(data, at, end)
    places[GOALS_SECTION] = at
    for _ in range(counts[GOALS_SECTION]):
        minute, at = read_long(data, at, end)
        _, at = read_long(data, at, end)
        match.last_goal = max(match.last_goal, minute)
    at = _array_end(data, at, end, counts[GOALS_SECTION])
    for section in range(RED_SECTION, SECTIONS):
        after = skip_bytes(data, at, end)
        length, places[section] = read_long(data, at, end)
        counts[section] = length // DIGEST
        at = after if length % DIGEST == 0 else -1
    return at


@compiled
def _is_text(data: Bytes, start: int, end: int, text: Bytes) -> bool:
    if end - start != len(text):
        return False
    same = True
    for place in range(len(text)):
        same &= data[start + place] == text[place]
    return same


@compiled
def _values(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at: int, end: int, names: Bytes, name_ends: NDArray[np.int64], first: int, last: int,
    said: NDArray[np.float64],
) -> int:  # fmt: skip
    """Read the values of one source; what is called as a name from *first* to *last* goes to its place in *said*."""
    count, at = _array(data, at, end)
    expected = 0
    for _ in range(count):
        after = skip_bytes(data, at, end)
        _, start = read_long(data, at, end)
        if after < 0 or after >= end:
            return -1
        for step in range(last - first):  # they come in the same order each time: the next one first
            name = first + (expected + step) % (last - first)
            begin = name_ends[name - 1] if name else 0
            if _is_text(data, start, after, names[begin : name_ends[name]]):
                expected = name + 1 - first
                break
        else:
            name = -1
        branch, at = data[after], after + 1
        if branch == 2:  # noqa: PLR2004 - the second branch, zigzag
            if end - at < 8:  # noqa: PLR2004 - a float64
                return -1
            if name >= 0:
                said[name] = read_double(data, at)
            at += 8
        elif branch != 0:
            return -1
    return _array_end(data, at, end, count)


@compiled
def _features(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at: int, end: int, match: Row, sources: Bytes, source_ends: NDArray[np.int64], names: Bytes,
    name_ends: NDArray[np.int64], firsts: NDArray[np.int64], said: NDArray[np.float64], as_of_ms: NDArray[np.float64],
) -> int:  # fmt: skip
    """Read the newest feature event of each source."""
    count, at = _array(data, at, end)
    for _ in range(count):
        after = skip_bytes(data, at, end)
        _, start = read_long(data, at, end)
        first = last = 0
        as_of, at = read_long(data, after, end)
        _, at = read_long(data, at, end)
        match.heard_ms = max(match.heard_ms, as_of)
        for source in range(len(source_ends)):
            begin = source_ends[source - 1] if source else 0
            if after >= 0 and _is_text(data, start, after, sources[begin : source_ends[source]]):
                first, last = firsts[source], firsts[source + 1]
                if source:
                    as_of_ms[source - 1] = as_of
                break
        at = _values(data, at, end, names, name_ends, first, last, said)
    return _array_end(data, at, end, count)


@compiled
def digest_at(data: Bytes, at: int) -> np.uint64:
    """Return the digest at *at* as a number which sorts as its bytes do."""
    number = np.uint64(0)
    for place in range(DIGEST):
        number = number << np.uint64(8) | np.uint64(data[at + place])
    return number


@compiled
def saying_end(data: Bytes, at: int, section: int) -> int:
    """Return where what was said at *at* ends, a result or a mark; in a state that was read already."""
    _, at = read_long(data, at, len(data))
    at = skip_bytes(data, at, len(data))
    for _ in range(2 if section == RESULTS_SECTION else 1):
        _, at = read_long(data, at, len(data))
    return at


@compiled
def open_states(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, ends: NDArray[np.int64], header: Bytes, sources: Bytes, source_ends: NDArray[np.int64], names: Bytes,
    name_ends: NDArray[np.int64], firsts: NDArray[np.int64], matches: Columns, places: NDArray[np.int64],
    known: NDArray[np.int64], said: NDArray[np.float64], as_of_ms: NDArray[np.float64],
) -> None:  # fmt: skip
    """Read states.

    Args:
        data: Their bytes, one behind the other.
        ends: Of each, shape ``(n,)``.
        header: The first bytes of a state that can be plain.
        sources: Whose values are read, one behind the other; the first is the ratings.
        source_ends: Of each, shape ``(s + 1,)``.
        names: Of the values, one behind the other, source by source.
        name_ends: Of each, shape ``(k,)``.
        firsts: Index of the first name of each source, and k, shape ``(s + 2,)``.
        matches: To be filled, shape ``(n,)``; its importance is left to the caller.
        places: Filled with where each section begins, shape ``(n, ALL_SECTIONS)``.
        known: Filled with how much is in each, likewise.
        said: Filled with values by name, shape ``(n, k)``; NaN is missing.
        as_of_ms: Filled with when each source but the first has said so, shape ``(n, s)``; NaN for never.
    """
    said[:] = np.nan
    as_of_ms[:] = np.nan
    for one in range(len(ends)):
        match = matches[one]
        start, end = ends[one - 1] if one else 0, ends[one]
        match.plain = match.changed = match.marked = match.over = match.has_result = False
        match.last_goal, match.heard_ms, match.result_ms, match.first_added = -1, 0, 0, -1
        match.start, match.end = start, end
        if end - start < HEADER or not _is_text(data, start, start + HEADER, header):
            continue
        match.bundle_at = at = skip_bytes(data, start + HEADER, end)
        match.minute_at = skip_bytes(data, at, end)
        match.bundle = digest_at(data, at + 1) if match.minute_at == at + 1 + DIGEST else np.uint64(0)
        has_pin = match.minute_at == at + 1 + (DIGEST if match.bundle else 0)
        match.minute, at = read_long(data, match.minute_at, end)
        match.last_event_ms, match.sayings_at = read_long(data, at, end)
        match.home_at = _sayings(
            data, match.sayings_at, end, match, places[one, RESULTS_SECTION:], known[one, RESULTS_SECTION:]
        )
        at = _tally(data, match.home_at, end, match, places[one, :SECTIONS], known[one, :SECTIONS])
        at = _tally(data, at, end, match, places[one, SECTIONS:RESULTS_SECTION], known[one, SECTIONS:RESULTS_SECTION])
        match.tail_at = at
        match.struck_end = skip_bytes(data, at, end)
        _, match.struck_at = read_long(data, at, end)
        match.applied_at = _features(
            data, match.struck_end, end, match, sources, source_ends, names, name_ends, firsts, said[one], as_of_ms[one]
        )
        match.applied_match, at = read_long(data, match.applied_at, end)
        match.applied_feature, at = read_long(data, at, end)
        held, at = read_long(data, at, end)
        match.plain &= at == end and held == 0 and has_pin
