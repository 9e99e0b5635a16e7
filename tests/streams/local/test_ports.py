import random
import socket

import pytest

from streams.local.ports import CHOSEN_FROM, LOOPBACK, USUAL, choose_ports, is_free


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_on_which_something_listens_is_not_free(taken):
    assert not is_free(taken)


def test_a_port_that_was_just_closed_is_free():
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as client, server.accept()[0]:
            client.shutdown(socket.SHUT_RDWR)

    assert is_free(port)


def test_the_preferred_ports_are_taken_when_free():
    preferred = choose_ports(3, {}, random.Random(1))

    assert preferred == choose_ports(3, preferred, random.Random(2))


def test_another_port_stands_in_for_a_taken_one(taken):
    chosen = choose_ports(1, {"broker-1": taken}, random.Random(1))

    assert taken != chosen["broker-1"]
    assert is_free(chosen["broker-1"])


@pytest.mark.parametrize(("nodes", "count"), [(1, 4), (3, 8)])
def test_all_that_listens_gets_a_port_of_its_own(nodes, count):
    chosen = choose_ports(nodes, {}, random.Random(1))

    assert count == len(chosen) == len(set(chosen.values()))
    assert set(chosen) <= set(USUAL)


def test_one_port_is_not_given_twice_though_preferred_twice():
    free = choose_ports(1, {}, random.Random(1))["registry"]

    chosen = choose_ports(1, {"broker-1": free, "registry": free}, random.Random(2))

    assert free == chosen["broker-1"]
    assert free != chosen["registry"]


def test_chosen_ports_lie_below_those_of_outgoing_connections():
    assert all(port in CHOSEN_FROM for port in choose_ports(3, {}, random.Random(1)).values())
    assert max(CHOSEN_FROM) < 32768  # where Linux begins; others begin above
