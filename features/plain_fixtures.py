"""Makes the states of matches of which nothing is known but that they are announced."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.plain_layout import SECTIONS, Columns
from schemas.avro_kernels import Bytes, copy_bytes, write_long, write_text
from schemas.compiling import compiled
from schemas.flat_texts import pieces_of, starts_of

_LONGEST: Final = 10
_NUMBERS: Final = 32  # and lengths of texts and arrays, in a state


@compiled
def _write_zeros(out: Bytes, at: int, count: int) -> int:
    for place in range(count):
        out[at + place] = 0
    return at + count


@compiled
def _write_fixtures(  # noqa: PLR0917 - kernels take arrays
    events: Columns, texts: Bytes, names: Bytes, name_starts: NDArray[np.int64], header: Bytes, out: Bytes,
    ends: NDArray[np.int64],
) -> None:  # fmt: skip
    at = 0
    for row in range(len(events)):
        event = events[row]
        at = copy_bytes(header, 0, len(header), out, at)
        at = write_text(names, name_starts[row], name_starts[row + 1] - name_starts[row], out, at)
        at = _write_zeros(out, at, 3)  # bundle, minute, last_event_ms
        at = write_long(out, write_long(out, at, 1), event.occurred_at_ms)
        at = write_text(texts, event.id_start, event.id_length, out, at)
        at = write_text(texts, event.home_team_start, event.home_team_length, out, at)
        at = write_text(texts, event.away_team_start, event.away_team_length, out, at)
        at = write_text(texts, event.competition_start, event.competition_length, out, at)
        out[at] = event.neutral
        at = write_long(out, at + 1, event.kick_off_ms)
        at = _write_zeros(out, at, 1 + 4 + 2 * SECTIONS + 2)  # the end; results and marks; tallies; struck, features
        at = write_long(out, write_long(out, at, -1), -1)
        at = ends[row] = _write_zeros(out, at, 1)


def fixture_states(events: Columns, texts: bytes, names: Sequence[bytes], header: bytes) -> list[bytes]:
    """Return the states of matches as they are before their SCHEDULED is applied, but with the fixture in it.

    Args:
        events: The SCHEDULED of each, EVENT_ROW.
        texts: In which their texts lie.
        names: The ids of the matches, UTF-8.
        header: With which a state begins.
    """
    lengths = ("id_length", "home_team_length", "away_team_length", "competition_length")
    fixed = len(header) + _LONGEST * _NUMBERS
    room = fixed * len(names) + sum(map(len, names)) + sum(int(events[name].sum()) for name in lengths)
    out, ends = np.empty(room, np.uint8), np.empty(len(names), np.int64)
    ids = np.frombuffer(b"".join(names), np.uint8)
    data, start = np.frombuffer(texts, np.uint8), np.frombuffer(header, np.uint8)
    _write_fixtures(events, data, ids, starts_of(names), start, out, ends)
    return pieces_of(out, ends)
