"""Feature sets side by side: what is read for several of them is, for each, what it reads itself."""

from math import nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.facts import N_FACTS
from features.feature_sets import facts_of
from features.match_state import MatchState
from features.remembered import Known
from features.told import NOTHING, Reads, together

SOURCES, KEYS = ("odds", "xg", "line-ups"), ("home", "away", "Ø")
reads = st.builds(Reads.of, st.lists(st.sampled_from([(one, key) for one in SOURCES for key in KEYS]), unique=True))
known = st.builds(
    Known,
    st.integers(0, 2**40),
    st.just(0),
    st.dictionaries(st.sampled_from(KEYS), st.none() | st.just(nan) | st.floats(-9, 9)),
)
states = st.lists(
    st.builds(MatchState, st.just("m"), features=st.dictionaries(st.sampled_from(SOURCES), known)), max_size=3
)


@given(several=st.lists(reads, min_size=1, max_size=4), states=states)
def test_each_takes_from_all_that_was_read_what_it_reads_alone(several: list[Reads], states: list[MatchState]) -> None:
    every = together(several)
    moments = list(range(len(states)))
    facts = facts_of(states, moments, every)

    assert set(every.values) == {value for one in several for value in one.values}
    for one in several:
        assert one.taken_from(facts, every).tobytes() == facts_of(states, moments, one).tobytes()


def test_what_reads_all_already_is_taken_as_it_is() -> None:
    odds = Reads.of([("odds", "home"), ("xg", "home"), ("odds", "away")])
    facts = np.zeros((2, odds.width))

    assert together([NOTHING, odds, Reads.of([("odds", "away")])]) is odds
    assert odds.taken_from(facts, odds) is facts
    assert together([NOTHING]).width == N_FACTS
