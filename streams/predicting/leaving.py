"""Which matches may leave the table."""

import numpy as np

from features.match_expiry import expires_at_ms
from features.match_state import MatchState
from features.plain_matches import PlainMatches
from schemas.codec import Codec
from streams.engine.table import TablePartition


def leave(
    table: TablePartition[bytes], codec: Codec[MatchState], match_end: int, feature_end: int
) -> list[tuple[bytes, MatchState]]:
    """Return those of some matches of *table* whose time is over.

    Args:
        table: With encoded states.
        codec: Of the states.
        match_end: Committed offset of match-events.
        feature_end: Committed offset of feature-events.
    """
    keys = table.some_keys()
    if not keys:
        return []
    states = [table.states[key] for key in keys]
    header, _ = codec.writes
    read = PlainMatches.read(states, header)
    over = read.expires_at_ms() < table.watermark_ms
    found = [(keys[row], codec.decode(states[row])) for row in np.flatnonzero(over | ~read.plain).tolist()]
    return [
        (key, state)
        for key, state in found
        if expires_at_ms(state) < table.watermark_ms
        and state.applied_match < match_end
        and state.applied_feature < feature_end
    ]
