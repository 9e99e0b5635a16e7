"""A match that is made of its announcement is the one which the announcement leaves."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.match_state import MatchState, after_match_event
from features.plain_fixtures import fixture_states
from features.plain_fold import PREDICTED
from features.plain_matches import PlainMatches
from schemas.records import EventKind, MatchEvent
from tests.features.test_plain_matches import HEADER, PIN, STATES, columns
from tests.schemas.plain_rows import NAMES, TIMES, TITLES

fixtures = st.builds(
    MatchEvent,
    event_id=NAMES,
    match_id=st.text(min_size=1, max_size=40),
    kind=st.just(EventKind.SCHEDULED),
    occurred_at_ms=TIMES,
    minute=st.sampled_from([0, 0, 7]),
    home_team=TITLES,
    away_team=TITLES,
    competition=TITLES,
    neutral=st.none() | st.booleans(),
    kick_off_ms=TIMES,
)


@given(st.lists(fixtures, min_size=1, max_size=4))
def test_it_is_what_the_announcement_leaves(events: list[MatchEvent]) -> None:
    rows, texts = columns(events)
    made = fixture_states(rows, texts, [event.match_id.encode() for event in events], HEADER)
    matches = PlainMatches.read(made, HEADER)
    matches.matches["chosen"] = int.from_bytes(PIN)

    folded = matches.fold(rows, np.arange(len(events), dtype=np.int32), np.arange(len(events), dtype=np.int64), texts)

    left = [
        replace(after_match_event(MatchState(event.match_id), event), applied_match=offset)
        for offset, event in enumerate(events)
    ]
    left = [replace(one, bundle=PIN) if one.started else one for one in left]
    assert [PREDICTED] * len(events) == folded.verdicts.tolist()
    assert [STATES.encode(one) for one in left] == matches.written()
