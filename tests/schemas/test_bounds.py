from dataclasses import replace

import pytest

from schemas.bounds import (
    EARLIEST_MS,
    LATEST_MS,
    ImpossibleValueError,
    check_feature_event,
    check_match_event,
    check_prediction,
)
from schemas.records import GOALS, EventKind, FeatureEvent, MatchEvent, Prediction, Side, Variant

NOW = 1_671_375_600_000
CARDS = (EventKind.YELLOW_CARD, EventKind.RED_CARD)
GOAL = MatchEvent("e1", "m1", EventKind.GOAL, NOW, 23, Side.HOME)
FIXTURE = MatchEvent(
    "e0",
    "m1",
    EventKind.SCHEDULED,
    NOW,
    home_team="Argentina",
    away_team="France",
    competition="World Cup",
    neutral=True,
    kick_off_ms=NOW,
)
RESULT = MatchEvent("e9", "m1", EventKind.FULL_TIME, NOW, 90, home_score=3, away_score=3)
CORRECTION = MatchEvent("e8", "m1", EventKind.CORRECTION, NOW, 90, corrects="e1")
ODDS = FeatureEvent("f1", "m1", "odds", NOW, {"home": 0.5, "draw": None, "away": float("nan")})


@pytest.mark.parametrize(
    "event",
    [
        GOAL,
        FIXTURE,
        RESULT,
        CORRECTION,
        replace(GOAL, minute=150),
        replace(RESULT, home_score=99),
        MatchEvent("e2", "m1", EventKind.TICK, NOW),
        MatchEvent("e3", "m1", EventKind.SHOT, NOW, 3, Side.HOME, expected_goals=1.0),
        replace(FIXTURE, kick_off_ms=-3_000_000_000_000),
        replace(GOAL, event_id="e" * 200, occurred_at_ms=EARLIEST_MS, minute=0),
        replace(GOAL, occurred_at_ms=LATEST_MS - 1, expected_goals=0.0),
        replace(RESULT, home_score=0, away_score=0),
    ],
)
def test_what_can_be_passes(event):
    check_match_event(event)


@pytest.mark.parametrize(
    ("event", "field", "words"),
    [
        (replace(GOAL, event_id=""), "event_id", "1 to 200"),
        (replace(GOAL, match_id="m" * 201), "match_id", "1 to 200"),
        (replace(GOAL, match_id="  "), "match_id", "1 to 200"),
        (replace(GOAL, minute=-5), "minute", "minute is -5, not 0 to 150"),
        (replace(GOAL, minute=151), "minute", "0 to 150"),
        (replace(RESULT, home_score=400), "home_score", "home_score is 400, not 0 to 99"),
        (replace(RESULT, away_score=-1), "away_score", "0 to 99"),
        (replace(RESULT, away_score=None), "away_score", "FULL_TIME says both"),
        (replace(GOAL, occurred_at_ms=-(10**13)), "occurred_at_ms", "1850"),
        (
            replace(GOAL, occurred_at_ms=EARLIEST_MS - 1),
            "occurred_at_ms",
            f"is {EARLIEST_MS - 1}, not {EARLIEST_MS} to",
        ),
        (replace(GOAL, occurred_at_ms=LATEST_MS), "occurred_at_ms", "2199"),
        (replace(FIXTURE, away_team=""), "away_team", "1 to 200"),
        (replace(RESULT, home_score=None), "home_score", "FULL_TIME says both"),
        (replace(GOAL, expected_goals=-0.25), "expected_goals", "expected_goals is -0.25, not 0 to 1$"),
        (replace(GOAL, occurred_at_ms=10**13), "occurred_at_ms", "2199"),
        (replace(FIXTURE, kick_off_ms=2**62), "kick_off_ms", "1850 to 2199"),
        (replace(FIXTURE, kick_off_ms=None), "kick_off_ms", "when the match begins"),
        (replace(FIXTURE, home_team=None), "home_team", "1 to 200"),
        (replace(FIXTURE, away_team="Argentina"), "away_team", "another team"),
        (replace(FIXTURE, competition=""), "competition", "1 to 200"),
        (replace(GOAL, expected_goals=1.5), "expected_goals", "0 to 1"),
        (replace(GOAL, expected_goals=float("nan")), "expected_goals", "0 to 1"),
        (replace(GOAL, side=None), "side", "HOME or AWAY"),
        *(
            (replace(GOAL, kind=kind, side=None), "side", f"HOME or AWAY: {kind} needs one")
            for kind in (*sorted(GOALS), *CARDS, EventKind.SHOT, EventKind.CORNER, EventKind.SUBSTITUTION)
        ),
        (replace(CORRECTION, corrects=None), "corrects", "1 to 200"),
        (replace(CORRECTION, corrects="e8"), "corrects", "another event"),
    ],
)
def test_what_cannot_be_is_refused_with_field_value_and_range(event, field, words):
    with pytest.raises(ImpossibleValueError, match=words) as caught:
        check_match_event(event)

    assert field == caught.value.field
    assert str(caught.value).startswith(field)


def test_features_which_can_be_pass():
    check_feature_event(ODDS)
    check_feature_event(replace(ODDS, values={str(name): 1.0 for name in range(1000)}))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (replace(ODDS, source=""), "source is ''"),
        (replace(ODDS, event_id=""), "event_id is ''"),
        (replace(ODDS, match_id=""), "match_id is ''"),
        (replace(ODDS, as_of_ms=10**15), "as_of_ms"),
        (replace(ODDS, values={"home": float("inf")}), r"values\[home\] is inf"),
        (replace(ODDS, values={"home": -float("inf")}), "finite"),
        (replace(ODDS, values={"home": 1e39}), r"values\[home\] is 1e\+39, not a finite number which float32 holds"),
        (replace(ODDS, values={"": 1.0}), "a name in values"),
        (replace(ODDS, values={str(name): 1.0 for name in range(1001)}), "1001 values.*1000 at most"),
    ],
)
def test_features_which_cannot_be_are_refused(event, words):
    with pytest.raises(ImpossibleValueError, match=words):
        check_feature_event(event)


def test_a_long_text_is_cut_in_the_message():
    with pytest.raises(ImpossibleValueError) as caught:
        check_match_event(replace(GOAL, event_id="x" * 100_000))

    assert 500 > len(str(caught.value))


PREDICTION = Prediction(
    "id", "m1", "e1", "GOAL", NOW, "World Cup", 23, 1, 0, 0.5, 0.25, 0.25,
    Variant.CHAMPION, "m", "1", "d", "v1",
    (1.0,), "match-events", 0, 0, NOW, NOW * 1000, NOW * 1000, NOW * 1000,
)  # fmt: skip


def test_a_prediction_whose_chances_are_one_in_all_passes():
    check_prediction(PREDICTION)
    check_prediction(replace(PREDICTION, home=1.0, draw=0.0, away=5e-4))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prediction_id": ""}, "prediction_id"),
        ({"match_id": " "}, "match_id"),
        ({"model": ""}, "model"),
        ({"bundle_digest": ""}, "bundle_digest"),
        ({"occurred_at_ms": 10**15}, "occurred_at_ms"),
        ({"source_timestamp_ms": -(10**15)}, "source_timestamp_ms"),
        ({"scored_at_us": 10**19}, "scored_at_us"),
        ({"home": float("nan")}, "home"),
        ({"draw": -0.1}, "draw"),
        ({"away": 1.1}, "away"),
        ({"home": 0.6}, "home + draw + away"),
    ],
)
def test_a_prediction_that_no_model_makes_is_refused(change, field):
    with pytest.raises(ImpossibleValueError) as caught:
        check_prediction(replace(PREDICTION, **change))

    assert field == caught.value.field
