import json
import math

from hypothesis import given
from hypothesis import strategies as st

from streams.dashboard.parts import Parts, encoded

STATES = st.lists(st.dictionaries(st.sampled_from("abcdé"), st.integers(0, 3), max_size=5), max_size=12)


@given(STATES, st.sets(st.integers(0, 12)))
def test_who_applies_the_changes_whenever_asked_has_what_is_shown(states, asked):
    parts, seen, page = Parts(), {}, {}
    for number, state in enumerate([*states, {"last": 1}]):
        parts.show({name: encoded(value) for name, value in state.items()})
        if number in asked or number == len(states):
            change = json.loads(parts.changes(seen) or b'{"set":{},"drop":[]}')
            page = {name: one for name, one in page.items() if name not in change["drop"]} | change["set"]

    assert {"last": 1} == page == json.loads(parts.json)


@given(STATES)
def test_only_what_differs_is_told(states):
    parts, seen, before = Parts(), {}, {}
    for state in states:
        parts.show({name: encoded(value) for name, value in state.items()})
        change = json.loads(parts.changes(seen) or b'{"set":{},"drop":[]}')

        assert {name: one for name, one in state.items() if before.get(name) != one} == change["set"]
        assert sorted(before.keys() - state.keys()) == change["drop"]
        assert parts.changes(seen) is None
        before = state


def test_a_figure_that_is_not_known_is_null():
    assert b'{"a":null,"b":"\xc3\xa9"}' == encoded({"a": math.nan, "b": "é"})
