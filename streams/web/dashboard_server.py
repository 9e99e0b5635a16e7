"""Serves the dashboard from a thread of its own, so that whoever plays may block."""

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from streams.dashboard.parts import Parts, encoded
from streams.web.dashboard import PERIOD_SECONDS, dashboard
from streams.web.endpoints import serve

_START_SECONDS = 30.0


class Service(Protocol):
    """Keeps views up to date; see streams.dashboard.service.DashboardService."""

    @property
    def views(self) -> Mapping[str, Parts]: ...  # noqa: D102 - as DashboardService's
    def run(self) -> Awaitable[None]: ...  # noqa: D102


class DashboardServer:
    """Serves the page of what *make* returns, which is called in the thread's event loop; as in `dashboard`."""

    def __init__(
        self, make: Callable[[], Service], where: tuple[str, int], period_seconds: float = PERIOD_SECONDS
    ) -> None:
        self._make = make
        self._where, self._period_seconds = where, period_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="dashboard", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self._where[0]}:{self._where[1]}/"

    def start(self) -> None:
        """Serve; raises OSError when the port is taken, and what the service says when it cannot be made."""
        self._thread.start()
        self._started.wait(_START_SECONDS)
        if self._error is not None:
            raise self._error

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            service = self._make()
            runner = await serve(dashboard(service.views, self._period_seconds), self._where)
        except BaseException as error:  # noqa: BLE001 - raised again where the page was asked for
            self._error = error
            self._loop = None  # it closes before the thread ends: close() must find nothing to tell it
            self._started.set()
            return
        self._started.set()
        reading = asyncio.ensure_future(self._read(service))
        await self._stopping.wait()
        await runner.cleanup()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, service: Service) -> None:
        try:
            await service.run()
        except Exception:  # noqa: BLE001 - the page says that nothing comes any more, and how old it is
            traceback.print_exc()
            said = "the dashboard does not read any more, and says why where it was started: start it again"
            service.views["page"].show({"problem": encoded(said)})

    def close(self) -> None:
        """End the thread."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
