from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.match_expiry import DAY_MS, expires_at_ms
from features.match_state import (
    Held,
    ImpossibleEventError,
    MatchState,
    Phase,
    after_feature_event,
    after_match_event,
)
from features.remembered import Scheduled, digest, signed
from features.team_events import team_event
from schemas.records import GOALS, EventKind, FeatureEvent, MatchEvent, Side, TeamEvent, TeamEventKind

COUNTED = {
    EventKind.RED_CARD: "red_cards",
    EventKind.YELLOW_CARD: "yellow_cards",
    EventKind.SHOT: "shots",
    EventKind.CORNER: "corners",
    EventKind.SUBSTITUTION: "substitutions",
}


def scheduled(event_id: str = "s", at: int = 0, *, kick_off_ms: int = DAY_MS, home_team: str = "Ajax") -> MatchEvent:
    return MatchEvent(
        event_id,
        "m",
        EventKind.SCHEDULED,
        at,
        home_team=home_team,
        away_team="PSV",
        competition="nl.1",
        neutral=False,
        kick_off_ms=kick_off_ms,
    )


def full_time(event_id: str = "f", at: int = DAY_MS, home: int = 1, away: int = 0) -> MatchEvent:
    return MatchEvent(event_id, "m", EventKind.FULL_TIME, at, 90, home_score=home, away_score=away)


def plain(kind: EventKind, event_id: str, at: int = 5, minute: int = 0, side: Side | None = None) -> MatchEvent:
    return MatchEvent(event_id, "m", kind, at, minute, side)


def strike(target: str, event_id: str = "c", at: int = 9) -> MatchEvent:
    return MatchEvent(event_id, "m", EventKind.CORRECTION, at, corrects=target)


def fold_on(state: MatchState, event: MatchEvent | FeatureEvent) -> MatchState:
    return after_match_event(state, event) if isinstance(event, MatchEvent) else after_feature_event(state, event)


def fold(events: Sequence[MatchEvent | FeatureEvent]) -> MatchState:
    state = MatchState("m")
    for event in events:
        state = fold_on(state, event)
    return state


IDS = [f"e{n}" for n in range(25)]


@st.composite
def match_events(draw: st.DrawFn, event_id: str) -> MatchEvent:
    kind = draw(st.sampled_from(EventKind))
    return MatchEvent(
        event_id,
        "m",
        kind,
        draw(st.integers(0, 20)),
        draw(st.integers(0, 95)),
        draw(st.sampled_from(Side)),
        home_team=draw(st.sampled_from(["Ajax", "Twente"])),
        away_team="PSV",
        competition="nl.1",
        neutral=draw(st.booleans()),
        kick_off_ms=draw(st.integers(0, 9)),
        home_score=draw(st.integers(0, 3)),
        away_score=draw(st.integers(0, 3)),
        corrects=draw(st.sampled_from(IDS)),
    )


@st.composite
def feature_events(draw: st.DrawFn, event_id: str) -> FeatureEvent:
    values = {"x": draw(st.one_of(st.none(), st.floats(0, 1)))}
    return FeatureEvent(event_id, "m", draw(st.sampled_from(["ratings", "odds"])), draw(st.integers(0, 3)), values)


@st.composite
def histories(draw: st.DrawFn) -> list[MatchEvent | FeatureEvent]:
    """Events with repetitions, in any order."""
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1))
    events: list[MatchEvent | FeatureEvent] = [draw(match_events(event_id)) for event_id in ids]
    events += [draw(feature_events(f"f{n}")) for n in range(draw(st.integers(0, 5)))]
    repeated = draw(st.lists(st.sampled_from(events)))
    return draw(st.permutations(events + repeated))


def obvious(events: Sequence[MatchEvent | FeatureEvent]) -> dict[str, object]:
    """Say what the set of *events* means, slowly: first throw out what is struck, then look at what is left."""
    matches = {e.event_id: e for e in events if isinstance(e, MatchEvent)}.values()
    struck = {e.corrects for e in matches if e.kind is EventKind.CORRECTION}
    left = [e for e in matches if e.event_id not in struck]

    def newest(kind: EventKind) -> MatchEvent | None:
        return max((e for e in left if e.kind is kind), key=lambda e: (e.occurred_at_ms, e.event_id), default=None)

    counts = Counter((COUNTED[e.kind], e.side) for e in left if e.kind in COUNTED)
    fixture, result = newest(EventKind.SCHEDULED), newest(EventKind.FULL_TIME)
    known: dict[str, FeatureEvent] = {}
    for e in sorted((e for e in events if isinstance(e, FeatureEvent)), key=lambda e: (e.as_of_ms, tie(e))):
        known[e.source] = e
    return {
        "minute": max((e.minute for e in matches), default=0),
        "last_event_ms": max((e.occurred_at_ms for e in matches if e.kind is not EventKind.TICK), default=0),
        "fixture": fixture and (fixture.home_team, fixture.kick_off_ms, fixture.neutral),
        "result": result and (result.home_score, result.away_score),
        "cancelled": newest(EventKind.CANCELLED) is not None,
        "kicked off": newest(EventKind.KICK_OFF) is not None,
        "half time": newest(EventKind.HALF_TIME) is not None,
        "goals": sorted((str(e.side), e.minute) for e in left if e.kind in GOALS),
        "counts": {(name, side): counts[name, side] for name in COUNTED.values() for side in Side},
        "features": {source: (e.as_of_ms, e.values) for source, e in known.items()},
    }


def tie(event: FeatureEvent) -> int:
    return signed(digest(event.event_id))


def said(state: MatchState) -> dict[str, object]:
    fixture, result = state.fixture, state.result
    sides = {Side.HOME: state.home, Side.AWAY: state.away}
    return {
        "minute": state.minute,
        "last_event_ms": state.last_event_ms,
        "fixture": fixture and (fixture.home_team, fixture.kick_off_ms, fixture.neutral),
        "result": result and (result.home_score, result.away_score),
        "cancelled": state.cancelled,
        "kicked off": bool(state.kick_offs),
        "half time": bool(state.half_times),
        "goals": sorted((str(side), goal.minute) for side, tally in sides.items() for goal in tally.goals),
        "counts": {
            (name, side): len(getattr(tally, name)) // 8 for name in COUNTED.values() for side, tally in sides.items()
        },
        "features": {source: (known.as_of_ms, known.values) for source, known in state.features.items()},
    }


@given(histories())
def test_the_fold_says_what_the_set_of_events_says(events: list[MatchEvent | FeatureEvent]) -> None:
    assert obvious(events) == said(fold(events))


@given(histories(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(events: list[MatchEvent | FeatureEvent], chance: object) -> None:
    shuffled = list(dict.fromkeys(id(event) for event in events))
    by_id = {id(event): event for event in events}
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis hands out a random.Random

    assert fold(events) == fold([by_id[one] for one in shuffled])


@given(histories())
def test_what_is_said_again_changes_nothing(events: list[MatchEvent | FeatureEvent]) -> None:
    state = fold(events)

    assert all(state is fold_on(state, event) for event in events)


def test_a_tick_changes_only_the_minute_and_only_upwards() -> None:
    state = fold([plain(EventKind.TICK, "t1", 70, 7)])

    assert 7 == state.minute
    assert state is after_match_event(state, plain(EventKind.TICK, "t2", 80, 7))
    assert MatchState("m", minute=8) == after_match_event(state, plain(EventKind.TICK, "t3", 90, 8))


def test_an_event_that_was_struck_before_it_came_raises_the_clock_alone() -> None:
    goal = plain(EventKind.GOAL, "g", 50, 30, Side.HOME)
    state = fold([strike("g"), goal])

    assert (0, 30, 50) == (state.home_goals, state.minute, state.last_event_ms)
    assert state is after_match_event(state, goal)


def test_the_caller_s_fields_are_left_alone() -> None:
    held = (Held("x", "TICK", 1, 2, "match-events", 3, 4, 5),)
    state = MatchState("m", applied_match=7, applied_feature=8, held=held)
    for event in (scheduled(), plain(EventKind.SHOT, "x", side=Side.AWAY), strike("x"), full_time()):
        state = after_match_event(state, event)
    state = after_feature_event(state, FeatureEvent("f", "m", "odds", 1, {}))

    assert (7, 8, held) == (state.applied_match, state.applied_feature, state.held)


def test_goals_that_contradict_the_result_are_seen() -> None:
    goal = plain(EventKind.OWN_GOAL, "g", side=Side.HOME)

    assert not fold([goal, full_time(home=1)]).goals_contradict_result
    assert fold([goal, full_time(home=2)]).goals_contradict_result
    assert not fold([goal]).goals_contradict_result


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ([], Phase.PRE_MATCH),
        ([scheduled()], Phase.PRE_MATCH),
        ([plain(EventKind.KICK_OFF, "k")], Phase.FIRST_HALF),
        ([plain(EventKind.KICK_OFF, "k"), strike("k")], Phase.PRE_MATCH),
        ([plain(EventKind.TICK, "t", minute=45)], Phase.FIRST_HALF),
        ([plain(EventKind.TICK, "t", minute=46)], Phase.SECOND_HALF),
        ([plain(EventKind.HALF_TIME, "h", minute=47)], Phase.HALF_TIME),
        ([plain(EventKind.HALF_TIME, "h", minute=45), plain(EventKind.TICK, "t", minute=46)], Phase.SECOND_HALF),
        ([full_time()], Phase.FINISHED),
        ([full_time(), plain(EventKind.CANCELLED, "x")], Phase.CANCELLED),
        ([full_time(), plain(EventKind.CANCELLED, "x"), strike("x")], Phase.FINISHED),
    ],
)
def test_the_phase_follows_from_the_set(events: list[MatchEvent], phase: Phase) -> None:
    assert phase is fold(events).phase
    assert phase is fold(events[::-1]).phase


@pytest.mark.parametrize(
    ("events", "days"),
    [
        ([scheduled(kick_off_ms=3 * DAY_MS)], 3 + 7),
        ([scheduled(kick_off_ms=3 * DAY_MS), full_time(at=4 * DAY_MS)], 4 + 1),
        ([scheduled(kick_off_ms=3 * DAY_MS), plain(EventKind.CANCELLED, "x", 2 * DAY_MS)], 2 + 1),
        ([scheduled(kick_off_ms=3 * DAY_MS), full_time(at=4 * DAY_MS), strike("f", at=5 * DAY_MS)], 5 + 7),
        ([plain(EventKind.SHOT, "g", 2 * DAY_MS, side=Side.HOME)], 2 + 7),
        ([FeatureEvent("f", "m", "odds", 6 * DAY_MS, {})], 6 + 7),
    ],
)
def test_a_state_leaves_when_its_match_is_over(events: list[MatchEvent | FeatureEvent], days: int) -> None:
    state = fold(events)
    if days == 12:
        state = replace(state, results=())

    assert days * DAY_MS == expires_at_ms(state)


def test_ticks_without_a_fixture_live_seven_days_after_the_last_held_one() -> None:
    state = replace(
        fold([plain(EventKind.TICK, "t", minute=3)]), held=(Held("t", "TICK", DAY_MS, 3, "match-events", 0, 0, 0),)
    )

    assert 8 * DAY_MS == expires_at_ms(state)


@pytest.mark.parametrize(
    ("event", "lacks"),
    [
        (plain(EventKind.GOAL, "g"), "GOAL 'g' of match 'm' has no side"),
        (plain(EventKind.SHOT, "x"), "SHOT 'x' of match 'm' has no side"),
        (plain(EventKind.SCHEDULED, "s"), "SCHEDULED 's' of match 'm' has no home_team"),
        (plain(EventKind.FULL_TIME, "f"), "FULL_TIME 'f' of match 'm' has no home_score"),
        (plain(EventKind.CORRECTION, "c"), "CORRECTION 'c' of match 'm' has no corrects"),
    ],
)
def test_an_event_that_lacks_what_it_needs_is_refused_by_name(event: MatchEvent, lacks: str) -> None:
    with pytest.raises(ImpossibleEventError, match=lacks):
        after_match_event(MatchState("m"), event)


def test_the_rating_fold_hears_of_fixtures_results_and_their_corrections_only() -> None:
    heard = []
    state = MatchState("m")
    for event in (
        full_time("f1", home=2),
        scheduled(),
        plain(EventKind.GOAL, "g", side=Side.HOME),
        strike("f1"),
        strike("g", "c2"),
        full_time("f2", home=3),
        full_time("f2", home=3),
        scheduled("s2", 1),
        plain(EventKind.CANCELLED, "x"),
    ):
        after = after_match_event(state, event)
        told = team_event(state, after, event)
        heard.append(told and (told.kind, told.home_score, told.cancelled))
        state = after

    assert state.fixture_known
    assert [
        None,
        (TeamEventKind.SCHEDULED, 2, False),
        None,
        (TeamEventKind.CORRECTION, None, False),
        None,
        (TeamEventKind.FULL_TIME, 3, False),
        None,
        None,
        (TeamEventKind.CANCELLED, 3, True),
    ] == heard


def test_what_the_rating_fold_hears_is_the_fixture_with_what_the_event_said() -> None:
    fixture = after_match_event(MatchState("m"), replace(scheduled(at=3), neutral=True))
    played = after_match_event(fixture, full_time(home=2, away=1))
    cancelled = after_match_event(played, plain(EventKind.CANCELLED, "x"))
    known = {"kick_off_ms": DAY_MS, "competition": "nl.1", "home_team": "Ajax", "away_team": "PSV", "neutral": True}

    assert TeamEvent("s", "m", TeamEventKind.SCHEDULED, 3, **known) == team_event(
        MatchState("m"), fixture, scheduled(at=3)
    )
    said = {**known, "home_score": 2, "away_score": 1}
    assert TeamEvent("f", "m", TeamEventKind.FULL_TIME, DAY_MS, **said) == team_event(fixture, played, full_time())
    assert TeamEvent("x", "m", TeamEventKind.CANCELLED, 5, **said, cancelled=True) == team_event(
        played, cancelled, plain(EventKind.CANCELLED, "x")
    )


@pytest.mark.parametrize(
    "event",
    [
        scheduled("e"),
        full_time("e"),
        *(plain(kind, "e") for kind in (EventKind.KICK_OFF, EventKind.HALF_TIME, EventKind.CANCELLED)),
        *(plain(kind, "e", side=side) for kind in (EventKind.GOAL, *COUNTED) for side in Side),
    ],
)
def test_a_strike_takes_back_any_event_and_nothing_else(event: MatchEvent) -> None:
    others = [replace(event, event_id=name) for name in ("d", "f")]
    without = fold(others)
    struck = fold([*others, event, strike("e", at=0)])

    assert replace(struck, struck=b"") == without


def test_a_fixture_is_what_its_event_says_and_the_one_said_last_counts() -> None:
    first, last = scheduled("z", at=1, home_team="Ajax"), scheduled("a", at=2, home_team="Feyenoord")
    state = fold([last, first])

    assert Scheduled(2, "a", "Feyenoord", "PSV", "nl.1", False, DAY_MS) == state.fixture  # noqa: FBT003 - a field
    assert "Ajax" == fold([first]).scheduled[0].home_team


def test_a_match_without_an_end_lives_seven_days_after_its_latest_kick_off() -> None:
    fixtures = [scheduled("a", at=1, kick_off_ms=9 * DAY_MS), scheduled("b", at=2, kick_off_ms=5 * DAY_MS)]
    state = fold([*fixtures, plain(EventKind.KICK_OFF, "k")])

    assert 12 * DAY_MS == expires_at_ms(state)


def test_a_hundred_remembered_events_take_less_than_a_kilobyte() -> None:
    state = fold([plain(EventKind.SHOT, f"x{n}", side=Side.HOME) for n in range(100)])

    assert 800 == len(state.home.shots)
