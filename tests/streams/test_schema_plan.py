"""Plans for new versions of schemas: who can read them, and who goes first."""

import json

import pytest

from schemas.catalog import schema_json
from schemas.compatibility import SchemaError
from streams.dashboard.membership import Group, Member
from streams.schema_plan import Order, plan_of
from streams.settings import Settings

SETTINGS = Settings(topic_prefix="x-", run_id="1")
REGISTERED = {1: schema_json("match_event", 1), 2: schema_json("match_event", 2)}


def changed(name, *, drop=(), add=(), version=None):
    found = json.loads(schema_json(name, version))
    found["fields"] = [one for one in found["fields"] if one["name"] not in drop] + list(add)
    return json.dumps(found)


NEEDED = {"name": "venue", "type": "string"}
OPTIONAL = NEEDED | {"default": ""}


@pytest.mark.parametrize(
    ("drop", "add", "order"),
    [
        ((), (), Order.ANY),
        ((), (OPTIONAL,), Order.ANY),
        ((), (NEEDED,), Order.PRODUCERS),
        (("match_id",), (), Order.CONSUMERS),
        (("match_id",), (NEEDED,), Order.NEVER),
    ],
)
def test_who_goes_first_follows_from_who_can_read_what(drop, add, order):
    plan = plan_of(SETTINGS, "match-events", changed("match_event", drop=drop, add=add), REGISTERED, [])

    assert plan.order is order
    assert ("x-match-events-value", "x-match-events", [1, 2]) == (plan.subject, plan.topic, plan.registered)
    assert (order in {Order.PRODUCERS, Order.NEVER}) == bool(plan.older)
    assert (order in {Order.CONSUMERS, Order.NEVER}) == any(reader.problems for reader in plan.readers)


def test_the_first_version_of_a_subject_may_come_in_any_order():
    assert plan_of(SETTINGS, "match-events", changed("match_event", add=[NEEDED]), {}, []).order is Order.ANY


def test_a_change_is_told_field_by_field_and_what_it_means_for_features():
    proposed = changed("match_event", drop=["expected_goals", "minute"], add=[OPTIONAL])

    plan = plan_of(SETTINGS, "match-events", proposed, REGISTERED, [])

    minute, goals, venue, features = plan.changes
    assert minute.startswith("minute is written no longer: readers take its default, ")
    assert goals.startswith("expected_goals is written no longer: readers take its default, ")
    assert venue == "venue is new: readers of today pass it over"
    assert features.endswith("without minute, expected_goals they follow the defaults")


def test_another_type_of_a_field_is_told():
    proposed = changed("team_event", drop=["home_score"], add=[{"name": "home_score", "type": "string", "default": ""}])

    plan = plan_of(SETTINGS, "team-events", proposed, {1: schema_json("team_event")}, [])

    assert ['home_score is "string", and was ["null", "int"]'] == plan.changes
    assert plan.order is Order.NEVER


@pytest.mark.parametrize(
    ("topic", "readers"),
    [
        ("match-events", {"predict", "shadow", "performance", "dashboard", "rollout"}),
        ("predictions", {"predict", "monitor", "performance", "materialize", "api", "dashboard", "rollout"}),
        ("model-control", {"predict", "shadow", "dashboard", "rollout"}),
        ("monitor-partials", {"monitor-merge", "dashboard"}),
    ],
)
def test_readers_are_those_who_decode_the_records(topic, readers):
    name = topic.removesuffix("s").replace("-", "_")

    plan = plan_of(SETTINGS, topic, schema_json(name), {}, [])

    assert readers == {reader.name for reader in plan.readers}


def test_an_older_reader_is_asked_as_what_it_reads():
    settings = Settings(match_event_version=1)

    plan = plan_of(settings, "match-events", schema_json("match_event", 2), {}, [])

    assert {"match_event v1"} == {reader.reads for reader in plan.readers}


def test_members_with_partitions_of_the_topic_are_counted_ours_and_others():
    there, elsewhere = {"x-match-events": [0, 1]}, {"x-predictions": [0]}
    groups = [
        Group("x-predict-1", "STABLE", [Member("a", "h", there), Member("b", "h", there), Member("c", "h", {})]),
        Group("betting", "STABLE", [Member("d", "h", there), Member("e", "h", elsewhere)]),
        Group("reports", "STABLE", [Member("f", "h", elsewhere)]),
        Group("gone", "EMPTY", []),
    ]

    plan = plan_of(SETTINGS, "match-events", REGISTERED[2], REGISTERED, groups)

    running = {reader.name: reader.running for reader in plan.readers}
    assert {"predict": 2, "shadow": 0, "performance": 0, "dashboard": None, "rollout": None} == running
    assert {"betting": 1} == plan.others


def test_the_writers_of_a_topic_of_ours_are_named():
    plan = plan_of(SETTINGS, "predictions", schema_json("prediction"), {}, [])

    assert ["predict"] == plan.writers
    assert not plan_of(SETTINGS, "match-events", REGISTERED[2], {}, []).writers


def test_what_is_no_schema_is_refused():
    with pytest.raises(SchemaError, match="no Avro schema"):
        plan_of(SETTINGS, "match-events", "{", REGISTERED, [])
