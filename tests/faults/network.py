"""A relay between one client and servers on loopback, which can be cut or slow; no right of root is needed for it."""

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

LOOPBACK = "127.0.0.1"
_BYTES = 65_536
_LOOK_SECONDS = 0.5


class Relay:
    """Listens on a port of its own for each server, and passes on what comes; ``close`` it.

    A cut is as silent as a pulled cable: connections stay, new ones are taken, and nothing arrives. What was sent
    meanwhile arrives once it is mended, as with any network which sends again, also when its sender has ended; only one
    which has broken its connection off (a reset, and no more than that) takes back what has not arrived.

    Args:
        servers: Ports on loopback.
        kafka: Whether they are brokers, whose answers name their own ports: these are then replaced by ours.

    Attributes:
        ports: Where to connect to, by the server's port.
        delay: Seconds for which each piece is held back.
    """

    def __init__(self, servers: Sequence[int], *, kafka: bool = False) -> None:
        self.delay = 0.0
        self._whole = threading.Event()
        self._whole.set()
        self._closed = False
        self._sockets: list[socket.socket] = []
        listeners = {server: socket.create_server((LOOPBACK, 0)) for server in servers}
        self.ports = {server: int(listener.getsockname()[1]) for server, listener in listeners.items()}
        self._addresses = {_address(server): _address(port) for server, port in self.ports.items()} if kafka else None
        for server, listener in listeners.items():
            self._sockets.append(listener)
            _run(self._accept, listener, server)

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{LOOPBACK}:{port}" for port in self.ports.values())

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        """End all connections."""
        self._closed = True
        self._whole.set()
        for one in self._sockets:
            _end(one)

    def _accept(self, listener: socket.socket, server: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            _run(self._serve, client, server)

    def _serve(self, client: socket.socket, server: int) -> None:
        self._whole.wait()
        try:
            target = socket.create_connection((LOOPBACK, server))
        except OSError:
            _end(client)
            return
        self._sockets.append(target)
        answers = self._pieces(target) if self._addresses is None else _frames(self._pieces(target), self._addresses)
        _run(self._pass_on, answers, client, target)
        self._pass_on(self._pieces(client), target, client)

    def _pass_on(self, pieces: Iterator[bytes], target: socket.socket, source: socket.socket) -> None:
        try:
            for piece in pieces:
                target.sendall(piece)
        except (OSError, ValueError):  # the other direction may have closed both: then one has no number to select
            return
        finally:
            for one in (source, target):
                _end(one)

    def _pieces(self, source: socket.socket) -> Iterator[bytes]:
        """Yield what comes, taken from its sender only while the network is whole."""
        while not self._closed:
            readable, _, _ = select.select([source], [], [], _LOOK_SECONDS)
            self._whole.wait()
            if not readable:
                continue
            if self._closed or source.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return
            piece = source.recv(_BYTES)
            if not piece:
                return
            time.sleep(self.delay)
            yield piece


def _address(port: int) -> bytes:
    """Return host and port as they stand in every answer which names a broker: the string, then the number."""
    return LOOPBACK.encode() + struct.pack(">i", port)


def _frames(pieces: Iterator[bytes], addresses: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield Kafka's answers whole, each after its length in four bytes, so that no address is torn in two."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= 4 and len(held) >= (end := 4 + int.from_bytes(held[:4], "big")):
            answer = bytes(held[:end])
            del held[:end]
            for address, ours in addresses.items():
                answer = answer.replace(address, ours)
            yield answer


def _run(work: object, *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()  # type: ignore[arg-type] # a bound method


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        one.close()
