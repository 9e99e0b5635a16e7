import json

import pytest

from schemas.catalog import schema_json
from schemas.resolution import Reading, Unreadable, reading_of

READER = schema_json("match_event")


def with_field(kind: object) -> str:
    schema = json.loads(READER)
    schema["fields"].append({"name": "extra", "type": kind})
    return json.dumps(schema)


def test_the_same_schema_needs_no_resolution():
    reading = reading_of(READER, READER)

    assert isinstance(reading, Reading)
    assert (None, {}, ()) == (reading.resolved, dict(reading.added), reading.dropped)


def test_whole_fields_come_and_go_without_resolution():
    newer, older = reading_of(READER, schema_json("match_event", 1)), reading_of(schema_json("match_event", 1), READER)

    assert isinstance(newer, Reading)
    assert isinstance(older, Reading)
    assert (None, {"expected_goals": None}) == (newer.resolved, dict(newer.added))
    assert (None, ("expected_goals",)) == (older.resolved, older.dropped)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"type": "array", "items": "null"}, "take no bytes"),
        ({"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}, "take no bytes"),
        ({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}, "take no bytes"),
        (
            {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]},
            "Node holds itself",
        ),
    ],
)
def test_a_schema_whose_bytes_could_cost_endless_time_or_stack_is_unreadable(kind, words):
    reading = reading_of(READER, with_field(kind))

    assert isinstance(reading, Unreadable)
    assert words in reading.reason


def test_a_named_type_used_twice_is_no_danger():
    text = schema_json("match_state")

    assert isinstance(reading_of(text, text), Reading)
