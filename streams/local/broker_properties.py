"""The settings of one Kafka node, which is broker and controller in one process."""

from collections.abc import Mapping
from pathlib import Path

from streams.local.ports import LOOPBACK
from streams.local.secured import Secured


def broker_properties(
    node: int, ports: Mapping[str, int], data: Path, secured: Secured | None, more: Mapping[str, str]
) -> dict[str, str]:
    """Return the server properties of *node* (from 1); *more* wins over ours."""
    nodes = sum(name.startswith("broker-") for name in ports)
    client_listener = "SASL_SSL" if secured else "PLAINTEXT"
    voters = [f"{number}@{LOOPBACK}:{ports[f'controller-{number}']}" for number in range(1, nodes + 1)]
    listeners = {client_listener: ports[f"broker-{node}"], "CONTROLLER": ports[f"controller-{node}"]}
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": client_listener,
        "listeners": ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items()),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:"
        + ("SASL_PLAINTEXT" if secured else "PLAINTEXT"),
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "1",
        "num.io.threads": "2",
        "log.cleaner.backoff.ms": "1000",
        **_replication(nodes),
        **(secured.broker_properties() if secured else {}),
        **more,
    }


def _replication(nodes: int) -> dict[str, str]:
    """Three nodes keep three copies and acknowledge with two, so that one broker may be away."""
    copies, acknowledged = str(nodes), str(max(1, nodes - 1))
    topics = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": acknowledged,
        **{f"{topic}.replication.factor": copies for topic in topics},
        **{f"{topic}.min.isr": acknowledged for topic in topics[1:]},
        **{f"{topic}.num.partitions": "1" for topic in topics},
    }


def properties_text(properties: Mapping[str, str]) -> str:
    r"""Return *properties* in Java's format.

    >>> properties_text({"log.dirs": "C:\\data", "node.id": "1"})
    'log.dirs=C:\\\\data\nnode.id=1\n'
    """
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
