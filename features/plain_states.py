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
from features.plain_told import Said, Wanted, read_told
from schemas.avro_kernels import Bytes, array_at, array_end, is_same, read_long, skip_bytes
from schemas.compiling import compiled

HEADER: Final = 5
"""Bytes before a state: the magic one, and those of its schema's id."""


@compiled
def _text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the text at *at* begins and ends; whether there is one is for `skip_bytes` to say."""
    length, start = read_long(data, at, end)
    return start, start + length


@compiled
def _scheduled(data: Bytes, at: int, end: int, match: Row) -> int:
    """Read every SCHEDULED; return where they end."""
    count, at = array_at(data, at, end)
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
    return array_end(data, at, end, count)


@compiled
def _results(data: Bytes, at: int, end: int, match: Row) -> tuple[int, int, int]:
    """Read every FULL_TIME; return where the first is, how many there are, and where they end."""
    count, at = array_at(data, at, end)
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
    return first, count, array_end(data, at, end, count)


@compiled
def _marks(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Return where the first mark is, how many there are, the time of the last, and where they end."""
    count, at = array_at(data, at, end)
    first, occurred = at, 0
    for _ in range(count):
        occurred, at = read_long(data, at, end)
        at = skip_bytes(data, at, end)
        _, at = read_long(data, at, end)
    return first, count, occurred, array_end(data, at, end, count)


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
    counts[GOALS_SECTION], at = array_at(data, at, end)
    places[GOALS_SECTION] = at
    for _ in range(counts[GOALS_SECTION]):
        minute, at = read_long(data, at, end)
        _, at = read_long(data, at, end)
        match.last_goal = max(match.last_goal, minute)
    at = array_end(data, at, end, counts[GOALS_SECTION])
    for section in range(RED_SECTION, SECTIONS):
        after = skip_bytes(data, at, end)
        length, places[section] = read_long(data, at, end)
        counts[section] = length // DIGEST
        at = after if length % DIGEST == 0 else -1
    return at


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
    data: Bytes, ends: NDArray[np.int64], header: Bytes, wanted: Wanted, matches: Columns, places: NDArray[np.int64],
    known: NDArray[np.int64], said: Said,
) -> None:  # fmt: skip
    """Read states.

    Args:
        data: Their bytes, one behind the other.
        ends: Of each, shape ``(n,)``.
        header: The first bytes of a state that can be plain.
        wanted: Which values are read of what sources say.
        matches: To be filled, shape ``(n,)``; its importance is left to the caller.
        places: Filled with where each section begins, shape ``(n, ALL_SECTIONS)``.
        known: Filled with how much is in each, likewise.
        said: Filled with these values.
    """
    said.values[:] = np.nan
    said.as_of_ms[:] = np.nan
    for one in range(len(ends)):
        match = matches[one]
        start, end = ends[one - 1] if one else 0, ends[one]
        match.plain = match.changed = match.marked = match.over = match.has_result = False
        match.last_goal, match.heard_ms, match.result_ms = -1, 0, 0
        match.first_added = match.first_heard = -1
        match.start, match.end = start, end
        if end - start < HEADER or not is_same(data, start, start + HEADER, header, 0, len(header)):
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
        match.applied_at = read_told(data, match.struck_end, end, match, wanted, said, one)
        match.applied_match, at = read_long(data, match.applied_at, end)
        match.applied_feature, at = read_long(data, at, end)
        held, at = read_long(data, at, end)
        match.plain &= at == end and held == 0 and has_pin
