"""The command-line tools on a real broker and registry."""

import json
import math
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from subprocess import PIPE

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.catalog import schema_json
from streams.admin import CHANGELOG_CONFIG, Admin
from streams.brokers import BrokerError
from streams.cli import main
from streams.engine.murmur import partition_of
from streams.lag import LagReader, group_lag, role_reader, total_behind
from streams.local.cluster import LocalCluster
from streams.registering import register_all
from streams.registry import registry_of
from streams.settings import Settings, read_settings
from streams.tailing import Tail
from streams.topics import TOPICS

pytestmark = pytest.mark.integration

Run = Callable[..., Result]
Away = Mapping[tuple[str, ...], tuple[int, str, str]]
GOAL = {"event_id": "g1", "match_id": "m1", "kind": "GOAL", "occurred_at_ms": 5, "minute": 12, "side": "HOME"}
AWAY = ("--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1")


@pytest.fixture
def settings(cluster: LocalCluster, prefix: str) -> Settings:
    return read_settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        partitions=4,
    )


@pytest.fixture
def admin(settings: Settings) -> Iterator[Admin]:
    found = Admin(settings)
    yield found
    found.delete_topics([settings.topic(name) for name in TOPICS])


@pytest.fixture
def topics(admin: Admin) -> Admin:
    admin.create_topics()
    return admin


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("bootstrap_servers", "registry_url", "topic_prefix", "partitions"):
        monkeypatch.setenv(f"TOUCHLINE_{name.upper()}", str(getattr(settings, name)))

    def invoke(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, words, input=stdin, catch_exceptions=False)

    return invoke


def commit(settings: Settings, group: str, offsets: dict[tuple[str, int], int]) -> None:
    with closing(Consumer(settings.librdkafka(group_id=group))) as consumer:
        where = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        consumer.commit(offsets=where, asynchronous=False)


def fill(settings: Settings, topic: str, partition: int, count: int, age_seconds: float = 0) -> None:
    producer = Producer(settings.librdkafka())
    for _ in range(count):
        producer.produce(topic, b"x", partition=partition, timestamp=int((time.time() - age_seconds) * 1000))
    assert producer.flush(30) == 0


def shown(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


# topics


def test_topics_are_created_as_designed_and_a_second_time_changes_nothing(admin, settings):
    first = admin.create_topics()
    ids = admin.topic_ids(settings.topic(name) for name in TOPICS)
    second = admin.create_topics()

    assert {"created"} == {outcome.outcome for outcome in first}
    assert {"exists"} == {outcome.outcome for outcome in second}
    assert ids == admin.topic_ids(ids)
    assert {settings.topic(spec.name): spec.partitions or 4 for spec in TOPICS.values()} == admin.partition_counts(ids)
    configs = admin.topic_config(ids)
    for spec in TOPICS.values():
        assert spec.config().items() <= configs[settings.topic(spec.name)].items()


def test_a_topic_with_other_partitions_is_reported_and_left(admin, settings, run):
    admin.create_topic(settings.topic("match-events"), 3, {})
    result = run("topics", "create")

    assert "match-events: exists with 3 partitions, not 4; left as it is" in result.output
    assert "match-events: exists, 3 partitions" not in result.output
    assert {settings.topic("match-events"): 3} == admin.partition_counts([settings.topic("match-events")])
    (outcomes,) = shown(run("topics", "create", "--json"))
    assert "differs" == next(each["outcome"] for each in outcomes if each["name"].endswith("match-events"))


def test_topics_list_says_what_is_missing(admin, settings, run):
    admin.create_topic(settings.topic("match-events"), 4, {})
    (rows,) = shown(run("topics", "list", "--json"))

    exists = {row["name"]: row["exists"] for row in rows}
    assert [settings.topic("match-events")] == [name for name, there in exists.items() if there]
    assert "touchline topics create" in run("topics", "list").output


def test_a_changelog_is_compacted(topics, settings):
    name = settings.changelog("predict", "matches")
    topics.create_changelog(name, 4)

    assert CHANGELOG_CONFIG.items() <= topics.topic_config([name])[name].items()
    assert [name] == topics.delete_topics([name])
    assert [] == topics.delete_topics([name])


def test_a_topic_made_anew_has_another_id(admin, settings):
    name = settings.topic("match-events")
    admin.create_topic(name, 1, {})
    before = admin.topic_ids([name])
    admin.delete_topics([name])
    admin.create_topic(name, 1, {})

    assert before.keys() == admin.topic_ids([name]).keys()
    assert before != admin.topic_ids([name])
    assert name in admin.topic_names()


def test_more_replicas_than_brokers_are_one_sentence(settings):
    greedy = settings.model_copy(update={"replication_factor": 3})

    with pytest.raises(BrokerError, match="fewer brokers than replicas; set TOUCHLINE_REPLICATION_FACTOR"):
        Admin(greedy).create_topics()


def test_a_group_has_members_while_a_consumer_is_in_it(topics, settings):
    group = settings.group("predict")
    with closing(Consumer(settings.librdkafka(group_id=group, client_id="me"))) as consumer:
        consumer.subscribe([settings.topic("match-events")])
        deadline = time.monotonic() + 30
        while not consumer.assignment() and time.monotonic() < deadline:
            consumer.poll(0.1)
        during = topics.group(group)
    after = topics.group(group)

    assert during.alive
    assert ["me"] == list(during.members)
    assert not after.alive
    assert not topics.group("nobody").alive


# produce and tail


@pytest.mark.usefixtures("topics")
def test_what_is_produced_is_read_back_decoded_from_the_partition_of_its_key(settings, run):
    goals = [{**GOAL, "event_id": f"g{number}", "match_id": f"m{number % 5}"} for number in range(20)]
    result = run("produce", "match-events", "--json", stdin="\n".join(map(json.dumps, goals)))

    assert [{"topic": settings.topic("match-events"), "sent": 20, "bad": 0, "bad_lines": []}] == shown(result)
    records = shown(run("tail", "match-events", "--from", "earliest", "--json"))
    assert {goal["event_id"] for goal in goals} == {record["value"]["event_id"] for record in records}
    for record in records:
        assert record["key"] == record["value"]["match_id"]
        assert partition_of(str(record["key"]).encode(), 4) == record["partition"]


@pytest.mark.usefixtures("topics")
def test_nothing_after_a_bad_line_is_sent(run):
    good, bad = json.dumps(GOAL), json.dumps({**GOAL, "minute": 400})
    result = run("produce", "match-events", stdin=f"{good}\n{bad}\n{good}\n")

    assert result.exit_code == 2
    assert "line 2: minute is 400, not 0 to 150" in result.stderr.splitlines()
    assert len(shown(run("tail", "match-events", "--from", "earliest", "--json"))) == 1


@pytest.mark.usefixtures("topics")
def test_with_skip_bad_the_rest_is_sent(run):
    good = json.dumps(GOAL)
    result = run("produce", "match-events", "--skip-bad", "--json", stdin=f"{good}\nnonsense\n\n[]\n{good}\n")

    assert result.exit_code == 2
    assert [2, 4] == [line["line"] for line in json.loads(result.stdout)["bad_lines"]]
    assert len(shown(run("tail", "match-events", "--from", "earliest", "--json"))) == 2


@pytest.mark.usefixtures("topics")
def test_a_chosen_version_is_written(settings, run):
    registry = registry_of(settings)
    run("produce", "match-events", "--schema-version", "1", stdin=json.dumps(GOAL))
    refused = run("produce", "match-events", "--schema-version", "9", stdin=json.dumps(GOAL))

    (record,) = shown(run("tail", "match-events", "--from", "earliest", "--json"))
    assert "expected_goals" not in record["value"]
    assert json.loads(schema_json("match_event", 1)) == json.loads(
        registry.latest(settings.topic("match-events-value"))
    )
    assert refused.exit_code == 2
    assert "schema match_event has no version 9; it has 1, 2" in refused.output


@pytest.mark.usefixtures("topics")
def test_a_version_of_a_schema_is_planned_and_taken_up_once_all_can_read_it(settings, run, tmp_path):
    registry = registry_of(settings)
    register_all(registry, settings.topic_prefix)
    subject = settings.topic("match-events-value")
    proposed = json.loads(schema_json("match_event"))
    proposed["fields"].append({"name": "venue", "type": "string", "default": ""})
    good, bad = tmp_path / "good.avsc", tmp_path / "bad.avsc"
    good.write_text(json.dumps(proposed))
    proposed["fields"] = [one for one in proposed["fields"] if one["name"] != "match_id"]
    bad.write_text(json.dumps(proposed))

    refused = run("schema", "bump", "match-events", str(bad))
    unread = run("schema", "plan", "match-events", str(bad), "--json")

    assert refused.exit_code == 2
    assert "Error: not registered: Some readers of today cannot read it" in refused.output
    assert unread.exit_code == 1
    assert "consumers first" == json.loads(unread.stdout)["order"]
    assert [1, 2] == registry.versions(subject)

    with closing(Consumer(settings.librdkafka(group_id=f"{settings.topic_prefix}betting"))) as betting:
        betting.subscribe([settings.topic("match-events")])
        while not betting.assignment():
            betting.poll(0.1)
        planned = run("schema", "plan", "match-events", str(good))
        held = run("schema", "bump", "match-events", str(good))

        assert planned.exit_code == 0
        assert f"{settings.topic_prefix}betting (1 running) is not Touchline's" in planned.output
        assert "venue is new: readers of today pass it over" in planned.output
        assert "Any order." in planned.output
        assert held.exit_code == 2
        assert "say --others-can-read once they can" in held.output
        assert [1, 2] == registry.versions(subject)
        taken = run("schema", "bump", "match-events", str(good), "--others-can-read", "--json")

    assert [1, 2, 3] == registry.versions(subject)
    assert json.loads(good.read_text()) == json.loads(registry.fetch(json.loads(taken.stdout)["id"]))
    assert "no topic with a schema" in run("schema", "plan", "dead-letters", str(good)).output
    no_text = tmp_path / "no_text.avsc"
    no_text.write_bytes(b"\xff")
    for words in (("plan", "match-events", str(no_text)), ("bump", "match-events", str(good), *AWAY)):
        result = run("schema", *words)
        assert result.exit_code == 2
        assert result.output.startswith("Error: ")


@pytest.mark.usefixtures("topics")
def test_tail_filters_by_match_and_by_value_and_limits(run):
    events = [
        {**GOAL, "event_id": f"{match}-{minute}", "match_id": match, "minute": minute}
        for match in ("m1", "m2")
        for minute in range(1, 11)
    ]
    run("produce", "match-events", stdin="\n".join(map(json.dumps, events)))

    def ids(*options: str) -> list[str]:
        found = shown(run("tail", "match-events", "--from", "earliest", "--json", *options))
        return [record["value"]["event_id"] for record in found]

    assert [f"m2-{minute}" for minute in range(1, 11)] == ids("--match", "m2")
    assert {"m1-3", "m2-3"} == set(ids("--where", "minute=3"))
    assert ["m1-3"] == ids("--where", "minute=3", "--where", "match_id=m1")
    assert len(ids("--limit", "4")) == 4
    assert ["m1-9", "m1-10"] == ids("--match", "m1", "--from", "2")
    assert [] == ids("--from", "latest")


@pytest.mark.usefixtures("topics")
def test_tail_is_readable_for_people(run):
    run("produce", "match-events", stdin=json.dumps({**GOAL, "occurred_at_ms": 1_671_375_600_000}))
    line = run("tail", "match-events").output

    assert "m1" in line
    assert "kind=GOAL" in line
    assert "occurred_at_ms=2022-12-18T15:00:00.000Z" in line
    assert "home_team" not in line


@pytest.mark.usefixtures("topics")
def test_tail_shows_the_headers_of_dead_letters_and_bytes_that_are_no_record(settings, run):
    producer = Producer(settings.librdkafka())
    producer.produce(settings.topic("dead-letters"), b"\x01junk", key=b"m1", headers=[("cause", b"WRONG_MAGIC")])
    producer.flush(30)
    (record,) = shown(run("tail", "dead-letters", "--json", "--where", "cause=WRONG_MAGIC"))

    assert record["headers"] == {"cause": "WRONG_MAGIC"}
    assert record["bytes"] == "AWp1bms="
    assert "cause=WRONG_MAGIC" in run("tail", "dead-letters").output


def test_tail_reads_a_changelog_by_its_full_name(topics, settings, run):
    name = settings.changelog("predict", "matches")
    topics.create_changelog(name, 1)
    producer = Producer(settings.librdkafka())
    producer.produce(name, b"x", key=b"here")
    producer.produce(name, None, key=b"\x00gone")
    producer.flush(30)

    assert len(shown(run("tail", name, "--json"))) == 2
    assert "(deleted)" in run("tail", name).output
    topics.delete_topics([name])


@pytest.mark.usefixtures("topics")
def test_following_shows_what_comes_after(settings, run):
    run("produce", "match-events", stdin=json.dumps(GOAL))
    more = json.dumps({**GOAL, "event_id": "g2"})
    # The first record is there; the second comes only when the first has been shown.
    with closing(Tail(settings, settings.topic("match-events"))) as tail:
        records = tail.records("earliest", key=None, follow=True)
        first = next(records)
        run("produce", "match-events", stdin=more)
        second = next(records)

    assert first.offset() + 1 == second.offset()


# simulate


@pytest.mark.usefixtures("topics")
def test_simulate_sends_what_it_says(run):
    (told,) = shown(run("simulate", "--rate", "2000", "--seconds", "1", "--matches", "5", "--json"))
    records = shown(run("tail", "match-events", "--from", "earliest", "--json"))

    values = [record["value"] for record in records]
    assert told["sent"] == 2000 == len(records)
    assert told["distinct"] == len({value["event_id"] for value in values})
    assert told["kinds"] == dict(sorted(Counter(value["kind"] for value in values).items()))
    times = sorted(record["timestamp_ms"] for record in records)
    assert times[-1] - times[0] == pytest.approx(1000, abs=2)


@pytest.mark.usefixtures("topics")
def test_a_second_simulation_goes_on_after_the_first(run):
    for _ in range(2):
        run("simulate", "--rate", "5000", "--seconds", "0.1", "--matches", "2", "--json")
    values = [record["value"] for record in shown(run("tail", "match-events", "--from", "earliest", "--json"))]

    seen = Counter(value["event_id"] for value in values if value["kind"] == "SCHEDULED")
    first = shown(run("simulate", "--rate", "5000", "--seconds", "0.01", "--start", "2001-01-01", "--json"))
    assert max(seen.values()) <= 2  # a repeat at most, never the same fixture again
    assert first[0]["sent"] == 50


# lag


@pytest.mark.usefixtures("topics")
def test_lag_is_what_is_not_committed_in_records_and_seconds(settings):
    topic = settings.topic("match-events")
    fill(settings, topic, 0, 5, age_seconds=100)
    fill(settings, topic, 0, 5, age_seconds=50)
    fill(settings, topic, 1, 3)
    commit(settings, "g", {(topic, 0): 5, (topic, 1): 3})
    lags = {lag.partition: lag for lag in group_lag(settings, "g", [topic])}

    assert [5, 0, 0, 0] == [lags[partition].records_behind for partition in range(4)]
    assert lags[0].seconds_behind == pytest.approx(50, abs=20)
    assert 0 == lags[1].seconds_behind == lags[2].seconds_behind
    assert (lags[0].committed, lags[0].end, lags[2].committed) == (5, 10, None)
    assert all(lag.known for lag in lags.values())


@pytest.mark.usefixtures("topics")
def test_a_reader_measures_again_and_again(settings):
    topic = settings.topic("match-events")
    with closing(LagReader(settings, "again", [topic])) as reader:
        seen = []
        for number in range(4):
            fill(settings, topic, 0, 10)
            seen.append(total_behind(reader.measure()))
            if number == 1:
                commit(settings, "again", {(topic, 0): 20})

    assert [10, 20, 10, 20] == seen


@pytest.mark.usefixtures("topics")
def test_transaction_markers_and_expired_records_are_no_lag(settings):
    topic = settings.topic("match-events")
    producer = Producer(settings.librdkafka(transactional_id=f"{settings.topic_prefix}tx"))
    producer.init_transactions()
    for finish in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, b"x", partition=0)
        producer.flush(30)
        finish()
    fill(settings, topic, 1, 10)
    commit(settings, "tx", {(topic, 0): 1, (topic, 1): 2})
    delete_before(settings, topic, 1, 6)
    lags = {lag.partition: lag for lag in group_lag(settings, "tx", [topic])}

    assert (lags[0].records_behind, lags[0].seconds_behind) == (0, 0)
    assert lags[1].records_behind == 4


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize(("count", "size"), [(5_000, 20), (3, 300_000)])
def test_a_long_backlog_and_large_batches_are_known_on_every_partition(settings, count, size):
    topic = settings.topic("match-events")
    producer = Producer(settings.librdkafka())
    for partition in range(4):
        for _ in range(count):
            producer.produce(topic, b"x" * size, partition=partition)
        assert producer.flush(60) == 0
    with closing(LagReader(settings, "long", [topic])) as reader:
        measures = [reader.measure() for _ in range(3)]

    for lags in measures:
        assert [count] * 4 == [lag.records_behind for lag in lags]
        assert all(lag.known for lag in lags)


def delete_before(settings: Settings, topic: str, partition: int, offset: int) -> None:
    client = AdminClient(settings.librdkafka())
    for answer in client.delete_records([TopicPartition(topic, partition, offset)]).values():
        answer.result(30)


def test_what_cannot_be_read_is_unknown_and_never_zero(settings):
    with closing(LagReader(settings, "g", [settings.topic("match-events")], patience=2)) as reader:
        (lag,) = reader.measure()

    assert not lag.known
    assert math.isnan(lag.records_behind)
    assert math.isnan(lag.seconds_behind)


@pytest.mark.usefixtures("topics")
def test_lag_command_tells_each_role(settings, run):
    fill(settings, settings.topic("team-events"), 0, 7)
    (told,) = shown(run("lag", "--role", "rate", "--json"))

    assert (told["known"], told["records_behind"]) == (True, 7)
    assert settings.group("rate") in run("lag").output
    with closing(role_reader(settings, "rate")) as reader:
        assert total_behind(reader.measure()) == 7


@pytest.mark.usefixtures("admin")
def test_lag_command_says_unknown_and_exits_2_without_topics(run):
    result = run("lag", "--role", "rate", "--json")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["records_behind"] is None
    assert "touchline doctor" in result.stderr


# doctor


def test_doctor_names_what_is_missing_and_is_content_once_it_is_there(admin, settings, run):
    before = run("doctor", "--role", "rate", "--json")
    admin.create_topics()
    register_all(registry_of(settings), settings.topic_prefix)
    after = run("doctor", "--role", "rate", "--json")

    assert before.exit_code == 1
    missing = {finding["check"]: finding for finding in json.loads(before.stdout)["findings"] if not finding["ok"]}
    assert {"topics", "schemas"} == set(missing)
    assert missing["topics"]["do"] == f"touchline topics create --topic-prefix {settings.topic_prefix}"
    assert after.exit_code == 0, after.output
    assert {"broker", "registry", "topics", "schemas", "clock"} == {
        finding["check"] for finding in json.loads(after.stdout)["findings"]
    }


def test_doctor_sees_unequal_inputs_other_retention_and_a_lax_order(admin, settings, run):
    admin.create_topic(settings.topic("match-events"), 3, TOPICS["match-events"].config())
    admin.create_topic(settings.topic("feature-events"), 4, {"retention.ms": "1000"})
    admin.create_topic(settings.topic("team-events"), 2, TOPICS["team-events"].config())
    result = run("doctor", "--role", "predict")

    assert result.exit_code == 1
    text = " ".join(result.output.split())
    assert f"{settings.topic('match-events')} has 3, {settings.topic('feature-events')} has 4" in text
    assert "retention.ms=1000, not 604800000" in text
    assert "team-events has 2 partitions; its records need one order, so 1" in text
    assert "touchline topics repartition --partitions 4 --run-id NEW --topic-prefix" in text


def test_doctor_sees_a_changelog_that_is_compacted_too_soon(admin, settings, run):
    admin.create_topic(settings.changelog("predict", "matches"), 4, {"min.compaction.lag.ms": "1000"})
    admin.create_changelog(settings.changelog("rate", "teams"), 1)
    text = " ".join(run("doctor").output.split())

    assert f"{settings.changelog('predict', 'matches')} has min.compaction.lag.ms=1000, less than a day" in text
    assert f"{settings.changelog('rate', 'teams')} has min.compaction" not in text


@pytest.mark.usefixtures("topics")
def test_doctor_sees_a_schema_which_we_cannot_read(settings, run):
    registry = registry_of(settings)
    subject = settings.topic("team-events-value")
    registry.set_compatibility("NONE", subject)
    schema = json.loads(schema_json("team_event"))
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "match_id"]
    registry.register(subject, json.dumps(schema))
    result = run("doctor", "--role", "rate")

    assert result.exit_code == 1
    assert "match_id" in result.output


@pytest.mark.usefixtures("topics")
def test_doctor_finds_the_clocks_of_this_machine_equal(run):
    findings = json.loads(run("doctor", "--role", "rate", "--json").stdout)["findings"]

    (clock,) = [finding for finding in findings if finding["check"] == "clock"]
    assert clock["ok"]
    assert "the broker's clock is 0." in clock["message"]


def test_doctor_leaves_no_topic_behind(topics, run):
    run("doctor", "--role", "rate")

    assert not [name for name in topics.topic_names() if "touchline-clock" in name]


@pytest.mark.usefixtures("topics")
def test_doctor_tells_a_redis_that_is_away_without_its_password(run, monkeypatch):
    monkeypatch.setenv("TOUCHLINE_REDIS_URL", "redis://:hush@127.0.0.1:1/0")
    result = run("doctor", "--role", "rate")

    assert "Redis at 127.0.0.1:1 does not answer" in result.output
    assert "hush" not in result.output


def test_doctor_prints_the_acls_of_a_role(run, settings):
    (rows,) = shown(run("doctor", "--acls", "--role", "rate", "--principal", "User:x", "--json"))
    lines = run("doctor", "--acls", "--role", "rate").output.splitlines()

    assert len(rows) == len(lines)
    assert {"User:x"} == {row["principal"] for row in rows}
    assert all("--allow-principal User:touchline-rate" in line for line in lines)
    assert settings.topic("team-events") in lines[0]


# the broker is away


ONE_SENTENCE = (
    ("topics", "create"),
    ("tail", "match-events"),
    ("produce", "match-events"),
    ("simulate", "--seconds", "1"),
)
DOCTOR = ("doctor", "--role", "rate")


@pytest.fixture(scope="module")
def away() -> Away:
    """Exit code, output and errors of commands without a broker; all at once, since each waits out its patience."""
    command = [sys.executable, "-P", "-m", "streams.cli"]
    running = {
        words: subprocess.Popen([*command, *words, *AWAY], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for words in (*ONE_SENTENCE, DOCTOR)
    }
    told = {words: one.communicate(json.dumps(GOAL), timeout=120) for words, one in running.items()}
    return {words: (one.returncode, *told[words]) for words, one in running.items()}


@pytest.mark.parametrize("words", ONE_SENTENCE)
def test_without_a_broker_it_is_one_sentence_and_exit_2(away, words):
    code, _, err = away[words]  # librdkafka keeps its own lines to itself

    assert code == 2
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1


def test_without_a_broker_doctor_says_to_start_it(away):
    code, out, err = away[DOCTOR]

    assert code == 1
    assert "touchline up" in out
    assert err == ""


def test_a_port_where_nothing_answers_is_given_up_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        servers = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = read_settings(bootstrap_servers=servers, registry_url="http://127.0.0.1:1")

        with pytest.raises(BrokerError, match=f"no broker answers at {servers}"):
            Admin(settings, patience=1).cluster()


@pytest.mark.usefixtures("admin")
def test_an_unknown_topic_is_one_sentence(run):
    result = run("tail", "nothing-at-all")

    assert result.exit_code == 2
    assert "there is no such topic; try: touchline topics create" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("tail", "match-events", "--where", "kind"), "--where kind is not FIELD=VALUE, such as kind=GOAL"),
        (("tail", "match-events", "--from", "soon"), "'soon' is not earliest, latest or a number of records"),
        (("produce", "dead-letters"), "records cannot be produced to dead-letters; the topics are"),
        (("doctor", "--principal", "User:x"), "--principal goes with --acls"),
    ],
)
def test_a_wrong_option_is_one_sentence(run, words, sentence):
    result = run(*words)

    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("command", ["topics", "produce", "tail", "simulate", "lag", "doctor"])
def test_help_has_an_example(command):
    assert "Example:" in CliRunner().invoke(main, [command, "--help"]).output
