import random
from pathlib import Path

import pytest

from streams.local.broker_properties import broker_properties, properties_text
from streams.local.ports import choose_ports
from streams.local.secured import Secured


def properties(nodes, node=1, secured=None, **more):
    ports = choose_ports(nodes, {}, random.Random(nodes))
    return ports, broker_properties(node, ports, Path("/data"), secured, more)


@pytest.mark.parametrize("nodes", [1, 3])
def test_brokers_listen_on_loopback_only(nodes):
    for node in range(1, nodes + 1):
        ports, found = properties(nodes, node)

        broker, controller = ports[f"broker-{node}"], ports[f"controller-{node}"]
        assert f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}" == found["listeners"]


@pytest.mark.parametrize(("nodes", "copies", "acknowledged"), [(1, "1", "1"), (3, "3", "2")])
def test_every_internal_topic_has_as_many_copies_as_nodes_and_survives_the_loss_of_one(nodes, copies, acknowledged):
    _, found = properties(nodes)

    assert {copies} == {value for name, value in found.items() if name.endswith("replication.factor")}
    assert {acknowledged} == {value for name, value in found.items() if name.endswith(("min.isr", "insync.replicas"))}
    assert nodes == len(found["controller.quorum.voters"].split(","))


def test_given_properties_win():
    assert "7" == properties(1, **{"num.io.threads": "7"})[1]["num.io.threads"]


def test_passwords_only_go_where_they_belong():
    secured = Secured(Path("/keys"), "store-secret", {"admin": "admin-secret", "anna": "anna-secret"})
    _, found = properties(1, secured=secured)

    assert found["listeners"].startswith("SASL_SSL://")
    assert "PLAINTEXT://" not in found["listeners"]
    assert "false" == found["allow.everyone.if.no.acl.found"]
    assert "anna-secret" not in properties_text(found)
    assert "anna-secret" == secured.client_config("anna")["sasl.password"]
    assert any("name=anna,password=anna-secret" in argument for argument in secured.format_arguments())
