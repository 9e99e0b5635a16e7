"""The least a role must be allowed."""

from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from streams.acls import ACCESS, ACTORS, Acl, role_acls
from streams.applications import APPLICATIONS
from streams.settings import read_settings
from streams.topics import TOPICS

SETTINGS = read_settings(bootstrap_servers="h:1", registry_url="http://h", topic_prefix="p-", run_id="7")


def test_predict_reads_its_inputs_and_writes_its_outputs_and_nothing_else():
    found = {(acl.resource, acl.name, acl.operation) for acl in role_acls(SETTINGS, "predict")}

    changelog = "p-predict-7-matches-changelog"
    assert found == {
        ("topic", "p-match-events", "Read"),
        ("topic", "p-feature-events", "Read"),
        ("topic", "p-predictions", "Read"),
        ("topic", "p-model-control", "Read"),
        ("topic", "p-predictions", "Write"),
        ("topic", "p-team-events", "Write"),
        ("topic", "p-dead-letters", "Write"),
        ("topic", "p-model-status", "Write"),
        ("topic", "p-shadow-predictions", "Write"),
        ("topic", changelog, "Create"),
        ("topic", changelog, "Read"),
        ("topic", changelog, "Write"),
        ("group", "p-predict-7", "Read"),
        ("group", f"{changelog}-restore", "Read"),
    }


def test_shadow_writes_nothing_that_predictions_are_made_of():
    writes = {acl.name for acl in role_acls(SETTINGS, "shadow") if (acl.resource, acl.operation) == ("topic", "Write")}

    assert {
        "p-shadow-predictions", "p-model-status", "p-dead-letters", "p-shadow-7-matches-changelog"
    } == writes  # fmt: skip


def test_the_dashboard_reads_all_topics_and_asks_for_all_groups_but_writes_nothing():
    found = {(acl.resource, acl.name, acl.operation) for acl in role_acls(SETTINGS, "dashboard")}

    topics = {("topic", f"p-{name}", "Read") for name in TOPICS}
    groups = {("group", f"p-{name}-7", "Describe") for name in APPLICATIONS}
    assert {*topics, *groups, ("group", "p-watch", "Read")} == found


def test_every_role_names_topics_of_the_design_only():
    for access in ACCESS.values():
        assert {*access.reads, *access.writes} <= set(TOPICS)


def test_each_permission_is_listed_once():
    for role in ACTORS:
        acls = role_acls(SETTINGS, role)
        assert len(acls) == len(set(acls))


def test_an_acl_is_a_command_and_a_binding():
    acl = Acl("rate", "topic", "p-team-events", "Read")
    binding = acl.binding("User:x")

    assert acl.command("h:1", "User:x") == (
        "kafka-acls.sh --bootstrap-server h:1 --add --allow-principal User:x --operation Read --topic p-team-events"
    )
    assert (binding.restype, binding.name, binding.principal) == (ResourceType.TOPIC, "p-team-events", "User:x")
    assert binding.operation == AclOperation.READ


def test_a_role_of_several_applications_is_granted_what_all_of_them_need():
    groups = {acl.name for acl in role_acls(SETTINGS, "monitor") if acl.resource == "group"}

    assert {"p-monitor-7", "p-monitor-merge-7"} <= groups
    assert {"monitor"} == {acl.role for acl in role_acls(SETTINGS, "monitor")}


def test_every_application_has_its_access():
    assert {name: (*one.inputs, *one.tails) for name, one in APPLICATIONS.items()} == {
        name: tuple(topic for topic in ACCESS[name].reads if topic in (*one.inputs, *one.tails))
        for name, one in APPLICATIONS.items()
    }
    assert {name: (one.table,) for name, one in APPLICATIONS.items()} == {
        name: tuple(ACCESS[name].tables) for name in APPLICATIONS
    }


def test_the_api_reads_predictions_and_fixtures_and_writes_nothing():
    found = {(acl.resource, acl.name, acl.operation) for acl in role_acls(SETTINGS, "api")}

    assert found == {
        ("topic", "p-predictions", "Read"),
        ("topic", "p-team-events", "Read"),
        ("group", "p-watch", "Read"),
    }


def test_with_transactions_a_worker_may_write_under_names_that_begin_with_its_group():
    settings = SETTINGS.model_copy(update={"guarantee": "exactly-once"})
    (acl,) = (acl for acl in role_acls(settings, "predict") if acl.resource == "transactional_id")

    assert settings.transactional_id("predict").startswith(acl.name)
    assert acl.command("h:1", "User:x") == (
        "kafka-acls.sh --bootstrap-server h:1 --add --allow-principal User:x --operation Write "
        "--transactional-id p-predict-7- --resource-pattern-type prefixed"
    )
    assert ResourcePatternType.PREFIXED == acl.binding("User:x").resource_pattern_type
    assert [] == [one for one in role_acls(settings, "feed") if one.resource == "transactional_id"]


def test_an_operator_reads_every_topic_and_replays_to_every_topic_a_letter_may_come_from():
    found = role_acls(SETTINGS, "operator")
    inputs = {topic for one in APPLICATIONS.values() for topic in one.inputs}

    assert {f"p-{topic}" for topic in (*inputs, "dead-letters")} == {
        acl.name for acl in found if (acl.resource, acl.operation) == ("topic", "Write")
    }
    assert {f"p-{topic}" for topic in TOPICS} == {acl.name for acl in found if acl.operation == "Read"} - {"p-tail"}
    assert [("p-dead-letters-replay", "Write", "literal")] == [
        (acl.name, acl.operation, acl.pattern) for acl in found if acl.resource == "transactional_id"
    ]
