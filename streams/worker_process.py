"""The process of one role: ``python -m streams.worker_process ROLE SOCKET``, started by the supervisor."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import faust
import structlog
import uvloop
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from models.manifest import BundleError
from streams.app import RoleApp
from streams.applications import READERS
from streams.failing import LastError, cause_file
from streams.lag import role_reader
from streams.lag_metrics import LagCollector
from streams.logs import configure_logs
from streams.metrics import WorkerMetrics
from streams.roles import create_app
from streams.settings import Settings, read_settings
from streams.stopping import RefusedError, stop_worker
from streams.web.endpoints import Endpoints, serve

if TYPE_CHECKING:
    from aiohttp.web import AppRunner

log = structlog.get_logger(__name__)

T = TypeVar("T")


class _Watched:
    """What starts and stops with the role: its endpoints, and an eye on the supervisor."""

    def __init__(self, endpoints: Endpoints, socket: Path) -> None:
        self._endpoints, self._socket = endpoints, socket
        self._runner: AppRunner | None = None

    async def start(self) -> None:
        self._runner = await serve(self._endpoints.application(), self._socket)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._stdin_ended)

    def _stdin_ended(self) -> None:
        if not os.read(sys.stdin.fileno(), 1):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            os.kill(os.getpid(), signal.SIGTERM)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


class _Application:
    """What an application tells of itself."""

    def __init__(self, app: RoleApp, registry: CollectorRegistry) -> None:
        self._app, self._registry = app, registry

    def endpoints(self) -> Endpoints:
        return Endpoints(self._metrics, self._sick, self._unready)

    async def _metrics(self) -> bytes:
        self._app.metrics.ready(ready=self._app.engine.ready)
        tables = list(self._app.engine.ledger.tables.values())
        self._app.metrics.states(sum(len(table.states) for table in tables))
        self._app.metrics.to_read(sum(table.changelog_next - table.since for table in tables))
        watch = self._app.engine.watch
        for topic, recent in watch.recent.items():
            self._app.metrics.set_aside(topic, recent.share, alarm=watch.alarm(topic))
        return generate_latest(self._registry)

    async def _sick(self) -> str | None:
        return None

    async def _unready(self) -> str | None:
        return None if self._app.engine.ready else "the table is not restored yet"


class _LagWatch:
    """Starts and stops the measuring of the application's own lag."""

    def __init__(self, collector: LagCollector) -> None:
        self._collector = collector

    async def start(self) -> None:
        self._collector.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._collector.stop)


class _Worker(faust.Worker):
    """Faust's worker, which goes as soon as everything has stopped."""

    async def _sentinel_task(self) -> None:
        """Let callbacks that are due run; stock mode sleeps a second here."""
        await asyncio.sleep(0)


def collect_seldom() -> None:
    """Look for cycles of objects less often than every 700 new ones: each record is some, and hardly any is in one.

    What is there already is not looked at again: it stays.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


def main(arguments: Sequence[str]) -> None:
    """Run the role until a signal comes or the supervisor has gone."""
    role, socket = arguments
    settings = read_settings()
    configure_logs(settings.log_format, settings.log_level, role=role)
    logging.getLogger().addHandler(LastError(cause_file(Path(socket))))
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    uvloop.install()
    (_answer if role in READERS else _work)(settings, role, registry, Path(socket))


def _work(settings: Settings, role: str, registry: CollectorRegistry, socket: Path) -> None:
    app = _made(lambda: create_app(settings, role, WorkerMetrics(registry, role, settings.topic_prefix)))
    lag = LagCollector([role_reader(settings, role)])
    registry.register(lag)
    app.attached += [_Watched(_Application(app, registry).endpoints(), socket), _LagWatch(lag)]
    worker: Any = _Worker(app, loglevel=settings.log_level, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # it writes escape codes into logs
    collect_seldom()
    worker.execute_from_commandline()


def _answer(settings: Settings, role: str, registry: CollectorRegistry, socket: Path) -> None:
    """Run a role that only reads; there is one."""
    from streams.api.service import ApiService  # noqa: PLC0415 - loads Redis's client

    service = _made(lambda: ApiService(settings, registry))
    collect_seldom()
    try:
        asyncio.run(_until_signalled(service.run(), _Watched(service.endpoints(), socket)))
    except RefusedError as error:
        stop_worker("role.refused", error)
    except Exception as error:  # noqa: BLE001 - the supervisor starts it again
        stop_worker("role.failed", error)
    log.info("role.stopped", role=role)


def _made(make: Callable[[], T]) -> T:
    try:
        return make()
    except ConnectionError as error:  # brokers or registry are away: the supervisor tries again
        stop_worker("role.failed", error)
    except BundleError as error:
        stop_worker("model.refused", error)
    except Exception as error:  # noqa: BLE001 - whatever keeps a role from starting is told in one line
        stop_worker("role.refused", error)


async def _until_signalled(work: Coroutine[Any, Any, None], watched: _Watched) -> None:
    """Run *work* until a signal comes; raises what ended it before."""
    signalled = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    await watched.start()
    working, waiting = asyncio.create_task(work), asyncio.create_task(signalled.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await watched.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
