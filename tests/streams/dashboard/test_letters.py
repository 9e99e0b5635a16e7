import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streams.dashboard.letters import LAST, Letters
from streams.dead_letters.letter import Letter
from streams.dead_letters.reading import Mark
from streams.engine.dead_letters import Cause

SEEN = st.tuples(st.sampled_from([*Cause, "NEW_CAUSE"]), st.sampled_from(["p-match-events", "p-predictions", "x"]))


def letter(cause: str, topic: str, offset: int) -> Letter:
    headers = (("cause", cause.encode()), ("source_topic", topic.encode()), ("exception", b"why"))
    return Letter("p-dead-letters", 1, offset, 5 * offset, b"k", b"v", headers)


@given(st.lists(SEEN, max_size=60))
def test_letters_are_counted_by_cause_and_by_the_topic_they_came_from(seen):
    letters = Letters(["p-match-events", "p-predictions"])
    letters.take([*(letter(cause, topic, number) for number, (cause, topic) in enumerate(seen)), Mark("x", 1)])
    shown = {name: json.loads(text) for name, text in letters.shown().items()}

    known = ["OTHER" if cause == "NEW_CAUSE" else str(cause) for cause, _ in seen]
    assert Counter(known) == {one["cause"]: one["count"] for one in shown["letters"]["causes"]}
    assert (len(seen), 1) == (shown["letters"]["total"], shown["letters"]["replayed"])
    of_events = [cause for cause, (_, topic) in zip(known, seen, strict=True) if topic == "p-match-events"]
    assert Counter(of_events) == letters.refused("p-match-events")
    places = [f"1/{number}" for number in reversed(range(len(seen)))]
    assert places[:LAST] == [one["place"] for one in shown["last_letters"]]
