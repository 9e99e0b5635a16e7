"""Which ports the cluster listens on: the usual ones, or free ones when those are taken."""

import random
import socket
from collections.abc import Iterator, Mapping

LOOPBACK = "127.0.0.1"
# Below the range from which systems give ports to outgoing connections: else a client that connects to a stopped
# broker can be given the broker's own port, connect to itself, and keep the broker from coming back.
CHOSEN_FROM = range(20_000, 32_000)
USUAL = {
    **{f"broker-{node}": 9091 + node for node in (1, 2, 3)},
    **{f"controller-{node}": 19091 + node for node in (1, 2, 3)},
    "registry": 8081,
    "management": 18081,
}


def is_free(port: int) -> bool:
    """Tell whether *port* of loopback can be listened on."""
    with socket.socket() as probe:
        # As servers do: connections that were closed lately do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_ports(nodes: int, preferred: Mapping[str, int], chance: random.Random) -> dict[str, int]:
    """Return a free port for all that *nodes* brokers and a registry listen on, by name, the preferred one if free."""
    chosen: dict[str, int] = {}
    others = _free_ports(chance)
    for name in _names(nodes):
        port = preferred.get(name)
        if port is None or port in chosen.values() or not is_free(port):
            port = next(other for other in others if other not in chosen.values())
        chosen[name] = port
    return chosen


def _names(nodes: int) -> list[str]:
    numbers = range(1, nodes + 1)
    return [f"{kind}-{number}" for kind in ("broker", "controller") for number in numbers] + ["registry", "management"]


def _free_ports(chance: random.Random) -> Iterator[int]:
    while True:
        port = chance.choice(CHOSEN_FROM)
        if is_free(port):
            yield port
