"""The dashboard page: one file, kept up to date by server-sent events."""

import asyncio
import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.resources import files

from aiohttp import web

from streams.playing.scoreboard import Snapshot
from streams.web.endpoints import serve

_PERIOD_SECONDS = 0.5
_KEEP_ALIVE_PERIODS = 20
_START_SECONDS = 10.0
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
SNAPSHOT: web.AppKey[Callable[[], Snapshot]] = web.AppKey("snapshot")
ENDING: web.AppKey[asyncio.Event] = web.AppKey("ending")


def dashboard_page() -> str:
    """Return the page: all of it, since it asks for nothing else but its events."""
    return files("streams.web").joinpath("dashboard.html").read_text(encoding="utf-8")


def security_headers(page: str) -> Mapping[str, str]:
    """Return headers by which a browser runs what is in *page* and nothing else."""
    digests: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        digests[kind].append(f"'sha256-{digest}'")
    policy = "; ".join(
        [
            "default-src 'none'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            *(f"{kind}-src {' '.join(found)}" for kind, found in digests.items()),
        ]
    )
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def dashboard(snapshot: Callable[[], Snapshot]) -> web.Application:
    """Return the application which shows *snapshot*."""
    page = dashboard_page()
    headers = security_headers(page)

    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def no_icon(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app[SNAPSHOT] = snapshot
    app[ENDING] = asyncio.Event()
    app.router.add_get("/", show)
    app.router.add_get("/events", _events)
    app.router.add_get("/favicon.ico", no_icon)
    app.on_shutdown.append(_end)
    return app


async def _end(app: web.Application) -> None:
    app[ENDING].set()


async def _events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    with suppress(ConnectionResetError):  # whoever looked has gone
        await _keep_telling(request.app, response)
    return response


async def _keep_telling(app: web.Application, response: web.StreamResponse) -> None:
    ending, last, silent = app[ENDING], "", 0
    while not ending.is_set():
        text = json.dumps(app[SNAPSHOT]().as_json(), allow_nan=False)
        silent = 0 if text != last else silent + 1
        if text != last:
            await response.write(f"data: {text}\n\n".encode())
        elif silent % _KEEP_ALIVE_PERIODS == 0:
            await response.write(b": still here\n\n")
        last = text
        try:
            await asyncio.wait_for(ending.wait(), _PERIOD_SECONDS)
        except TimeoutError:
            continue


class DashboardServer:
    """Serves the page from a thread of its own, so that whoever plays may block."""

    def __init__(self, snapshot: Callable[[], Snapshot], where: tuple[str, int]) -> None:
        self._snapshot = snapshot
        self._where = where
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._error: OSError | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="dashboard", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self._where[0]}:{self._where[1]}/"

    def start(self) -> None:
        """Serve; raises OSError when the port is taken."""
        self._thread.start()
        self._started.wait(_START_SECONDS)
        if self._error is not None:
            raise self._error

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            runner = await serve(dashboard(self._snapshot), self._where)
        except OSError as error:
            self._error = error
            self._started.set()
            return
        self._started.set()
        await self._stopping.wait()
        await runner.cleanup()

    def close(self) -> None:
        """End the thread."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
