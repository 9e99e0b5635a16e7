"""Faults of brokers: one or all of them fall, freeze, cannot be reached, or cannot write."""

import os
import resource
import signal
import time
from contextlib import closing, suppress

from confluent_kafka import KafkaException

from tests.faults.children import wait_until
from tests.faults.findings import Findings
from tests.faults.network import Relay
from tests.faults.place import PREDICTIONS
from tests.faults.run import Run
from tests.faults.scenario import Scenario

OUTAGE_SECONDS = 30.0
BROKERS = 3
FIRST_PART = 20_000
AWAY_SECONDS = 60.0
START_SECONDS = 90.0
SMALL_FILE_BYTES = 4096


def coordinator(run: Run) -> int:
    """Return the broker which the group depends on most; it leads a third of the partitions, too."""
    return int(run.described_group().coordinator.id)


def leaders(run: Run) -> set[int]:
    """Return who leads the predictions' partitions; nobody when the brokers do not say."""
    with suppress(KafkaException):
        topic = run.place.topic(PREDICTIONS)
        return {one.leader for one in run.admin.list_topics(topic, timeout=5).topics[topic].partitions.values()}
    return set()


def in_sync(run: Run, node: int) -> bool:
    """Tell whether *node* has all that the others have of the predictions."""
    with suppress(KafkaException):
        topic = run.place.topic(PREDICTIONS)
        partitions = run.admin.list_topics(topic, timeout=5).topics[topic].partitions.values()
        return all(node in one.isrs for one in partitions)
    return False


def wait_deposed(run: Run, node: int) -> None:
    wait_until(lambda: leaders(run) and node not in leaders(run), AWAY_SECONDS, f"other leaders than broker {node}")


def wait_in_sync(run: Run, *nodes: int) -> None:
    for node in nodes:
        wait_until(lambda node=node: in_sync(run, node), START_SECONDS, f"broker {node} in sync")  # type: ignore[misc] # node is bound


def leader_killed(run: Run) -> None:
    run.worker()
    run.worker()
    run.load()
    run.a_moment()
    node = coordinator(run)
    run.cluster.kill_broker(node)
    run.fault_is_over()
    wait_deposed(run, node)
    run.wait_recovered()
    run.cluster.start_broker(node)
    wait_in_sync(run, node)
    run.wait_recovered()


def all_brokers_gone(run: Run) -> None:
    run.worker()
    run.worker()
    run.load()
    run.a_moment()
    for node in range(1, BROKERS + 1):
        run.cluster.kill_broker(node)
    time.sleep(OUTAGE_SECONDS)  # the fault itself
    start_brokers(run)
    run.fault_is_over()
    run.wait_recovered()


def start_brokers(run: Run) -> None:
    """Start the brokers, all before the first can answer, and wait for them."""
    for node in range(1, BROKERS + 1):
        run.cluster.start_broker(node, wait=False)
    wait_in_sync(run, *range(1, BROKERS + 1))


def broker_paused(run: Run) -> None:
    """It is stopped for longer than its session with the controllers lasts, and wakes up as one who leads no longer."""
    run.worker()
    run.worker()
    run.load()
    run.a_moment()
    node = coordinator(run)
    pid = run.cluster.pids[f"broker-{node}"]
    os.kill(pid, signal.SIGSTOP)
    try:
        run.fault_is_over()
        wait_deposed(run, node)
        run.wait_recovered()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_in_sync(run, node)
    run.wait_recovered()


def network_cut(run: Run) -> Findings:
    """One worker's packets get lost until the group has given its partitions away; then those on the way arrive."""
    ports = [int(server.rpartition(":")[2]) for server in run.place.bootstrap_servers.split(",")]
    with closing(Relay(ports, kafka=True)) as relay:
        run.worker()
        run.worker(bootstrap_servers=relay.bootstrap_servers)
        run.wait_members(2)
        run.load()
        run.a_moment()
        relay.cut()
        run.wait_members(1)
        run.wait_recovered()
        relay.mend()
        run.fault_is_over()
        run.wait_members(2)
        run.wait_recovered()
        return run.finish()


def disk_full(run: Run) -> None:
    """No broker can write a file any longer, so they fall; then there is room again, and they are started."""
    run.worker()
    run.load()
    run.a_moment()
    for pid in run.cluster.pids.values():
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, most))
    # With two gone there is no majority, and nothing for the third to write.
    wait_until(lambda: len(running(run)) < 2, AWAY_SECONDS, "the fall of brokers which cannot write")
    for node in running(run):
        run.cluster.kill_broker(node)
    run.cluster.stop_registry(signal.SIGKILL)
    start_brokers(run)  # the limit was of the processes: what is started anew has room
    run.cluster.start_registry()
    run.fault_is_over()
    run.wait_recovered()


def running(run: Run) -> list[int]:
    return [node for node in range(1, BROKERS + 1) if f"broker-{node}" in run.cluster.pids]


BROKER_FAULTS = (
    Scenario("leader-broker-killed", leader_killed, events=FIRST_PART, breaks_cluster=True, timed=True),
    Scenario("all-brokers-gone", all_brokers_gone, events=FIRST_PART, breaks_cluster=True, timed=True),
    Scenario("broker-paused", broker_paused, events=FIRST_PART, breaks_cluster=True, timed=True),
    Scenario("network-cut", network_cut, events=FIRST_PART, timed=True),
    Scenario("disk-full", disk_full, events=FIRST_PART, own_cluster=True),
)
