import copy
import itertools
import json

import pytest

from schemas.catalog import schema_json, schemas
from schemas.compatibility import SchemaError, incompatibilities

ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
INNER = {"type": "record", "name": "I", "fields": [{"name": "x", "type": "int"}]}
WRITER = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "n", "type": "int"},
        {"name": "e", "type": ENUM},
        {"name": "u", "type": ["null", "string"], "default": None},
        {"name": "a", "type": {"type": "array", "items": INNER}},
        {"name": "m", "type": {"type": "map", "values": "double"}},
        {"name": "o", "type": ["null", {**INNER, "name": "O"}], "default": None},
    ],
}


def with_type(place: int, kind: object) -> dict[str, object]:
    reader = copy.deepcopy(WRITER)
    reader["fields"][place]["type"] = kind  # type: ignore[index] # a dict of lists
    return reader


def told(reader: object) -> list[str]:
    return incompatibilities(json.dumps(reader), json.dumps(WRITER))


def test_each_version_shipped_reads_the_one_before_and_is_read_by_it():
    for versions in schemas().values():
        for old, new in itertools.pairwise(versions):
            assert [] == incompatibilities(versions[new], versions[old])
            assert [] == incompatibilities(versions[old], versions[new])


def test_a_wider_type_breaks_nothing():
    assert [] == told(with_type(0, "long"))


def test_a_field_without_default_is_named():
    reader = {**WRITER, "fields": [*WRITER["fields"], {"name": "stadium", "type": "string"}]}

    assert ["field stadium is added without a default, so data written without it cannot be read"] == told(reader)


def test_a_changed_type_is_named_with_both():
    assert ["field n changes its type from int to string, which Avro cannot convert"] == told(with_type(0, "string"))


def test_a_lost_symbol_is_named():
    found = told(with_type(1, {**ENUM, "symbols": ["A"]}))

    assert ["field e loses the enum symbols B without a default symbol; data may hold them"] == found


def test_a_lost_branch_of_a_union_is_named():
    assert ["field u no longer takes null, so data which hold it cannot be read"] == told(with_type(2, "string"))


def test_fields_inside_of_arrays_maps_and_unions_are_named_with_their_path():
    inner = {**INNER, "fields": [{"name": "x", "type": "string"}]}

    assert "field a[].x changes its type from int to string" in told(with_type(3, {"type": "array", "items": inner}))[0]
    assert "field m{} changes its type from double to int" in told(with_type(4, {"type": "map", "values": "int"}))[0]
    assert "field o.x changes its type from int to string" in told(with_type(5, ["null", {**inner, "name": "O"}]))[0]


def test_another_record_is_named():
    found = incompatibilities(schema_json("match_event"), schema_json("feature_event"))

    assert [
        "the schema changes its type from record FeatureEvent to record MatchEvent, which Avro cannot convert"
    ] == found


def test_every_rule_broken_is_told():
    reader = {"type": "record", "name": "R", "fields": [{"name": "n", "type": "string"}, {"name": "z", "type": "int"}]}

    assert 2 == len(told(reader))


@pytest.mark.parametrize("text", ["", "{", "{}", '{"type": "record"}', "[7]", '{"type": "foo"}'])
def test_a_text_which_is_no_schema_is_refused(text):
    with pytest.raises(SchemaError, match="no Avro schema"):
        incompatibilities(schema_json("match_event"), text)
