from hypothesis import given
from hypothesis import strategies as st

from schemas.records import EventKind, MatchEvent, Side
from streams.dashboard.marks import Mark, Marks


def event(name: str, kind: EventKind, minute: int = 1, match: str = "m", **more) -> MatchEvent:
    return MatchEvent(name, match, kind, 0, minute, **more)


STORY = [
    event("a", EventKind.GOAL, 16, side=Side.HOME),
    event("b", EventKind.YELLOW_CARD, 30, side=Side.AWAY),
    event("c", EventKind.OWN_GOAL, 44, side=Side.HOME),
    event("d", EventKind.RED_CARD, 70),
    event("e", EventKind.CORRECTION, 46, corrects="c"),
    event("f", EventKind.TICK, 71),
    event("g", EventKind.FULL_TIME, 90, home_score=1, away_score=0),
]


@given(st.permutations(STORY))
def test_goals_and_cards_are_marked_but_not_what_was_struck_off_in_whatever_order_they_come(events):
    marks = Marks(10)
    for one in [*events, events[0]]:
        marks.take(one)

    assert marks.of("m") == [Mark(16, "GOAL", "HOME"), Mark(30, "YELLOW_CARD", "AWAY"), Mark(70, "RED_CARD", None)]


def test_no_more_than_so_many_matches_are_kept():
    marks = Marks(2)
    for match in ("x", "y", "x", "z"):
        marks.take(event(match, EventKind.GOAL, match=match))

    assert [1, 0, 1] == [len(marks.of(match)) for match in ("x", "y", "z")]
