"""What a prediction says of its event and its match, gathered from the columns in which they were folded."""

import numpy as np

from features.plain_layout import Columns
from schemas.compiling import compiled
from schemas.flat_texts import Longs
from schemas.plain_predictions import NUMBERS

(
    _MATCH_ID, _MATCH_ID_LENGTH, _EVENT_ID, _EVENT_ID_LENGTH, _COMPETITION, _COMPETITION_LENGTH, _KIND, _OCCURRED,
    _MINUTE, _HOME, _AWAY, _PARTITION, _OFFSET, _TIMESTAMP, _RECEIVED,
) = range(len(NUMBERS))  # fmt: skip


@compiled
def _fill(  # noqa: PLR0917 - kernels take arrays
    causes: Columns, rows: Longs, matches: Columns, events: Columns, owners: Longs, name_starts: Longs, pieces: Longs,
    slices: Longs, offsets: Longs, timestamps_ms: Longs, out: Longs,
) -> None:  # fmt: skip
    for place in range(len(out)):
        cause, row, numbers = causes[place], rows[place], out[place]
        match, event, owner = matches[cause.match], events[row], owners[row]
        numbers[_MATCH_ID] = name_starts[owner]
        numbers[_MATCH_ID_LENGTH] = name_starts[owner + 1] - name_starts[owner]
        numbers[_EVENT_ID], numbers[_EVENT_ID_LENGTH] = event.id_start, event.id_length
        numbers[_COMPETITION] = match.competition
        numbers[_COMPETITION_LENGTH] = match.competition_end - match.competition
        numbers[_KIND], numbers[_OCCURRED], numbers[_MINUTE] = event.kind, event.occurred_at_ms, cause.minute
        numbers[_HOME], numbers[_AWAY] = cause.home_goals, cause.away_goals
        numbers[_PARTITION], numbers[_RECEIVED] = slices[pieces[row], 0], slices[pieces[row], 1]
        numbers[_OFFSET], numbers[_TIMESTAMP] = offsets[row], timestamps_ms[row]


def prediction_numbers(  # noqa: PLR0917 - one array a column
    causes: Columns, rows: Longs, matches: Columns, events: Columns, owners: Longs, name_starts: Longs, pieces: Longs,
    slices: Longs, offsets: Longs, timestamps_ms: Longs,
) -> Longs:  # fmt: skip
    """Return the NUMBERS of schemas.plain_predictions, a row a cause.

    Args:
        causes: CAUSE.
        rows: Of each, the index of its event among those of the last seven.
        matches: MATCH, by the index which a cause has.
        events: EVENT_ROW, as `schemas.plain_events` read them.
        owners: Number of the match of each, among those whose names begin at *name_starts*, shape ``(n + 1,)``.
        name_starts: Where the ids of matches lie in their bytes.
        pieces: Index of the slice of each event.
        slices: Of each slice, its partition and when it was received (us), shape ``(n, 2)``.
        offsets: Of the events.
        timestamps_ms: Of the events.
    """
    out = np.empty((len(causes), len(NUMBERS)), np.int64)
    _fill(causes, rows, matches, events, owners, name_starts, pieces, slices, offsets, timestamps_ms, out)
    return out
