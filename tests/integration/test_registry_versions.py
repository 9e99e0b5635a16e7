"""Versions of MatchEvent on a real registry: what fits is taken, what does not is refused with the reason."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.compatibility import SchemaError
from schemas.records import EventKind, MatchEvent, Side
from streams.cli import main
from streams.local.cluster import LocalCluster
from streams.registering import register_all
from streams.registry import Registry
from streams.registry_errors import IncompatibleSchemaError, SchemaNotFoundError
from streams.schema_cache import SchemaCache

pytestmark = pytest.mark.integration

SHOT = MatchEvent("e1", "m1", EventKind.SHOT, 1_671_375_600_000, 23, Side.HOME, expected_goals=0.5)


@pytest.fixture
def registry(cluster: LocalCluster, tmp_path: Path) -> Registry:
    found = Registry(cluster.registry_url, cache=SchemaCache(tmp_path))
    found.set_compatibility("BACKWARD")
    return found


def changed(**fields: object) -> str:
    """MatchEvent v2 with *fields* of other types, or without default when there is none of that name."""
    schema = json.loads(schema_json("match_event"))
    names = {field["name"]: field for field in schema["fields"]}
    for name, kind in fields.items():
        if name in names:
            names[name].update(type=kind)
            names[name].pop("default", None)
        else:
            schema["fields"].append({"name": name, "type": kind})
    return json.dumps(schema)


def test_every_schema_registers_and_registering_again_changes_nothing(registry, prefix):
    first = register_all(registry, prefix)

    assert first == register_all(registry, prefix)
    assert set(first) <= set(registry.subjects())
    assert [1, 2] == registry.versions(f"{prefix}match-events-value")


def test_version_2_registers_after_version_1_and_both_are_read_by_both(registry, prefix):
    subject = f"{prefix}match-events-value"
    ids = {version: registry.register(subject, schema_json("match_event", version)) for version in (1, 2)}
    codecs = {version: Codec("match_event", MatchEvent, version) for version in (1, 2)}
    for version, codec in codecs.items():
        codec.use_for_writing(ids[version], version)
        for schema_id in ids.values():
            codec.learn(schema_id, registry.fetch(schema_id))

    assert SHOT == codecs[2].decode(codecs[2].encode(SHOT))
    assert None is codecs[2].decode(codecs[1].encode(SHOT)).expected_goals
    assert None is codecs[1].decode(codecs[2].encode(SHOT)).expected_goals
    assert ids[1] != ids[2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stadium": "string"}, "field stadium is added without a default"),
        ({"minute": "string"}, "field minute changes its type from int to string"),
        ({"side": "string"}, "field side no longer takes null"),
    ],
)
def test_an_incompatible_version_3_is_refused_with_the_reason(registry, prefix, fields, words):
    subject = f"{prefix}match-events-value"
    register_all(registry, prefix, topics={"match-events": "match_event"})

    with pytest.raises(IncompatibleSchemaError, match=words) as caught:
        registry.register(subject, changed(**fields))
    assert caught.value.answer
    assert [1, 2] == registry.versions(subject)


def test_what_is_no_schema_is_refused(registry, prefix):
    with pytest.raises(SchemaError):
        registry.register(f"{prefix}x-value", '{"type": "record"}')


def test_an_id_a_subject_and_a_version_which_are_not_there_are_told(registry, prefix):
    register_all(registry, prefix, topics={"match-events": "match_event"})

    with pytest.raises(SchemaNotFoundError):
        registry.fetch(2_000_000_000)
    with pytest.raises(SchemaNotFoundError):
        registry.latest(f"{prefix}nothing-value")
    with pytest.raises(SchemaNotFoundError):
        registry.version(f"{prefix}match-events-value", 9)


def test_a_level_of_compatibility_which_is_none_is_refused(registry):
    with pytest.raises(ValueError, match="no level of compatibility"):
        registry.set_compatibility("SIDEWAYS")


def test_the_newest_version_is_the_latest(registry, prefix):
    register_all(registry, prefix, topics={"match-events": "match_event"})

    assert json.loads(schema_json("match_event")) == json.loads(registry.latest(f"{prefix}match-events-value"))
    assert json.loads(schema_json("match_event", 1)) == json.loads(registry.version(f"{prefix}match-events-value", 1))
    assert "BACKWARD" == registry.compatibility()


@pytest.fixture
def touchline(registry: Registry, cluster: LocalCluster, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = [
        "--bootstrap-servers",
        cluster.bootstrap_servers,
        "--registry-url",
        registry.url,
        "--topic-prefix",
        prefix,
    ]

    def run(command: str, *arguments: str):
        return CliRunner().invoke(main, ["schema", command, *arguments, *options])

    return run


def test_the_command_registers_lists_and_checks(touchline, prefix):
    registered = json.loads(touchline("register", "--json").stdout)
    listed = {row["subject"]: row for row in json.loads(touchline("list", "--json").stdout)}
    checked = touchline("check", "--json")

    assert set(registered) == set(listed)
    assert [1, 2] == listed[f"{prefix}match-events-value"]["registered"]
    assert 0 == checked.exit_code
    assert {"compatible"} == {row["verdict"] for row in json.loads(checked.stdout)}


def test_the_command_registers_one_version_of_one_subject(registry, touchline, prefix):
    found = touchline("register", "--subject", "match-events-value", "--version", "1", "--json")

    assert [f"{prefix}match-events-value"] == list(json.loads(found.stdout))
    assert [1] == registry.versions(f"{prefix}match-events-value")
    assert "not registered yet" in touchline("check").stdout


def test_the_command_says_which_field_of_a_file_breaks_which_rule(touchline, prefix, tmp_path):
    touchline("register")
    file = tmp_path / "mine.avsc"
    file.write_text(changed(stadium="string"))
    arguments = ("--file", str(file), "--subject", f"{prefix}match-events-value")

    checked, refused = touchline("check", *arguments), touchline("register", *arguments)

    assert (1, 2) == (checked.exit_code, refused.exit_code)
    assert "field stadium is added without a default" in checked.stdout
    assert "field stadium is added without a default" in refused.stderr


def test_the_command_shows_ours_and_the_registrys(touchline, prefix):
    touchline("register")

    ours = json.loads(touchline("show", "match_event", "--json").stdout)
    theirs = json.loads(touchline("show", f"{prefix}match-events-value", "--json").stdout)
    assert ours == theirs == json.loads(schema_json("match_event"))
    assert '"expected_goals"' not in touchline("show", "match_event", "--version", "1").stdout


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("show", ("nothing-value",), "not found"),
        ("show", ("match_event", "--version", "9"), "no version 9"),
        ("check", ("--subject", "nothing-value"), "no subject of ours"),
        ("register", ("--version", "1"), "needs --subject"),
        ("check", ("--file", __file__), "needs --subject"),
        ("check", ("--file", __file__, "--subject", "x-value"), "no Avro schema"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(touchline, command, arguments, words):
    found = touchline(command, *arguments)

    assert 2 == found.exit_code
    assert words in found.stderr
    assert "Traceback" not in found.output


@pytest.mark.parametrize("command", ["list", "check", "register"])
def test_a_registry_which_is_away_is_told_in_a_sentence(command):
    arguments = ["schema", command, "--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1"]
    found = CliRunner().invoke(main, arguments)

    assert 2 == found.exit_code
    assert "the schema registry at http://127.0.0.1:1 does not answer" in found.stderr
