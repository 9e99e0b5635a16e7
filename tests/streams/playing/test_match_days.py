import json
from dataclasses import asdict
from datetime import date

import pytest

from features.narrative import kick_off_of, narrate
from schemas.records import EventKind, FeatureEvent
from streams.playing.errors import PlayError
from streams.playing.match_days import Choice, chosen, historic_days, read_events, read_told, recorded_days, with_told


def ids(matches):
    return [match.match_id for match in matches]


def test_a_choice_takes_days_and_a_tournament(matches):
    assert ids(chosen(matches, Choice())) == ["1", "2", "3", "4"]
    assert ids(chosen(matches, Choice(first=date(2022, 11, 21)))) == ["3", "4"]
    assert ids(chosen(matches, Choice(last=date(2022, 11, 21), tournament="Cup"))) == ["1", "2"]


def test_a_tournament_nobody_knows_is_answered_with_those_near_it(matches):
    with pytest.raises(PlayError, match="no tournament is called 'Leage'; near it are League"):
        chosen(matches, Choice(tournament="Leage"))


def test_days_without_a_match_are_named(matches):
    with pytest.raises(PlayError, match="no match of League was played from 2023-01-01 until the end"):
        chosen(matches, Choice(first=date(2023, 1, 1), tournament="League"))


def test_every_event_is_on_its_day_fixtures_apart_and_the_course_in_the_order_of_event_time(matches):
    days = historic_days(reversed(matches))

    assert [day.date for day in days] == [date(2022, 11, 20), date(2022, 11, 21), date(2022, 11, 23)]
    assert [len(day.fixtures) for day in days] == [2, 1, 1]
    for day in days:
        times = [event.occurred_at_ms for event in day.course]
        assert times == sorted(times)
        assert all(event.kind is EventKind.SCHEDULED for event in day.fixtures)
    told = sum(len(narrate(match, kick_off_of(match))) for match in matches)
    assert told == sum(day.events for day in days)


def test_recorded_events_keep_their_order_within_a_day(matches):
    events = narrate(matches[0], kick_off_of(matches[0]))
    late = [*events[:10], *events[11:], events[10]]

    (day,) = recorded_days(late)

    assert [*day.fixtures, *day.course] == late


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_recorded_file_holds_records_or_what_tail_prints(matches, tmp_path, wrapped):
    events = narrate(matches[0], kick_off_of(matches[0]))
    lines = [asdict(event) for event in events]
    shown = [{"topic": "match-events", "offset": 1, "value": line} if wrapped else line for line in lines]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, shown)))

    assert read_events(file) == events


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "holds no events"), ("{}\n", "line 1"), ("\nno json\n", "line 2 is not JSON"), ("\xff", "line 1")],
)
def test_a_file_which_is_no_recording_is_refused_with_its_line(tmp_path, text, sentence):
    file = tmp_path / "events.jsonl"
    file.write_text(text)

    with pytest.raises(PlayError, match=sentence):
        read_events(file)


def told(match_id, as_of_ms, source="odds"):
    return FeatureEvent(f"{source}-{as_of_ms}", match_id, source, as_of_ms, {"home": 2.0})


def test_what_is_told_comes_after_the_events_of_its_match_before_it_and_before_those_after_it(matches):
    days = historic_days(matches)
    kick_offs = {match.match_id: kick_off_of(match) for match in matches}
    early, late = told("1", kick_offs["1"] - 10**9), told("1", kick_offs["1"] + 600_000)
    other, stranger = told("2", kick_offs["2"] + 5), told("9", kick_offs["2"])
    afterwards = told("2", kick_offs["2"] + 10**9)

    first, *others = with_told(days, [late, stranger, afterwards, other, early])

    assert sorted([early, other, late], key=lambda one: one.as_of_ms) == list(first.told)
    assert [()] * 2 == [tuple(day.told) for day in others]
    assert all(len({type(event) for event in wave}) == 1 for wave in first.waves)
    sent = [event for wave in first.waves for event in wave]
    assert len(sent) == len({one.event_id for one in sent}) == first.events + 3
    for one in (early, late, other):
        place = sent.index(one)
        for event in first.course:
            if event.match_id == one.match_id:
                assert (sent.index(event) > place) == (event.occurred_at_ms > one.as_of_ms)
    assert [list(first.fixtures)] == [list(wave) for wave in first.waves[:1]]


def test_without_anything_told_a_day_has_two_waves(matches):
    for day in historic_days(matches):
        assert [list(day.fixtures), list(day.course)] == [list(wave) for wave in day.waves]


def test_recorded_feature_events_are_read_but_for_ratings(tmp_path):
    file = tmp_path / "told.jsonl"
    events = [told("1", 5), told("1", 6, "ratings"), told("2", 7, "xg")]
    file.write_text("\n".join(json.dumps(asdict(event)) for event in events))

    assert [events[0], events[2]] == read_told(file)
    file.write_text("{}")
    with pytest.raises(PlayError, match=r"told.jsonl: line 1: "):
        read_told(file)
