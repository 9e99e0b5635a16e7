"""The workers of a replay: a supervisor of their own, which ends when we do."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from streams.local.ports import is_free
from streams.playing.errors import PlayError
from streams.settings import Settings

_READY_SECONDS = 120.0
_END_SECONDS = 45.0
_ANSWER_SECONDS = 3.0


def port_near(wanted: int) -> int:
    """Return *wanted* if nobody listens on it at present, else another port of loopback."""
    if wanted and is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Crew:
    """Runs *roles* under a supervisor in a process of its own, out of reach of the terminal's Ctrl-C.

    Attributes:
        log: Where all of them log.
    """

    def __init__(self, settings: Settings, roles: Sequence[str], log: Path) -> None:
        self._settings = settings.model_copy(
            update={"http_host": "127.0.0.1", "http_port": port_near(settings.http_port), "log_format": "json"}
        )
        self._roles = list(roles)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where metrics and health are."""
        return f"http://127.0.0.1:{self._settings.http_port}"

    @property
    def pid(self) -> int | None:
        """Of the supervisor; None before the start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the supervisor; it ends with us, since it reads a pipe which ends then."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "streams.playing.crew_process", *self._roles],
                env={**os.environ, **self._settings.environment()},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return once every role has its partitions and its state.

        Raises:
            PlayError: The supervisor has ended, or it took too long.
        """
        until = time.monotonic() + _READY_SECONDS
        reason = "no answer"
        while time.monotonic() < until:
            self.check()
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=_ANSWER_SECONDS):  # noqa: S310 - our own loopback port
                    return
            except urllib.error.HTTPError as error:
                reason = error.read().decode(errors="replace").strip()
            except OSError as error:
                reason = str(error)
            time.sleep(0.05)
        raise PlayError(f"the workers are not ready after {_READY_SECONDS:.0f} s: {reason}; their log is {self.log}")

    def check(self) -> None:
        """Raise PlayError when the supervisor has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise PlayError(f"the workers have ended: {self._last_words()}; their log is {self.log}")

    def _last_words(self) -> str:
        found = [line["error"] for line in _json_lines(self.log) if "error" in line]
        return str(found[-1]) if found else "they did not say why"

    def stop(self) -> None:
        """Ask them to end and wait for it; kill what does not."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._process = None


def _json_lines(log: Path) -> Iterator[dict[str, object]]:
    for line in log.read_text(errors="replace").splitlines():
        with suppress(json.JSONDecodeError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found
