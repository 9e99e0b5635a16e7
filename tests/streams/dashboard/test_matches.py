import json

from schemas.records import EventKind, MatchEvent, Side
from streams.api.index import Fixture, MatchIndex
from streams.api.queries import listing_of
from streams.dashboard.matches import LIMITS, MOST_SHOWN, MatchesView, points
from tests.streams.api.matches import known, predicted


def chances(home: float) -> dict[str, float]:
    return {"home": home, "draw": 0.25, "away": 0.75 - home}


STORY = [known(predicted(f"m{n % 40}", n, minute=n // 40, **chances((n * 7 % 60) / 100))) for n in range(400)]


def parts(view: MatchesView) -> dict[str, object]:
    return {name: json.loads(text) for name, text in view.shown().items()}


def test_matches_are_those_of_the_api_the_biggest_swings_first():
    view, index = MatchesView(), MatchIndex(LIMITS)
    for one in STORY:
        index.take(one)
    view.predicted(STORY)
    view.announced([("m3", Fixture("Ghana", "Togo", 5))])
    index.announce("m3", Fixture("Ghana", "Togo", 5))
    found = parts(view)

    wanted = json.loads(index.listing(listing_of(f"live=true&sort=swing&limit={MOST_SHOWN}")))
    assert [one["match_id"] for one in wanted] == found["order"]
    assert wanted == [found[f"match:{name}"] for name in found["order"]]
    assert json.loads(index.match("m3") or b"") in [*wanted, json.loads(index.match("m3") or b"")]


def test_matches_that_are_over_come_behind_those_that_are_played():
    view = MatchesView()
    view.predicted([known(predicted("a", 1, cause="FULL_TIME", minute=90)), known(predicted("b", 0, minute=3))])

    assert ["b", "a"] == parts(view)["order"]


def test_the_course_is_the_last_prediction_of_each_minute_in_chunks_of_a_quarter_of_an_hour():
    view = MatchesView()
    view.predicted([known(predicted("m", n, minute=n // 2, **chances(n / 100))) for n in range(60)])
    found = parts(view)

    course = [(minute, *chances((2 * minute + 1) / 100).values()) for minute in range(30)]
    assert [list(one) for one in course[:15]] == found["course:0:m"]
    assert [list(one) for one in course[15:]] == found["course:1:m"]
    assert not [name for name in found if name.startswith("course:2")]


def test_a_correction_of_an_earlier_minute_leaves_later_ones():
    told = [
        {"minute": minute, "home": home, "draw": 0, "away": 0} for minute, home in ((-1, 1), (3, 2), (5, 3), (3, 4))
    ]

    assert [(-1, 1, 0, 0), (3, 4, 0, 0), (5, 3, 0, 0)] == points(told)


def test_marks_stand_beside_their_match_and_only_what_is_shown_is_told():
    view = MatchesView()
    view.happened(
        [MatchEvent("g", "m", EventKind.GOAL, 0, 16, Side.HOME), MatchEvent("g", "other", EventKind.GOAL, 0, 16)]
    )
    view.predicted([known(predicted("m", 1))])

    found = parts(view)
    assert [{"minute": 16, "kind": "GOAL", "side": "HOME"}] == found["marks:m"]
    assert "marks:other" not in found
