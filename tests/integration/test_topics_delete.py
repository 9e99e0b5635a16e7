"""`touchline topics delete`: a prefix goes with all that belongs to it, and nothing else does."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient

from streams.admin import Admin
from streams.cli import main
from streams.patient_registry import patient_registry
from streams.prefixes import prefix_of_subject
from streams.registering import register_all
from streams.topics import TOPICS

pytestmark = pytest.mark.integration

SCHEMAS = {"match-events": "match_event", "predictions": "prediction"}


@pytest.fixture(name="run")
def _run(world, monkeypatch):
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *words, answer=None: CliRunner().invoke(
        main, ["topics", *words], input=answer, catch_exceptions=False
    )


def test_a_prefix_is_shown_deleted_after_a_yes_and_leaves_nothing_behind(world, run):
    settings, registry, admin = world.settings, patient_registry(world.settings), Admin(world.settings)
    other = settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}other-"})
    Admin(other).create_topics([TOPICS["match-events"]])
    admin.create_changelog(settings.changelog("predict", "matches"), 4)
    admin.create_topic(f"{settings.topic_prefix}somebody-elses", 1, {})
    subjects = register_all(registry, settings.topic_prefix, topics=SCHEMAS)
    kept = register_all(registry, other.topic_prefix, topics=SCHEMAS)
    with closing(Consumer(settings.librdkafka(group_id=settings.group("predict")))) as reader:
        reader.commit(offsets=[TopicPartition(settings.topic("match-events"), 0, 0)], asynchronous=False)
    assert f"Other prefix: {other.topic_prefix!r} with 1 topics" in run("list").output

    refused = run("delete", "--everything", answer="n\n")
    assert (1, True) == (refused.exit_code, settings.topic("match-events") in refused.output)
    assert f"prefix {settings.topic_prefix!r}" in refused.output
    assert settings.topic("match-events") in admin.topic_names()
    found = run("delete", "--everything", "--yes", "--json")

    deleted = json.loads(found.output)
    assert {settings.topic(name) for name in TOPICS} | {settings.changelog("predict", "matches")} == set(
        deleted["topics"]
    )
    assert [settings.group("predict")] == deleted["groups"]
    assert sorted(subjects) == deleted["subjects"]
    assert "There is nothing of" in run("delete", "--everything").output
    assert f"{settings.topic_prefix}somebody-elses" in admin.topic_names()
    assert other.topic("match-events") in admin.topic_names()
    assert set(kept) == {name for name in registry.subjects() if prefix_of_subject(name) == other.topic_prefix}
    plain = SchemaRegistryClient({"url": settings.registry_url})
    assert all(plain.get_schema(one).schema_str for one in kept.values())
    Admin(other).delete_topics([other.topic("match-events"), f"{settings.topic_prefix}somebody-elses"])


def test_topics_are_not_deleted_while_a_worker_reads_them(world, run):
    with closing(Consumer(world.settings.librdkafka(group_id=world.settings.group("rate")))) as reader:
        reader.subscribe([world.settings.topic("team-events")])
        while not reader.assignment():
            reader.poll(0.1)
        found = run("delete", "--yes")

    assert 2 == found.exit_code
    assert f"{world.settings.group('rate')} has members" in found.output


def test_a_program_says_yes_itself(run):
    assert "--json asks nothing, so it needs --yes" in run("delete", "--json").output
