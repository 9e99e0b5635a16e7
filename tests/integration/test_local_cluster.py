"""The local cluster itself: kept, killed, found again, in threes, and behind passwords."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from streams.local.cluster import LocalCluster
from streams.local.errors import ClusterError, PortTakenError
from streams.local.ports import choose_ports
from streams.local.processes import Process, start_time, wait_until_ended
from streams.local.state import running_cluster, state_file
from streams.local.takedown import take_down
from tests.integration.world import wait_for

pytestmark = pytest.mark.integration

SCHEMA = Schema('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}', "AVRO")
UNREADABLE = Schema('{"type": "record", "name": "R", "fields": [{"name": "b", "type": "int"}]}', "AVRO")
COMMAND = [sys.executable, "-c", "from streams.cli import main; main()"]


def create(cluster, topic, user="admin", **more):
    admin = AdminClient(cluster.client_config(user))  # its futures fail once it is gone
    admin.create_topics([NewTopic(topic, 1, **more)])[topic].result(30)


def produce(cluster, topic, value, user="admin"):
    """Return the offset at which all replicas have *value*."""
    delivered = []
    producer = Producer({**cluster.client_config(user), "acks": "all", "delivery.timeout.ms": 60_000})
    producer.produce(topic, value, on_delivery=lambda error, message: delivered.append((error, message)))
    producer.flush(90)
    ((error, message),) = delivered
    if error:
        raise KafkaException(error)
    return message.offset()


def values(cluster, topic, count):
    """Return the first *count* values of a topic of one partition."""
    consumer = Consumer({**cluster.client_config(), "group.id": "reader", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return [message.value() for message in consumer.consume(count, 60)]
    finally:
        consumer.close()


def identified(pids):
    return [Process(pid, start_time(pid)) for pid in pids.values()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, cluster):  # noqa: ARG001 - the software is in the cache once one cluster has started
    home = str(tmp_path_factory.mktemp("state"))
    yield {**os.environ, "XDG_STATE_HOME": home}
    take_down({"XDG_STATE_HOME": home})


@pytest.fixture(scope="module")
def kept(environment):
    """A kept cluster with a record and a schema."""
    kept = LocalCluster(environment=environment).start()
    create(kept, "kept")
    produce(kept, "kept", b"first")
    SchemaRegistryClient({"url": kept.registry_url}).register_schema("kept-value", SCHEMA)
    return kept


def holds_its_data(cluster):
    schema = SchemaRegistryClient({"url": cluster.registry_url}).get_latest_version("kept-value").schema
    return [b"first"] == values(cluster, "kept", 1) and json.loads(schema.schema_str) == json.loads(SCHEMA.schema_str)


def test_a_second_start_finds_the_first(kept, environment):
    second = LocalCluster(environment=environment).start()

    assert kept.pids == second.pids
    assert kept.bootstrap_servers == second.bootstrap_servers == running_cluster(environment).bootstrap_servers
    assert kept.registry_url == running_cluster(environment).registry_url


def test_another_number_of_nodes_is_refused_while_one_runs(kept, environment):
    with pytest.raises(ClusterError, match=r"1 node\(s\) runs already"):
        LocalCluster(3, environment=environment).start()

    assert {"broker-1", "registry"} == set(kept.pids)


def test_data_survives_kill_9_of_everything(kept, environment):
    servers = kept.bootstrap_servers
    killed = identified(kept.pids)
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    assert [] == wait_until_ended(killed, 30)

    again = LocalCluster(environment=environment).start()

    assert servers == again.bootstrap_servers
    assert holds_its_data(again)


@pytest.mark.usefixtures("kept")
def test_a_start_brings_back_only_what_has_ended(environment):
    running = LocalCluster(environment=environment).start()
    before = running.pids
    running.kill_broker(1)
    assert running_cluster(environment) is None

    after = LocalCluster(environment=environment).start().pids

    assert before["registry"] == after["registry"]
    assert before["broker-1"] != after["broker-1"]
    assert holds_its_data(running)


@pytest.mark.usefixtures("kept")
def test_data_survives_down_and_up_by_commands_started_twice_at_once(environment):
    down = subprocess.run([*COMMAND, "down"], env=environment, capture_output=True, text=True, check=False)
    assert (0, "Stopped broker-1, registry.\n") == (down.returncode, down.stdout)
    assert not state_file(environment).exists()

    both = [
        subprocess.Popen([*COMMAND, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    shown = [up.communicate(timeout=300) for up in both]

    assert [0, 0] == [up.returncode for up in both], shown
    assert {"The local cluster is up.", "The local cluster was up already."} == {
        out.splitlines()[0] for out, _ in shown
    }
    again = LocalCluster(environment=environment).start()
    assert all(again.bootstrap_servers in out and again.registry_url in out for out, _ in shown)
    assert holds_its_data(again)


def test_an_ephemeral_cluster_leaves_nothing_behind():
    with LocalCluster(ephemeral=True) as cluster:
        processes = identified(cluster.pids)
        folder = cluster._started().state.folder

    assert [] == wait_until_ended(processes, 0)
    assert not folder.exists()


PARENT = """
import sys, time
from streams.local.cluster import LocalCluster
cluster = LocalCluster(ephemeral=True).start()
print(*cluster.pids.values(), cluster._guard._process.pid, cluster._started().state.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.usefixtures("cluster")  # fills the cache
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_ephemeral_cluster_ends_with_the_process_that_started_it(how):
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        *pids, folder = parent.stdout.readline().split()
        processes = [Process(int(pid), start_time(int(pid))) for pid in pids]
        parent.send_signal(how)

    assert [] == wait_until_ended(processes, 60)
    assert not Path(folder).exists()


GUARDED = """
import sys, time
from streams.local.cluster import LocalCluster
cluster = LocalCluster(guarded=True).start()
print(*cluster.pids.values(), flush=True)
time.sleep(600)
"""


@pytest.mark.usefixtures("cluster")  # fills the cache
def test_a_guarded_cluster_ends_with_its_killed_starter_and_keeps_its_data(tmp_path):
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED], stdout=subprocess.PIPE, text=True, env=environment
    ) as starter:
        processes = [Process(int(pid), start_time(int(pid))) for pid in starter.stdout.readline().split()]
        starter.kill()

    assert [] == wait_until_ended(processes, 60)
    assert running_cluster(environment) is None
    assert list(tmp_path.rglob("meta.properties"))


def test_a_taken_port_is_said_in_one_sentence(cluster, tmp_path):
    _, _, port = cluster.bootstrap_servers.rpartition(":")
    controller = choose_ports(1, {}, random.Random())["controller-1"]
    given = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
    }
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    second = LocalCluster(ephemeral=True, server_properties=given, environment=environment)

    with pytest.raises(PortTakenError, match=r"broker-1 cannot start: port .* is taken by another program") as error:
        second.start()

    assert (tmp_path / "touchline" / "failed-start" / "broker-1.log").exists()
    assert "\n" not in str(error.value)
    assert cluster.pids


@pytest.mark.usefixtures("cluster")  # fills the cache
def test_a_broker_which_refuses_its_settings_is_quoted(tmp_path):
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}

    with pytest.raises(ClusterError, match=r"cannot start: it says .*num\.io\.threads"):
        LocalCluster(ephemeral=True, server_properties={"num.io.threads": "0"}, environment=environment).start()


def test_the_registry_refuses_a_schema_which_breaks_old_records(cluster, prefix):
    registry = SchemaRegistryClient({"url": cluster.registry_url})
    registry.register_schema(f"{prefix}r-value", SCHEMA)

    with pytest.raises(SchemaRegistryError) as error:
        registry.register_schema(f"{prefix}r-value", UNREADABLE)

    assert 409 == error.value.http_status_code


def test_a_topic_may_take_larger_records_than_the_broker(cluster, prefix):
    record = os.urandom(2_000_000)
    create(cluster, f"{prefix}small")
    create(cluster, f"{prefix}large", config={"max.message.bytes": "4000000"})
    producer = Producer({**cluster.client_config(), "message.max.bytes": 4_000_000})
    errors = {}
    for topic in ("small", "large"):
        producer.produce(f"{prefix}{topic}", record, on_delivery=lambda error, m: errors.update({m.topic(): error}))
    producer.flush(60)

    assert KafkaError.MSG_SIZE_TOO_LARGE == errors[f"{prefix}small"].code()
    assert errors[f"{prefix}large"] is None


def test_topics_are_not_made_by_asking_for_them(cluster, prefix):
    topic = f"{prefix}nowhere"
    found = Producer({**cluster.client_config(), "allow.auto.create.topics": True}).list_topics(topic, 30)

    assert KafkaError.UNKNOWN_TOPIC_OR_PART == found.topics[topic].error.code()


def test_the_registry_can_be_stopped_and_started(cluster, prefix):
    registry = SchemaRegistryClient({"url": cluster.registry_url})
    number = registry.register_schema(f"{prefix}s-value", SCHEMA)

    cluster.stop_registry(signal.SIGKILL)
    assert "registry" not in cluster.pids
    with pytest.raises(ClusterError, match="broker-1 runs already"):
        cluster.start_broker(1)
    cluster.start_registry()

    assert number == SchemaRegistryClient({"url": cluster.registry_url}).register_schema(f"{prefix}s-value", SCHEMA)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")  # fills the cache
def test_with_three_nodes_acknowledged_records_survive_the_loss_of_one():
    with LocalCluster(3, ephemeral=True, quick=True) as three:
        create(three, "copied", replication_factor=3)
        admin = AdminClient(three.client_config())
        produce(three, "copied", b"before")
        # A broker that is asked may not have heard yet what another has said.
        wait_for(lambda: 0 in admin.list_topics("copied", 30).topics["copied"].partitions, 30)
        leader = admin.list_topics("copied", 30).topics["copied"].partitions[0].leader

        three.kill_broker(leader)
        produce(three, "copied", b"while one is down")
        three.start_broker(leader)
        produce(three, "copied", b"after")

        assert {"broker-1", "broker-2", "broker-3", "registry"} == set(three.pids)
        assert [b"before", b"while one is down", b"after"] == values(three, "copied", 3)
        config = ConfigResource(ConfigResource.Type.TOPIC, "copied")
        settings = admin.describe_configs([config])[config].result(30)
        assert "2" == settings["min.insync.replicas"].value


def test_behind_passwords_each_user_may_do_what_rules_allow_and_no_more(secure_cluster, prefix):
    create(secure_cluster, f"{prefix}allowed")
    create(secure_cluster, f"{prefix}other")
    may_write = AclBinding(
        ResourceType.TOPIC, f"{prefix}allowed", ResourcePatternType.LITERAL, "User:worker", "*",
        AclOperation.WRITE, AclPermissionType.ALLOW,
    )  # fmt: skip
    admin = AdminClient(secure_cluster.client_config())
    admin.create_acls([may_write])[may_write].result(30)

    assert 0 == produce(secure_cluster, f"{prefix}allowed", b"x", user="worker")
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        produce(secure_cluster, f"{prefix}other", b"x", user="worker")
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        produce(secure_cluster, f"{prefix}allowed", b"x", user="client")
    assert [b"x"] == values(secure_cluster, f"{prefix}allowed", 1)


@pytest.mark.parametrize(
    "wrong",
    [{"sasl.password": "wrong"}, {"security.protocol": "SASL_PLAINTEXT"}, {"security.protocol": "PLAINTEXT"}],
)
def test_a_client_without_the_right_words_gets_nothing(secure_cluster, wrong):
    client = AdminClient({**secure_cluster.client_config("client"), **wrong, "log_level": 0})

    with pytest.raises(KafkaException):
        client.list_topics(timeout=5)


OFFLINE = """
import sys

def loopback_only(event, arguments):
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        raise AssertionError(f"{event} {arguments}")
    if event == "socket.getaddrinfo" and arguments[0] != "127.0.0.1":
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(loopback_only)
from streams.local.cluster import LocalCluster
with LocalCluster(ephemeral=True) as cluster:
    print(cluster.bootstrap_servers)
"""


@pytest.mark.usefixtures("cluster")  # fills the cache
def test_with_a_filled_cache_nothing_but_loopback_is_reached():
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr
