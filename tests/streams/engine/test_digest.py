"""The digest of a table is that of what is in it, however it came to be so."""

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.digest import Digests, state_digest, table_digest

WRITTEN = st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.none() | st.binary(max_size=2), max_size=3)


@given(st.lists(WRITTEN | st.just("asked") | st.just("copied"), max_size=20))
def test_it_is_the_digest_of_what_was_written_last_of_each_key(actions):
    digests, states = Digests(), {}
    for action in actions:
        if action == "asked":
            digests.of_all()
        elif action == "copied":
            digests = digests.copy()
        else:
            digests.note(action)
            states |= action

    live = {key: value for key, value in states.items() if value is not None}
    expected = table_digest(state_digest(key, value) for key, value in live.items())
    assert (expected, len(live)) == digests.of_all()


def test_states_which_have_left_take_no_room():
    digests = Digests()
    for number in range(100):
        digests.note({b"%d" % number: b"state"})
        digests.note({b"%d" % number: None})

    assert {} == digests._waiting
