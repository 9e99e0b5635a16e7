"""JSON for people: what goes out comes back, and what does not fit is named."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.plain_values import FieldError, from_json, plain_reader, record_maker, to_json
from schemas.records import (
    DriftReport,
    DriftVerdict,
    EventKind,
    FeatureDrift,
    FeatureEvent,
    MatchEvent,
    MonitorPartial,
    PartialKind,
    Side,
)

GOAL = {"event_id": "e1", "match_id": "m1", "kind": "GOAL", "occurred_at_ms": 5, "minute": 3, "side": "HOME"}
PARTIAL = {
    "model": "m", "model_version": "1", "variant": "c", "window_start_ms": 0, "window_end_ms": 1, "bundle_digest": "",
    "source_partition": 0, "sequence": 1, "closed": True, "payload": "Af8=",
}  # fmt: skip
DRIFT = FeatureDrift("elo", 10, 5, 0.5, None, None, None, None, 0.25, DriftVerdict.TOO_FEW)

TEXT = st.text(st.characters(codec="utf-8"))
FEATURES = st.builds(
    FeatureEvent,
    event_id=TEXT,
    match_id=TEXT,
    source=TEXT,
    as_of_ms=st.integers(-(2**63), 2**63 - 1),
    values=st.dictionaries(TEXT, st.none() | st.floats(allow_nan=False, allow_infinity=False)),
)


@given(FEATURES)
def test_a_record_comes_back_from_its_json(event: FeatureEvent) -> None:
    assert event == from_json("feature_event", json.loads(json.dumps(to_json(event), allow_nan=False)))


def test_a_record_in_a_record_comes_back_too() -> None:
    report = DriftReport("m", "1", "CHAMPION", 0, 1, "d", 1, 1, 0, (DRIFT, DRIFT), ("elo",))

    assert report == from_json("drift_report", to_json(report))


def test_bytes_are_base64() -> None:
    partial = MonitorPartial("m", "1", "CHAMPION", 0, 1, "d", 0, 1, closed=True, payload=b"\x00\xff")

    assert to_json(partial)["payload"] == "AP8="
    assert partial == from_json("monitor_partial", to_json(partial))


def test_a_missing_feature_is_null_in_json_and_nan_in_the_record() -> None:
    prediction = {
        **dict.fromkeys(
            ("prediction_id", "match_id", "event_id", "cause", "competition", "model", "model_version"), "x"
        ),
        **dict.fromkeys(("bundle_digest", "feature_set", "source_topic"), "x"),
        **dict.fromkeys(
            ("occurred_at_ms", "minute", "home_score", "away_score", "source_partition", "source_offset"), 0
        ),
        **dict.fromkeys(("source_timestamp_ms", "received_at_us", "decoded_at_us", "scored_at_us"), 0),
        **dict.fromkeys(("home", "draw", "away"), 0.5),
        "variant": "CHAMPION",
        "features": [1.0, None],
    }
    record = from_json("prediction", prediction)

    assert math.isnan(record.features[1])
    assert prediction == to_json(record)


def test_fields_with_a_default_may_be_left_out() -> None:
    assert MatchEvent("e1", "m1", EventKind.GOAL, 5, 3, Side.HOME) == from_json("match_event", GOAL)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"minute": "3"}, 'minute is "3", not a whole number'),
        ({"minute": True}, "minute is true, not a whole number"),
        ({"minute": 2**31}, "minute is 2147483648, which does not fit into an Avro int"),
        ({"kind": "GAOL"}, 'kind is "GAOL", not one of SCHEDULED, KICK_OFF'),
        ({"side": "LEFT"}, 'side is "LEFT", not one of HOME, AWAY'),
        ({"match_id": 7}, "match_id is 7, not a text"),
        ({"neutral": 1}, "neutral is 1, not true or false"),
        ({"expected_goals": "much"}, 'expected_goals is "much", not a number'),
        ({"shirt": 10}, "shirt is no field of MatchEvent; it has event_id"),
        ({"match_id": "m" * 99, "minute": "m" * 99}, 'minute is "mmm'),
    ],
)
def test_what_does_not_fit_is_named_with_its_value(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(FieldError) as caught:
        from_json("match_event", {**GOAL, **change})

    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("match_event", [], "a record is [], not an object"),
        ("match_event", {"event_id": "e"}, "match_id is missing, and MatchEvent has no default for it"),
        ("feature_event", {"event_id": "e", "match_id": "m", "source": "s", "as_of_ms": 1, "values": 3}, "values is 3"),
        (
            "feature_event",
            {"event_id": "e", "match_id": "m", "source": "s", "as_of_ms": 1, "values": {"elo": "high"}},
            'values.elo is "high", not a number',
        ),
        ("progress", {"inputs": {}, "outputs": {"t": 1.5}}, "outputs.t is 1.5, not a whole number"),
    ],
)
def test_a_nested_field_is_named_by_its_path(name: str, values: object, sentence: str) -> None:
    with pytest.raises(FieldError) as caught:
        from_json(name, values)

    assert str(caught.value).startswith(sentence)


def test_a_list_is_checked_item_by_item() -> None:
    report = to_json(DriftReport("m", "1", "CHAMPION", 0, 1, "d", 1, 1, 0, (DRIFT,), ("elo",)))

    with pytest.raises(FieldError, match=r"features\[0\].verdict is \"BAD\""):
        from_json("drift_report", {**report, "features": [{**report["features"][0], "verdict": "BAD"}]})
    with pytest.raises(FieldError, match=r"alarms is 3, not a list"):
        from_json("drift_report", {**report, "alarms": 3})


def test_payload_that_is_not_base64_is_named() -> None:
    partial = to_json(MonitorPartial("m", "1", "CHAMPION", 0, 1, "d", 0, 1, closed=True, payload=b"x"))

    with pytest.raises(FieldError, match='payload is "&", not base64'):
        from_json("monitor_partial", {**partial, "payload": "&"})


def test_an_older_version_refuses_the_newer_field() -> None:
    with pytest.raises(FieldError, match="expected_goals is no field of MatchEvent"):
        from_json("match_event", {**GOAL, "expected_goals": 0.1}, version=1)


@given(FEATURES)
def test_plain_values_need_only_the_writers_schema(event: FeatureEvent) -> None:
    codec = Codec("feature_event", FeatureEvent)
    codec.use_for_writing(7)

    assert to_json(event) == plain_reader(schema_json("feature_event"))(codec.encode(event))


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:5]])
def test_damaged_bytes_are_a_value_error(damage: object) -> None:
    codec = Codec("match_event", MatchEvent)
    codec.use_for_writing(7)
    data = codec.encode(MatchEvent("e1", "m1", EventKind.GOAL, 5))

    with pytest.raises(ValueError, match="MatchEvent"):
        plain_reader(schema_json("match_event"))(damage(data))  # type: ignore[operator] # one of the three above


def test_a_field_which_is_left_out_takes_its_default():
    made = record_maker("monitor_partial")(PARTIAL)

    assert (PartialKind.DRIFT, b"\x01\xff") == (made.kind, made.payload)


@pytest.mark.parametrize(
    ("number", "fits"), [(-(2**31), True), (2**31 - 1, True), (-(2**31) - 1, False), (2**31, False)]
)
def test_a_whole_number_has_the_size_of_its_type(number, fits):
    values = PARTIAL | {"source_partition": number}

    if fits:
        assert number == record_maker("monitor_partial")(values).source_partition
    else:
        with pytest.raises(FieldError, match=f"source_partition is {number}, which does not fit into an Avro int"):
            record_maker("monitor_partial")(values)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"payload": "é"}, 'payload is "\\u00e9", not base64'),
        ({"model": "\ud800"}, 'model is "\\ud800", which holds half of a character'),
        ({"model": 5}, "model is 5, not a text"),
        ({"sequence": 10**400}, f"sequence is 1{'0' * 56}..., which does not fit into an Avro long"),
        ({"x" * 100: 5}, f'"{"x" * 56}... is no field of MonitorPartial'),
    ],
)
def test_a_value_which_does_not_fit_is_told_in_a_line(change, sentence):
    with pytest.raises(FieldError) as caught:
        record_maker("monitor_partial")(PARTIAL | change)

    assert str(caught.value).startswith(sentence)


def test_a_schema_which_is_none_or_dangerous_reads_nothing():
    for text in ('"string"', "{", '{"type": "record", "name": "R", "fields": [{"name": "k"}]}'):
        with pytest.raises(ValueError, match="its schema cannot be read: no Avro schema"):
            plain_reader(text)
    nothing = {"type": "record", "name": "R", "fields": [{"name": "k", "type": {"type": "array", "items": "null"}}]}
    with pytest.raises(ValueError, match="items take no bytes"):
        plain_reader(json.dumps(nothing))
