import dataclasses
import json

import pytest

from schemas.catalog import RECORD_TYPES, latest, schema_json, schemas, versions
from schemas.codec import Codec


def test_each_record_type_has_the_fields_of_its_latest_schema_in_the_same_order():
    for name, record_type in RECORD_TYPES.items():
        fields = [field["name"] for field in json.loads(schema_json(name))["fields"]]
        assert [field.name for field in dataclasses.fields(record_type)] == fields, name


def test_versions_begin_at_1_and_leave_none_out():
    assert all(list(range(1, len(found) + 1)) == list(found) for found in schemas().values())


def test_every_field_says_what_it_means():
    for name, found in schemas().items():
        for text in found.values():
            assert all(field.get("doc") for field in json.loads(text)["fields"]), name


def test_an_unknown_name_or_version_is_told_with_those_there_are():
    with pytest.raises(LookupError, match=r"no schema 'nope'; there are .*match_event"):
        versions("nope")
    with pytest.raises(LookupError, match="no version 9; it has 1, 2"):
        schema_json("match_event", 9)


def test_the_latest_version_is_the_default():
    assert schema_json("match_event") == schema_json("match_event", latest("match_event"))


def test_a_record_type_without_a_field_of_the_schema_cannot_write():
    codec = Codec("prediction", RECORD_TYPES["progress"])

    with pytest.raises(TypeError, match="no field prediction_id"):
        codec.use_for_writing(1)
