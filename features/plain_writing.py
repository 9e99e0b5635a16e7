"""Writes states of matches as the codec does, from the columns of a fold."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.plain_layout import (
    ALL_SECTIONS,
    DIGEST,
    GOALS_SECTION,
    RESULTS_SECTION,
    SECTIONS,
    Columns,
    Row,
)
from features.plain_states import digest_at, saying_end
from features.plain_told import write_told
from schemas.avro_kernels import Bytes, copy_bytes, is_after, read_long, write_long
from schemas.compiling import compiled

_LONGEST: Final = 10  # bytes of a number


def largest(known_bytes: int, n_events: int, text_bytes: int, n_matches: int) -> int:
    """Return how many bytes `write_states` may need.

    Args:
        known_bytes: Of the states as they were.
        n_events: Events folded into them.
        text_bytes: Of the ids, sources and values of these.
        n_matches: How many states.
    """
    return known_bytes + 4 * _LONGEST * n_events + text_bytes + (7 + ALL_SECTIONS) * _LONGEST * n_matches


@compiled
def _write_goals(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, at_goals: int, known: int, added: Columns, first: int, section: int, out: Bytes, at: int, count: int,
) -> int:  # fmt: skip
    """Write the goals of one side, sorted; return where they end."""
    minutes, digests = np.empty(count, np.int64), np.empty(count, np.int64)
    for goal in range(known):
        minutes[goal], at_goals = read_long(data, at_goals, len(data))
        digests[goal], at_goals = read_long(data, at_goals, len(data))
    filled = known
    while first >= 0:
        new = added[first]
        if new.section == section:
            place = filled
            while place and (minutes[place - 1], digests[place - 1]) > (new.minute, new.digest):
                minutes[place], digests[place] = minutes[place - 1], digests[place - 1]
                place -= 1
            minutes[place], digests[place] = new.minute, new.digest
            filled += 1
        first = new.before
    if count:
        at = write_long(out, at, count)
    for goal in range(count):
        at = write_long(out, at, minutes[goal])
        at = write_long(out, at, digests[goal])
    out[at] = 0
    return at + 1


@compiled
def _write_digest(out: Bytes, at: int, number: np.uint64) -> None:
    for byte in range(DIGEST):
        out[at + byte] = number >> np.uint64(8 * (DIGEST - 1 - byte)) & np.uint64(255)


@compiled
def _write_digests(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, start: int, known: int, added: Columns, first: int, section: int, out: Bytes, at: int, count: int,
) -> int:  # fmt: skip
    """Write the digests of one section, sorted; return where they end."""
    at = write_long(out, at, count * DIGEST)
    at_end = copy_bytes(data, start, start + known * DIGEST, out, at)
    while first >= 0:
        new = added[first]
        if new.section == section:
            number = np.uint64(new.digest)
            place = at_end
            while place > at and digest_at(out, place - DIGEST) > number:
                for byte in range(DIGEST):
                    out[place + byte] = out[place - DIGEST + byte]
                place -= DIGEST
            _write_digest(out, place, number)
            at_end += DIGEST
        first = new.before
    return at_end


@compiled
def _is_after(out: Bytes, at: int, event: Row, ids: Bytes) -> bool:
    """Tell whether what was said at *at* comes after what *event* says; no two have the same id."""
    occurred, at = read_long(out, at, len(out))
    if occurred != event.occurred_at_ms:
        return bool(occurred > event.occurred_at_ms)
    length, at = read_long(out, at, len(out))
    return is_after(out, at, length, ids, event.id_start, event.id_length)


@compiled
def _write_said(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, start: int, known: int, added: Columns, first: int, section: int, events: Columns, ids: Bytes,
    out: Bytes, at: int, count: int,
) -> int:  # fmt: skip
    """Write what was said of one kind, sorted; return where it ends."""
    if count:
        at = write_long(out, at, count)
    end = start
    for _ in range(known):
        end = saying_end(data, end, section)
    at_end = copy_bytes(data, start, end, out, at)
    while first >= 0:
        new = added[first]
        if new.section == section:
            event = events[new.row]
            place = at
            while place < at_end and not _is_after(out, place, event, ids):
                place = saying_end(out, place, section)
            behind = out[place:at_end].copy()
            place = write_long(out, place, event.occurred_at_ms)
            place = write_long(out, place, event.id_length)
            place = copy_bytes(ids, event.id_start, event.id_start + event.id_length, out, place)
            if section == RESULTS_SECTION:
                place = write_long(out, write_long(out, place, event.home_score), event.away_score)
            else:
                place = write_long(out, place, event.minute)
            at_end = copy_bytes(behind, 0, len(behind), out, place)
        first = new.before
    out[at_end] = 0
    return at_end + 1


@compiled
def _write_sayings(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, match: Row, places: NDArray[np.int64], known: NDArray[np.int64], counts: NDArray[np.int64],
    added: Columns, events: Columns, ids: Bytes, out: Bytes, at: int,
) -> int:  # fmt: skip
    """Write what was said once; return where it ends."""
    if (counts[RESULTS_SECTION:] == known[RESULTS_SECTION:]).all():
        return int(copy_bytes(data, match.sayings_at, match.home_at, out, at))
    at = copy_bytes(data, match.sayings_at, match.results_at, out, at)
    for section in range(RESULTS_SECTION, ALL_SECTIONS):
        at = _write_said(
            data, places[section], known[section], added, match.first_added, section, events, ids, out, at,
            counts[section],
        )  # fmt: skip
    return int(copy_bytes(data, match.cancellations_at, match.home_at, out, at))


@compiled
def _write_bundle(out: Bytes, at: int, bundle: int) -> int:
    number = np.uint64(bundle)
    if not number:
        out[at] = 0
        return at + 1
    at = write_long(out, at, DIGEST)
    _write_digest(out, at, number)
    return at + DIGEST


@compiled
def write_states(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, matches: Columns, places: NDArray[np.int64], known: NDArray[np.int64], counts: NDArray[np.int64],
    added: Columns, heard: Columns, events: Columns, ids: Bytes, out: Bytes, ends: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the states of matches which have changed.

    Args:
        data: The bytes which `open_states` has read.
        matches: As the fold has left them.
        places: As `open_states` has filled them.
        known: As places.
        counts: How much is in each section now.
        added: What the fold has added.
        heard: Of which sources it has heard.
        events: The events which were folded.
        ids: In which their ids lie, and what sources say.
        out: To be filled; `largest` says how long it must be.
        ends: Filled with the end of each in *out*, shape ``(n,)``; empty where nothing has changed.
    """
    at = 0
    for one in range(len(matches)):
        match = matches[one]
        if match.changed:
            at = copy_bytes(data, match.start, match.bundle_at, out, at)
            at = _write_bundle(out, at, match.bundle)
            at = write_long(out, at, match.minute)
            at = write_long(out, at, match.last_event_ms)
            at = _write_sayings(data, match, places[one], known[one], counts[one], added, events, ids, out, at)
            for section in range(2 * SECTIONS):
                place, old, new = places[one, section], known[one, section], counts[one, section]
                if section % SECTIONS == GOALS_SECTION:
                    at = _write_goals(data, place, old, added, match.first_added, section, out, at, new)
                else:
                    at = _write_digests(data, place, old, added, match.first_added, section, out, at, new)
            at = copy_bytes(data, match.tail_at, match.struck_end, out, at)
            at = write_told(data, match, heard, events, ids, out, at)
            at = write_long(out, at, match.applied_match)
            at = write_long(out, at, match.applied_feature)
            out[at] = 0
            at += 1
        ends[one] = at
