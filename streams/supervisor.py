"""Runs each role in a process of its own, restarts what falls, and serves their merged metrics and health.

A role that is given up takes the others with it only where predictions hang on it. Then, too, the worker is not ready.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest

from streams.applications import APPLICATIONS, applications
from streams.failing import UNKNOWN, cause_file, stop_of
from streams.merged_metrics import merged_exposition
from streams.settings import Settings
from streams.stopping import AWAY, REFUSED, STOPS
from streams.web.endpoints import Endpoints, serve

log = structlog.get_logger(__name__)

_GRACE_SECONDS = 30.0
_ANSWER_SECONDS = 2.0
GAVE_UP = 1
PROGRAM = (sys.executable, "-P", "-m", "streams.worker_process")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how fast a role that falls is started again, in seconds.

    Attributes:
        first_pause: Before the first restart; each further one in a row waits twice as long, up to longest_pause.
        steady: A run of this length makes up for the falls before it.
        most_falls: In a row; then the supervisor gives up.
    """

    first_pause: float = 1.0
    longest_pause: float = 30.0
    steady: float = 60.0
    most_falls: int = 20


@dataclass(slots=True)
class _Child:
    """One role's process.

    Attributes:
        falls: Ends in a row without a steady run between them, but for those where brokers or registry were away.
        given_up: Whether it is not started again.
    """

    role: str
    socket: Path
    process: asyncio.subprocess.Process | None = None
    falls: int = 0
    given_up: bool = False
    started: float = field(default=0.0)


class Supervisor:
    """Owns the processes of the applications *roles* and the port they are seen through."""

    def __init__(
        self,
        settings: Settings,
        roles: Sequence[str],
        folder: Path,
        *,
        patience: Patience | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._program = program
        self._children = [_Child(role, folder / f"{role}.sock") for role in roles]
        self._stopping = asyncio.Event()
        self._exit_code = 0
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library types the rest
        registry = CollectorRegistry()
        self._registry = registry
        self._restarts = Counter("touchline_worker_restarts", "Restarts of a role.", ["role"], registry=registry)
        self._falls = Counter(
            "touchline_role_falls", "Ends of a role's process that nobody asked for, by the log event it ended with.",
            ["role", "cause"], registry=registry,
        )  # fmt: skip
        for role in roles:  # shown as 0, so that the first is an increase
            self._restarts.labels(role)
            for cause in (*STOPS, UNKNOWN):
                self._falls.labels(role, cause)
        self._up = Gauge("touchline_worker_up", "1 when the role's process answers.", ["role"], registry=registry)

    async def run(self) -> int:
        """Run until a signal or a refusal; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        endpoints = Endpoints(self._metrics, self._sick, self._unready)
        where = (self._settings.http_host, self._settings.http_port)
        runner = await serve(endpoints.application(), where)
        log.info("worker.started", roles=[child.role for child in self._children], metrics=_url(runner))
        try:
            await asyncio.gather(*(self._keep(child) for child in self._children))
        finally:
            await runner.cleanup()
        log.info("worker.stopped", exit_code=self._exit_code)
        return self._exit_code

    async def _keep(self, child: _Child) -> None:
        while not self._stopping.is_set():
            code = await self._run_once(child)
            if self._stopping.is_set():
                return
            self._count(child, code)
            if code == REFUSED or child.falls >= self._patience.most_falls:
                self._give_up(child, code)
                return
            pause = min(self._patience.first_pause * 2 ** max(child.falls - 1, 0), self._patience.longest_pause)
            log.warning("role.restarted", role=child.role, exit_code=code, pause_seconds=pause)
            self._restarts.labels(child.role).inc()
            await _either(self._stopping, pause)

    def _count(self, child: _Child, code: int) -> None:
        self._falls.labels(child.role, stop_of(_cause(child))).inc()
        if time.monotonic() - child.started > self._patience.steady:
            child.falls = 0
        if code != AWAY:  # an outage is waited out, however long it lasts
            child.falls += 1

    def _give_up(self, child: _Child, code: int) -> None:
        log.error("role.given_up", role=child.role, exit_code=code, falls=child.falls, cause=_cause(child))
        self._exit_code = code if code == REFUSED else GAVE_UP
        child.given_up = True
        # Reports, or a shelf, that cannot be written are no reason to stop predicting.
        application = APPLICATIONS.get(child.role)  # there is none of a role that only reads
        if (application and application.predictions_need_it) or all(one.given_up for one in self._children):
            self._stopping.set()

    async def _run_once(self, child: _Child) -> int:
        for left in (child.socket, cause_file(child.socket)):
            left.unlink(missing_ok=True)
        child.started = time.monotonic()
        child.process = await asyncio.create_subprocess_exec(
            *self._program, child.role, str(child.socket),
            env={**os.environ, **self._settings.environment()},
            stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone
        )  # fmt: skip
        ended = asyncio.create_task(child.process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await self._end(child.process, ended)
        return await ended

    async def _end(self, process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        process.terminate()
        done, _ = await asyncio.wait((ended,), timeout=_GRACE_SECONDS)
        if not done:
            log.error("role.killed", pid=process.pid, after_seconds=_GRACE_SECONDS)
            process.kill()

    async def _ask(self, child: _Child, path: str) -> tuple[int, str]:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        connector = aiohttp.UnixConnector(path=str(child.socket))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(f"http://{child.role}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def _metrics(self) -> bytes:
        texts: dict[str, str] = {}
        for child in self._children:
            try:
                _, texts[child.role] = await self._ask(child, "/metrics")
            except (aiohttp.ClientError, TimeoutError, OSError):
                self._up.labels(child.role).set(0)
            else:
                self._up.labels(child.role).set(1)
        return merged_exposition(texts) + generate_latest(self._registry)

    async def _sick(self) -> str | None:
        return await self._first_reason("/healthz", [child for child in self._children if not child.given_up])

    async def _unready(self) -> str | None:
        for child in self._children:
            if child.given_up:
                return f"{child.role} was given up: {_cause(child)}"
        return await self._first_reason("/readyz", self._children)

    async def _first_reason(self, path: str, children: Sequence[_Child]) -> str | None:
        for child in children:
            try:
                status, text = await self._ask(child, path)
            except (aiohttp.ClientError, TimeoutError, OSError):
                return f"{child.role} does not answer"
            if status != web.HTTPOk.status_code:
                return f"{child.role}: {text.strip()}"
        return None


def _cause(child: _Child) -> str:
    """Return the last error of the role's last process."""
    file = cause_file(child.socket)
    return file.read_text() if file.exists() else "it said nothing"


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}/metrics"


async def _either(event: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait((waiting,), timeout=seconds)
    waiting.cancel()


def supervise(settings: Settings, roles: Sequence[str]) -> int:
    """Run *roles* until told to stop; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="touchline-") as folder:

        async def run() -> int:
            return await Supervisor(settings, applications(roles), Path(folder)).run()

        return asyncio.run(run())
