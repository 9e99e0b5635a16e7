"""The reference fold, by hand and against the fold which it checks."""

from dataclasses import asdict, replace
from itertools import islice

import pytest

from features.match_state import MatchState, after_feature_event, after_match_event
from schemas.records import EventKind, FeatureEvent, MatchEvent, Side
from tests.faults.matches import Shares, endings, feed
from tests.faults.place import FEATURE_EVENTS, MATCH_EVENTS
from tests.faults.reference import Reference

MESSY = Shares(repeated=0.1, late=0.1, corrected=0.2, held=0.2, unscheduled=0.05)


def fixture(**more):
    event = {"event_id": "s", "match_id": "m", "kind": "SCHEDULED", "occurred_at_ms": 1, "minute": 0}
    event |= {"home_team": "h", "away_team": "a", "competition": "c", "neutral": False, "kick_off_ms": 9}
    return event | more


def event(kind: str, event_id: str, minute: int = 0, **more):
    return {"event_id": event_id, "match_id": "m", "kind": kind, "occurred_at_ms": minute, "minute": minute, **more}


def folded(*events) -> Reference:
    reference = Reference()
    for offset, one in enumerate(events):
        reference.take_match_event((MATCH_EVENTS, 0, offset), one)
    return reference


def at(offset: int):
    return (MATCH_EVENTS, 0, offset)


def test_what_waits_for_its_fixture_is_predicted_from_the_state_after_it():
    reference = folded(event("KICK_OFF", "k"), event("GOAL", "g", 3, side="HOME"), fixture())

    assert {at(0): (3, 1, 0), at(1): (3, 1, 0), at(2): (3, 1, 0)} == reference.predicted


def test_an_event_without_a_fixture_is_held():
    reference = folded(event("KICK_OFF", "k"))

    assert {} == reference.predicted
    assert [("match-events", 0)] == reference.matches[0, "m"].record("m")["held"]


def test_a_repeat_and_a_late_tick_change_nothing():
    goal = event("GOAL", "g", 3, side="AWAY")
    reference = folded(fixture(), goal, goal, event("TICK", "t", 2))

    assert {at(2), at(3)} == reference.repeats
    assert {at(0): (-1, 0, 0), at(1): (3, 0, 1)} == reference.predicted


def test_a_goal_struck_off_does_not_count_before_or_after_its_correction():
    strike = event("CORRECTION", "c", 4, corrects="g")
    goal = event("GOAL", "g", 3, side="HOME")

    assert (4, 0, 0) == folded(fixture(), goal, strike).predicted[at(2)]
    assert at(2) in folded(fixture(), strike, at_time(goal, 1)).repeats


def at_time(one, at_ms: int):
    return one | {"occurred_at_ms": at_ms}


def test_teams_hear_of_fixture_and_result_but_not_of_goals():
    end = event("FULL_TIME", "f", 90, home_score=1, away_score=0)
    reference = folded(fixture(), event("GOAL", "g", 3, side="HOME"), end, event("TICK", "t", 91))

    assert {("m", "s"), ("m", "f")} == reference.team_events


def match_event(fields) -> MatchEvent:
    side = {"side": Side(fields["side"])} if "side" in fields else {}
    return MatchEvent(**fields | {"kind": EventKind(fields["kind"])} | side)


def fold_of_the_engine(events):
    """Return states by match, and the offsets of what changed nothing, as the predict role's fold has them."""
    states: dict[str, MatchState] = {}
    repeats = set()
    for source, fields in events:
        name = fields["match_id"]
        before = states.get(name, MatchState(name))
        if source[0] == MATCH_EVENTS:
            after = after_match_event(before, match_event(fields))
            marked = replace(after, applied_match=source[2])
        else:
            after = after_feature_event(before, FeatureEvent(**fields))
            marked = replace(after, applied_feature=source[2])
        if after is before:
            repeats.add(source)
        else:
            states[name] = marked
    return states, repeats


@pytest.mark.parametrize("events", [lambda: feed(3, MESSY), lambda: endings(3, MESSY, 8000)], ids=["feed", "endings"])
def test_reference_and_engine_agree_on_every_match_of_a_messy_feed(events):
    logs = {MATCH_EVENTS: [], FEATURE_EVENTS: []}
    for topic, fields in islice(events(), 8000):
        logs[topic].append(((topic, 0, len(logs[topic])), fields))
    reference = Reference()
    for source, fields in logs[MATCH_EVENTS]:
        reference.take_match_event(source, fields)
    for source, fields in logs[FEATURE_EVENTS]:
        reference.take_feature_event(source, fields)

    states, repeats = fold_of_the_engine(logs[MATCH_EVENTS] + logs[FEATURE_EVENTS])

    assert repeats == reference.repeats
    records = {name: match.record(name) | {"held": [], "bundle": b""} for (_, name), match in reference.matches.items()}
    assert {name: plain(asdict(state)) for name, state in states.items()} == {
        name: plain(record) for name, record in records.items()
    }


def plain(value):
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
