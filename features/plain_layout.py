"""The columns in which kernels hold what is remembered of matches; what each means stands in match_state.py."""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.records import EventKind

Columns: TypeAlias = NDArray[np.void]
"""A structured array."""

Row: TypeAlias = Any
"""One row of it, whose fields are attributes in a kernel."""

SECTIONS: Final = 6
"""Goals, red cards, yellow cards, shots, corners and substitutions of one side, in the order of a tally's fields."""

RESULTS_SECTION: Final = 2 * SECTIONS
KICK_OFFS_SECTION: Final = RESULTS_SECTION + 1
HALF_TIMES_SECTION: Final = KICK_OFFS_SECTION + 1
ALL_SECTIONS: Final = HALF_TIMES_SECTION + 1
"""Those of the home side, those of the away side, and behind them what is said of no side."""

DIGEST: Final = 8
"""Bytes of one in a section of digests."""

GOALS_SECTION: Final = 0
RED_SECTION: Final = 1
TICK: Final = list(EventKind).index(EventKind.TICK)
_SECTION_OF: Final = {
    EventKind.GOAL: 0, EventKind.OWN_GOAL: 0, EventKind.PENALTY_GOAL: 0, EventKind.RED_CARD: 1,
    EventKind.YELLOW_CARD: 2, EventKind.SHOT: 3, EventKind.CORNER: 4, EventKind.SUBSTITUTION: 5,
    EventKind.FULL_TIME: RESULTS_SECTION, EventKind.KICK_OFF: KICK_OFFS_SECTION,
    EventKind.HALF_TIME: HALF_TIMES_SECTION,
}  # fmt: skip
SECTION_OF: Final = np.array([_SECTION_OF.get(kind, -1) for kind in EventKind], np.int8)
"""The section of each kind, of the home side where it is of one; -1 for those which are counted nowhere."""

MATCH: Final = np.dtype(
    [
        ("plain", np.bool_),
        ("changed", np.bool_),
        ("neutral", np.bool_),
        ("marked", np.bool_),
        ("over", np.bool_),
        ("cancelled", np.bool_),
        ("has_result", np.bool_),
        ("minute", np.int64),
        ("last_event_ms", np.int64),
        ("applied_match", np.int64),
        ("applied_feature", np.int64),
        ("home_score", np.int64),
        ("away_score", np.int64),
        ("result_ms", np.int64),
        ("result_id", np.int64),
        ("result_id_length", np.int64),
        ("result_row", np.int64),
        ("last_goal", np.int64),
        ("ended_ms", np.int64),
        ("kick_off_ms", np.int64),
        ("heard_ms", np.int64),
        ("bundle", np.uint64),
        ("chosen", np.uint64),
        ("importance", np.float64),
        ("home_team", np.int64),
        ("home_team_end", np.int64),
        ("away_team", np.int64),
        ("away_team_end", np.int64),
        ("competition", np.int64),
        ("competition_end", np.int64),
        ("start", np.int64),
        ("bundle_at", np.int64),
        ("minute_at", np.int64),
        ("sayings_at", np.int64),
        ("results_at", np.int64),
        ("cancellations_at", np.int64),
        ("home_at", np.int64),
        ("tail_at", np.int64),
        ("struck_at", np.int64),
        ("struck_end", np.int64),
        ("applied_at", np.int64),
        ("end", np.int64),
        ("first_added", np.int64),
        ("first_heard", np.int64),
    ]
)
"""One match. Places, ``..._at``, ``..._end`` and those of texts, count from the start of the bytes of all.

plain: Whether all of it is here: it has a fixture, and nothing waits for one.
marked: Whether a KICK_OFF, HALF_TIME or FULL_TIME says that it was begun.
over: Whether a FULL_TIME or CANCELLED counts. ended_ms: The later of both as it was read; only where one does.
result_ms: The time of the FULL_TIME which counts, only where one does; result_row: its index among the events, -1 where
the state has it, and then its id is at result_id.
last_goal: The minute of the last goal of both sides; -1 before any.
heard_ms: The highest as_of_ms of its feature events; 0 without any.
bundle: The first bytes of the digest of the bundle which scores it, the highest first; 0 before it has begun.
chosen: Likewise, of the one which is to score it once it begins; the caller says so.
first_added: Index of the newest event added to it; -1 for none.
first_heard: Likewise, of the newest source of which it hears.
"""

ADDED: Final = np.dtype(
    [("before", np.int64), ("section", np.int64), ("minute", np.int64), ("digest", np.int64), ("row", np.int64)]
)
"""An event which a match did not know: the index of the one added before it, and its own among the events."""

HEARD: Final = np.dtype(
    [
        ("before", np.int64),
        ("source", np.int64),
        ("place", np.int64),
        ("as_of_ms", np.int64),
        ("digest", np.int64),
        ("row", np.int64),
    ]
)
"""A source of which a match hears: the index of the one before it, and among the events that of its own first.

place: Where the state has what it says; -1 where it has nothing of it.
as_of_ms, digest: Of the newest that is known of it.
row: The index of that among the events; -1 while it is what the state has.
"""

CAUSE: Final = np.dtype(
    [
        ("row", np.int64),
        ("match", np.int64),
        ("minute", np.int64),
        ("home_goals", np.int64),
        ("away_goals", np.int64),
        ("home_score", np.int64),
        ("away_score", np.int64),
        ("has_result", np.bool_),
        ("ends", np.bool_),
        ("bundle", np.uint64),
    ]
)
"""An event which is to be predicted: its index, that of its match, what a prediction says, and who scores it, as above.

Minute -1 and bundle 0 before the match has begun. The scores are final, only where it has a result; ends: whether that
came with this event, or is another since.
"""
