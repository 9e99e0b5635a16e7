"""Lines of JSON: checked, keyed, and each bad one told with its number."""

import json

import pytest

from schemas.records import MatchEvent
from streams.records_io import BadLine, GoodLine, TopicError, read_lines, spec_of, writing_codec
from streams.settings import read_settings

GOAL = {"event_id": "g", "match_id": "m", "kind": "GOAL", "occurred_at_ms": 5, "minute": 3, "side": "HOME"}
TEAM = {"event_id": "e", "match_id": "m", "kind": "FULL_TIME", "occurred_at_ms": 1, "kick_off_ms": 1} | {
    "competition": "c", "home_team": "a", "away_team": "b", "neutral": False, "home_score": None, "away_score": None,
}  # fmt: skip
STATUS = {"worker": "w", "role": "predict", "model": "m", "model_version": "1", "bundle_digest": "d"} | {
    "partitions": [0, 1], "at_ms": 1,
}  # fmt: skip


def lines(*values: object) -> list[str]:
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def test_a_line_is_a_record_with_the_topics_key():
    found = list(read_lines(lines(GOAL), spec_of("match-events")))

    assert [1] == [line.number for line in found]
    assert isinstance(found[0], GoodLine)
    assert found[0].key == b"m"
    assert isinstance(found[0].record, MatchEvent)


def test_blank_lines_count_but_are_no_records():
    assert [2] == [line.number for line in read_lines(lines("", GOAL, "  "), spec_of("match-events"))]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "line 1 is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ({**GOAL, "minute": -5}, "line 1: minute is -5, not 0 to 150"),
        ({**GOAL, "minute": "x"}, 'line 1: minute is "x", not a whole number'),
        ({**GOAL, "match_id": ""}, "line 1: match_id is '', not 1 to 200 characters"),
        ([1], "line 1: a record is [1], not an object"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(line, sentence):
    (bad,) = read_lines(lines(line), spec_of("match-events"))

    assert isinstance(bad, BadLine)
    assert bad.reason == sentence


def test_an_empty_key_is_refused():
    (bad,) = read_lines(lines({**STATUS, "worker": ""}), spec_of("model-status"))

    assert isinstance(bad, BadLine)
    assert bad.reason == "line 1: worker is empty, and it is the key of model-status"


def test_team_events_share_one_key_and_others_have_their_own():
    (team,) = read_lines(lines(TEAM), spec_of("team-events"))
    (status,) = read_lines(lines(STATUS), spec_of("model-status"))

    assert isinstance(team, GoodLine)
    assert isinstance(status, GoodLine)
    assert (team.key, status.key) == (b"teams", b"w")


@pytest.mark.parametrize("name", ["dead-letters", "goals"])
def test_other_topics_are_refused_with_the_list_of_ours(name):
    with pytest.raises(TopicError, match=f"{name}; the topics are match-events, "):
        spec_of(name)


def test_the_older_version_knows_no_newer_field():
    (bad,) = read_lines(lines({**GOAL, "expected_goals": 0.5}), spec_of("match-events"), version=1)

    assert isinstance(bad, BadLine)
    assert "expected_goals is no field" in bad.reason


def test_values_are_written_with_the_id_of_the_topics_subject():
    asked = []

    class FakeRegistry:
        def register(self, subject: str, schema_json: str, *, or_known: bool = False) -> int:
            asked.append((subject, "expected_goals" in schema_json, or_known))
            return 258

    settings = read_settings(bootstrap_servers="h:1", registry_url="http://h", topic_prefix="p-")
    codec = writing_codec(settings, FakeRegistry(), spec_of("match-events"), 1)
    (line,) = read_lines(lines(GOAL), spec_of("match-events"), 1)

    assert isinstance(line, GoodLine)
    assert codec.encode(line.record)[:5] == b"\x00\x00\x00\x01\x02"
    assert asked == [("p-match-events-value", False, True)]
