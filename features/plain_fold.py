"""Folds the usual events of matches into their states, a batch at a time.

It says for these events what `after_event` says; the tests hold the two together.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.facts import (
    AWAY_GOALS,
    AWAY_REDS,
    HOME_GOALS,
    HOME_REDS,
    IMPORTANCE,
    LAST_GOAL,
    MINUTE,
    MOMENT,
    N_FACTS,
    NEUTRAL,
    OVER,
    RATED,
    STARTED,
)
from features.plain_layout import DIGEST, GOALS_SECTION, RED_SECTION, RESULTS_SECTION, SECTIONS, TICK, Columns, Row
from features.plain_states import digest_at, saying_end
from features.plain_told import Said, Wanted, hear
from schemas.avro_kernels import Bytes, is_after, read_long
from schemas.compiling import compiled
from schemas.digests import WORK, Words, event_digest
from schemas.plain_layout import FEATURES

_RATED: Final = len(RATED)
LEFT, REPLAYED, REPEATED, PREDICTED = range(4)
"""What became of an event: it is not for the fold, its offset was applied, it changed nothing, or it did."""


@compiled
def _has_digest(data: Bytes, start: int, count: int, digest: int) -> bool:
    """Tell whether *digest* is among *count* sorted ones."""
    number = np.uint64(digest)
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if digest_at(data, start + middle * DIGEST) < number:
            low = middle + 1
        else:
            high = middle
    return low < count and digest_at(data, start + low * DIGEST) == number


@compiled
def _has_goal(data: Bytes, at: int, count: int, digest: int) -> bool:
    for _ in range(count):
        _, at = read_long(data, at, len(data))
        one, at = read_long(data, at, len(data))
        if one == digest:
            return True
    return False


@compiled
def _has_saying(data: Bytes, at: int, count: int, section: int, digest: int, work: Words) -> bool:  # noqa: PLR0917 - a kernel's
    for _ in range(count):
        _, id_at = read_long(data, at, len(data))
        length, start = read_long(data, id_at, len(data))
        if event_digest(data, start, length, work) == digest:
            return True
        at = saying_end(data, at, section)
    return False


@compiled
def _is_known(  # noqa: PLR0917 - kernels take arrays
    data: Bytes, match: Row, section: int, place: int, known: int, added: Columns, digest: int, work: Words
) -> bool:
    """Tell whether *digest* is in a section already, or was struck off."""
    if _has_digest(data, match.struck_at, (match.struck_end - match.struck_at) // DIGEST, digest):
        return True
    if section >= RESULTS_SECTION:
        if _has_saying(data, place, known, section, digest, work):
            return True
    elif section % SECTIONS == GOALS_SECTION:
        if _has_goal(data, place, known, digest):
            return True
    elif _has_digest(data, place, known, digest):
        return True
    one = match.first_added
    while one >= 0:
        if added[one].digest == digest and added[one].section == section:
            return True
        one = added[one].before
    return False


@compiled
def _counts(match: Row, events: Columns, row: int, data: Bytes, ids: Bytes) -> bool:
    """Tell whether the result which the event at *row* says comes behind the one which counts, and so counts itself."""
    event = events[row]
    if not match.has_result or event.occurred_at_ms != match.result_ms:
        return not match.has_result or bool(event.occurred_at_ms > match.result_ms)
    if match.result_row < 0:
        return is_after(ids, event.id_start, event.id_length, data, match.result_id, match.result_id_length)
    last = events[match.result_row]
    return is_after(ids, event.id_start, event.id_length, ids, last.id_start, last.id_length)


@compiled
def _end(match: Row, event: Row, row: int) -> bool:
    """Let the result which an event says count; tell whether it is another than before."""
    another = not match.has_result or match.home_score != event.home_score or match.away_score != event.away_score
    match.has_result = match.over = True
    match.home_score, match.away_score = event.home_score, event.away_score
    match.result_ms, match.result_row = event.occurred_at_ms, row
    return bool(another)


@compiled
def _remember(  # noqa: PLR0917 - kernels take arrays
    match: Row, counts: NDArray[np.int64], section: int, events: Columns, row: int, ids: Bytes, data: Bytes,
    added: Columns, place: int,
) -> bool:  # fmt: skip
    """Add an event which the match does not know, at *place* of *added*; tell whether the result is another then."""
    new, event = added[place], events[row]
    new.before, new.section, new.minute, new.digest = match.first_added, section, event.minute, event.digest
    new.row = row
    match.first_added = place
    counts[section] += 1
    if section >= RESULTS_SECTION:
        match.marked = True
    elif section % SECTIONS == GOALS_SECTION:
        match.last_goal = max(match.last_goal, event.minute)
    return section == RESULTS_SECTION and _counts(match, events, row, data, ids) and _end(match, event, row)


@compiled
def _state_facts(  # noqa: PLR0917 - kernels take arrays
    match: Row, counts: NDArray[np.int64], said: Said, one: int, moment_ms: int, out: NDArray[np.float64]
) -> None:  # fmt: skip
    """Write what the features are computed from."""
    values, as_of_ms = said.values[one], said.as_of_ms[one]
    for name in range(_RATED):
        out[name] = values[name]
    told = out[N_FACTS:]
    for value in range(len(values) - _RATED):
        told[value] = values[_RATED + value]
    for source in range(len(as_of_ms)):
        told[len(values) - _RATED + source] = as_of_ms[source]
    home, away = counts[GOALS_SECTION], counts[SECTIONS + GOALS_SECTION]
    out[NEUTRAL] = match.neutral
    out[IMPORTANCE] = match.importance
    out[STARTED] = match.minute != 0 or match.marked
    out[MINUTE] = match.minute
    out[HOME_GOALS] = match.home_score if match.has_result else home
    out[AWAY_GOALS] = match.away_score if match.has_result else away
    out[LAST_GOAL] = match.last_goal if home + away else np.nan
    out[HOME_REDS] = counts[RED_SECTION]
    out[AWAY_REDS] = counts[SECTIONS + RED_SECTION]
    out[OVER] = match.over
    out[MOMENT] = moment_ms


@compiled
def _happen(  # noqa: PLR0917 - kernels take arrays
    match: Row, counts: NDArray[np.int64], section: int, events: Columns, row: int, ids: Bytes, data: Bytes,
    place: int, known: int, added: Columns, n_added: int, work: Words,
) -> tuple[bool, bool, int]:  # fmt: skip
    """Let an event but a TICK count; tell whether it changes its match, and the result; how many are *added* now."""
    event, changed, ends = events[row], section < 0, False  # a match is made of its SCHEDULED
    if not changed and not _is_known(data, match, section, place, known, added, event.digest, work):
        ends = _remember(match, counts, section, events, row, ids, data, added, n_added)
        changed, n_added = True, n_added + 1
    if event.occurred_at_ms > match.last_event_ms:
        match.last_event_ms = event.occurred_at_ms
        changed = True
    return changed, ends, n_added


@compiled
def fold(  # noqa: PLR0917 - kernels take arrays
    events: Columns, section_of: NDArray[np.int8], owners: NDArray[np.int32], offsets: NDArray[np.int64], ids: Bytes,
    data: Bytes, matches: Columns, places: NDArray[np.int64], known: NDArray[np.int64], counts: NDArray[np.int64],
    wanted: Wanted, said: Said, added: Columns, heard: Columns, verdicts: NDArray[np.int8], causes: Columns,
    facts: NDArray[np.float64],
) -> int:  # fmt: skip
    """Fold events, in their order, into their matches; return how many of them are to be predicted.

    Args:
        events: As `schemas.plain_events` reads them, shape ``(n,)``.
        section_of: SECTION_OF.
        owners: Index of the match of each; -1 for an event which is left alone.
        offsets: Of each in its topic.
        ids: In which their ids lie, and what sources say.
        data: From which `open_states` has filled the next three, and said. A match of which there is a SCHEDULED among
            the events has been made of it, see `features.plain_fixtures`.
        matches: One row a match; they are changed.
        places: Where each section begins in *data*.
        known: How much is in each section there.
        counts: A copy of known at first; how much is in each section now.
        wanted: Which values are read of what sources say.
        said: These; they are changed.
        added: To be filled, shape ``(n,)``.
        heard: Likewise.
        verdicts: Filled with what became of each event.
        causes: Filled with the events to be predicted.
        facts: Filled with what is known after each of these, shape ``(n, k)``.
    """
    n_added = n_heard = n_causes = 0
    work = np.empty(WORK, np.uint64)
    for row in range(len(events)):
        verdicts[row] = LEFT
        if owners[row] < 0:
            continue
        event, one = events[row], owners[row]
        match, ends = matches[one], False
        if offsets[row] <= (match.applied_feature if event.kind == FEATURES else match.applied_match):
            verdicts[row] = REPLAYED
            continue
        changed = event.minute > match.minute
        if event.kind == FEATURES:
            changed, n_heard = hear(match, events, row, ids, data, heard, n_heard, wanted, said, one)
        elif event.kind != TICK:
            section = section_of[event.kind]
            if 0 <= section < SECTIONS:
                section += SECTIONS * event.side
            happened, ends, n_added = _happen(
                match, counts[one], section, events, row, ids, data, places[one, section], known[one, section], added,
                n_added, work,
            )  # fmt: skip
            changed |= happened
        if not changed:
            verdicts[row] = REPEATED
            continue
        match.minute = max(match.minute, event.minute)
        if event.kind == FEATURES:
            match.applied_feature = offsets[row]
        else:
            match.applied_match = offsets[row]
        match.changed, verdicts[row] = True, PREDICTED
        if not match.bundle and (match.minute or match.marked):
            match.bundle = match.chosen
        cause = causes[n_causes]
        cause.row, cause.match, cause.minute = row, one, match.minute if match.minute or match.marked else -1
        cause.bundle, cause.ends, cause.has_result = match.bundle, ends, match.has_result
        cause.home_score, cause.away_score = match.home_score, match.away_score
        cause.home_goals, cause.away_goals = counts[one, GOALS_SECTION], counts[one, SECTIONS + GOALS_SECTION]
        _state_facts(match, counts[one], said, one, event.occurred_at_ms, facts[n_causes])
        n_causes += 1
    return n_causes
