"""Predictions as they come, to many clients: each has a line of its own, and who is slow holds up nobody else."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Sequence

from streams.api.figures import ApiFigures
from streams.api.known import Known

KEPT = 2_048
_BYTES_OF_THE_NAME = 6

Chunk = tuple[str, bytes]
"""A match and a server-sent event of it."""


class FullError(RuntimeError):
    """Raised when there are as many clients as there may be."""


class Client:
    """One who follows; owned by its request, filled by the hub.

    Attributes:
        match: The only match that is followed; None for all.
        ended: Whether nothing more comes.
    """

    def __init__(self, match: str | None, waiting: Sequence[bytes]) -> None:
        self.match = match
        self._waiting: deque[bytes] = deque(waiting)
        self._skipped = 0
        self._something = asyncio.Event()
        self.ended = False
        if waiting:
            self._something.set()

    def put(self, chunks: Sequence[bytes], most: int) -> int:
        """Let *chunks* wait, the newest *most* of all that wait; return how many had to give way."""
        self._waiting.extend(chunks)
        self._something.set()
        skipped = 0
        while len(self._waiting) > most:
            self._waiting.popleft()
            skipped += 1
        self._skipped += skipped
        return skipped

    def end(self) -> None:
        """Let nothing more come."""
        self.ended = True
        self._something.set()

    async def take(self) -> bytes:
        """Return all that waits, once there is something, or the end; what was skipped stands before it."""
        await self._something.wait()
        self._something.clear()
        told = [_event("skipped", {"skipped": self._skipped})] if self._skipped else []
        found = b"".join([*told, *self._waiting])
        self._waiting.clear()
        self._skipped = 0
        return found


class LiveHub:
    """Gives each prediction to every client who follows its match; owned by the event loop.

    Args:
        figures: Where it is counted.
        most_clients: At the same time.
        kept: Events that are kept for those who come back, and that may wait for one client.
    """

    def __init__(self, figures: ApiFigures, most_clients: int, kept: int = KEPT) -> None:
        self._figures, self._most_clients, self._kept = figures, most_clients, kept
        self._name = secrets.token_hex(_BYTES_OF_THE_NAME)  # places of another process, or start, mean nothing here
        self._recent: deque[Chunk] = deque(maxlen=kept)
        self._published = 0
        self._clients: set[Client] = set()

    def publish(self, batch: Sequence[Known]) -> None:
        """Give *batch* to those who follow."""
        chunks = [self._chunk(one) for one in batch]
        self._recent.extend(chunks)
        everything = [chunk for _, chunk in chunks]
        for client in self._clients:
            wanted = everything if client.match is None else [one for match, one in chunks if match == client.match]
            if wanted:
                self._figures.live_sent.inc(len(wanted))
                skipped = client.put(wanted, self._kept)
                if skipped:
                    self._figures.live_skipped.inc(skipped)

    def _chunk(self, one: Known) -> Chunk:
        self._published += 1
        return one.match_id, b"id: %b-%d\nevent: prediction\ndata: %b\n\n" % (
            self._name.encode(), self._published, one.line,
        )  # fmt: skip

    def join(self, match: str | None, last_event_id: str | None) -> Client:
        """Return a new client, who gets what came after *last_event_id*, or is told that this is not known any more.

        Raises:
            FullError: There are as many clients as there may be.
        """
        if len(self._clients) >= self._most_clients:
            raise FullError(f"there are {self._most_clients} clients of /live already, as many as there may be")
        client = Client(match, [] if last_event_id is None else self._since(match, last_event_id))
        self._clients.add(client)
        self._figures.live_clients.set(len(self._clients))
        return client

    def _since(self, match: str | None, last_event_id: str) -> list[bytes]:
        name, _, number = last_event_id.rpartition("-")
        missed = self._published - int(number[:18]) if number.isascii() and number.isdigit() else -1
        if name != self._name or not 0 <= missed <= len(self._recent):
            return [_event("gap", {"after": last_event_id[:100]})]
        recent = list(self._recent)[len(self._recent) - missed :]
        return [chunk for of, chunk in recent if match in {None, of}]

    def leave(self, client: Client) -> None:
        """Forget *client*."""
        self._clients.discard(client)
        self._figures.live_clients.set(len(self._clients))

    def end(self) -> None:
        """Send everybody home."""
        for client in self._clients:
            client.end()


def _event(kind: str, data: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
