"""What sources say of matches: read from states, heard of events, and written into states.

Values stay as Avro has them; those which features are computed from are read beside.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.plain_layout import Columns, Row
from schemas.avro_kernels import (
    Bytes,
    array_at,
    array_end,
    copy_bytes,
    is_same,
    read_double,
    read_long,
    skip_bytes,
    write_long,
    write_text,
)
from schemas.compiling import compiled

_DOUBLE: Final = 8
_NULL, _NUMBER = 0, 2  # the branches of a value, zigzag
_NEVER: Final = np.iinfo(np.int64).min


class Wanted(NamedTuple):
    """Whose values are read, and which.

    Attributes:
        sources: Their names, one behind the other; the first is the ratings.
        source_ends: Of each, shape ``(s + 1,)``.
        names: Of the values, one behind the other, source by source.
        name_ends: Of each, shape ``(k,)``.
        firsts: Index of the first name of each source, and k, shape ``(s + 2,)``.
    """

    sources: Bytes
    source_ends: NDArray[np.int64]
    names: Bytes
    name_ends: NDArray[np.int64]
    firsts: NDArray[np.int64]


class Said(NamedTuple):
    """What they say of each match; NaN where nothing is said.

    Attributes:
        values: By name, shape ``(n, k)``.
        as_of_ms: When each source but the first has said so, shape ``(n, s)``.
    """

    values: NDArray[np.float64]
    as_of_ms: NDArray[np.float64]


@compiled
def _place_of(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, start: int, end: int, texts: Bytes, ends: NDArray[np.int64], first: int, count: int, expected: int
) -> int:  # fmt: skip
    """Return which of *count* texts from *first* on is the one from *start* to *end*; -1 when it is none of them."""
    for step in range(count):  # they come in the same order each time: the next one first
        place = first + (expected + step) % count
        begin = ends[place - 1] if place else 0
        if is_same(data, start, end, texts, begin, ends[place]):
            return place
    return -1


@compiled
def _read_values(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at: int, end: int, wanted: Wanted, first: int, last: int, values: NDArray[np.float64]
) -> int:  # fmt: skip
    """Read what one source says; what is called as a name from *first* to *last* goes to its place in *values*."""
    count, at = array_at(data, at, end)
    expected = 0
    for _ in range(count):
        after = skip_bytes(data, at, end)
        _, start = read_long(data, at, end)
        if after < 0 or after >= end:
            return -1
        name = _place_of(data, start, after, wanted.names, wanted.name_ends, first, last - first, expected)
        if name >= 0:
            expected = name + 1 - first
        branch, at = data[after], after + 1
        if branch == _NUMBER:
            if end - at < _DOUBLE:
                return -1
            if name >= 0:
                values[name] = read_double(data, at)
            at += _DOUBLE
        elif branch != _NULL:
            return -1
    return array_end(data, at, end, count)


@compiled
def _take_in(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, name: int, name_end: int, as_of: int, at: int, end: int, wanted: Wanted, said: Said, one: int
) -> int:  # fmt: skip
    """Let *said* of match *one* be what the source of this name says at *at*; return where that ends."""
    ends = wanted.source_ends
    source = _place_of(data, name, name_end, wanted.sources, ends, 0, len(ends), 0)
    if source < 0:
        return int(_read_values(data, at, end, wanted, 0, 0, said.values[one]))
    if source > 0:
        said.as_of_ms[one, source - 1] = as_of
    first, last = wanted.firsts[source], wanted.firsts[source + 1]
    said.values[one, first:last] = np.nan
    return int(_read_values(data, at, end, wanted, first, last, said.values[one]))


@compiled
def read_told(data: Bytes, at: int, end: int, match: Row, wanted: Wanted, said: Said, one: int) -> int:  # noqa: PLR0917 - a kernel's
    """Read the newest feature event of each source of match *one*; return where they end."""
    count, at = array_at(data, at, end)
    for _ in range(count):
        name_end = skip_bytes(data, at, end)
        _, name = read_long(data, at, end)
        as_of, at = read_long(data, name_end, end)
        _, at = read_long(data, at, end)
        if at < 0:
            return -1
        match.heard_ms = max(match.heard_ms, as_of)
        at = _take_in(data, name, name_end, as_of, at, end, wanted, said, one)
    return array_end(data, at, end, count)


@compiled
def _said_end(data: Bytes, at: int) -> int:
    """Return where what a source says at *at* ends; in a state that was read already."""
    at = skip_bytes(data, at, len(data))
    for _ in range(2):
        _, at = read_long(data, at, len(data))
    count, at = read_long(data, at, len(data))
    for _ in range(count):
        at = skip_bytes(data, at, len(data))
        at += 1 if data[at] == _NULL else 1 + _DOUBLE
    return int(array_end(data, at, len(data), count))


@compiled
def _place_in_state(data: Bytes, match: Row, event: Row, ids: Bytes) -> int:
    """Return where the state has what the source of *event* says; -1 when it has nothing of it."""
    name, name_end = event.source_start, event.source_start + event.source_length
    count, at = array_at(data, match.struck_end, match.applied_at)
    for _ in range(count):
        length, start = read_long(data, at, len(data))
        if is_same(ids, name, name_end, data, start, start + length):
            return at
        at = _said_end(data, at)
    return -1


@compiled
def _remembered(match: Row, events: Columns, event: Row, ids: Bytes, heard: Columns) -> int:
    """Return where the source of *event* stands among *heard*; -1 when it does not."""
    name, name_end = event.source_start, event.source_start + event.source_length
    one = match.first_heard
    while one >= 0:
        first = events[heard[one].source]
        if is_same(ids, name, name_end, ids, first.source_start, first.source_start + first.source_length):
            return int(one)
        one = heard[one].before
    return -1


@compiled
def _remember(match: Row, events: Columns, row: int, ids: Bytes, data: Bytes, heard: Columns, place: int) -> None:  # noqa: PLR0917 - a kernel's
    """Write to *place* of *heard* what the state has of the source of an event."""
    new = heard[place]
    new.before, new.source, new.row, match.first_heard = match.first_heard, row, -1, place
    new.as_of_ms = new.digest = _NEVER
    new.place = at = _place_in_state(data, match, events[row], ids)
    if at >= 0:
        new.as_of_ms, at = read_long(data, skip_bytes(data, at, len(data)), len(data))
        new.digest, _ = read_long(data, at, len(data))


@compiled
def hear(  # noqa: PLR0917 - kernels take arrays
    match: Row, events: Columns, row: int, ids: Bytes, data: Bytes, heard: Columns, n_heard: int, wanted: Wanted,
    said: Said, one: int,
) -> tuple[bool, int]:  # fmt: skip
    """Let what a feature event says of match *one* count; tell whether it is news, and how many are *heard* now."""
    event = events[row]
    place = _remembered(match, events, event, ids, heard)
    if place < 0:
        place = n_heard
        _remember(match, events, row, ids, data, heard, place)
        n_heard += 1
    known = heard[place]
    if (known.as_of_ms, known.digest) >= (event.occurred_at_ms, event.digest):
        return False, n_heard
    known.as_of_ms, known.digest, known.row = event.occurred_at_ms, event.digest, row
    match.heard_ms = max(match.heard_ms, event.occurred_at_ms)
    name, start = event.source_start, event.values_start
    _take_in(
        ids, name, name + event.source_length, event.occurred_at_ms, start, start + event.values_length, wanted, said,
        one,
    )  # fmt: skip
    return True, n_heard


@compiled
def _write_event(event: Row, ids: Bytes, out: Bytes, at: int) -> int:
    at = write_text(ids, event.source_start, event.source_length, out, at)
    at = write_long(out, write_long(out, at, event.occurred_at_ms), event.digest)
    return int(copy_bytes(ids, event.values_start, event.values_start + event.values_length, out, at))


@compiled
def _news(match: Row, heard: Columns) -> NDArray[np.int64]:
    """Return the indexes among *heard* of the sources which have said something new, in the order in which they did."""
    count, one = 0, match.first_heard
    while one >= 0:
        count, one = count + (heard[one].row >= 0), heard[one].before
    found, one = np.empty(count, np.int64), match.first_heard
    while one >= 0:
        if heard[one].row >= 0:
            count -= 1
            found[count] = one
        one = heard[one].before
    return found


@compiled
def write_told(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, match: Row, heard: Columns, events: Columns, ids: Bytes, out: Bytes, at: int
) -> int:  # fmt: skip
    """Write what each source says, in the order in which they first did; return where it ends."""
    news = heard[_news(match, heard)]
    if not len(news):
        return int(copy_bytes(data, match.struck_end, match.applied_at, out, at))
    known, place = array_at(data, match.struck_end, match.applied_at)
    at = write_long(out, at, known + (news["place"] < 0).sum())
    for _ in range(known):
        end = _said_end(data, place)
        again = np.flatnonzero(news["place"] == place)
        at = (
            _write_event(events[news[again[0]].row], ids, out, at)
            if len(again)
            else copy_bytes(data, place, end, out, at)
        )
        place = end
    for one in range(len(news)):
        if news[one].place < 0:
            at = _write_event(events[news[one].row], ids, out, at)
    out[at] = 0
    return at + 1
