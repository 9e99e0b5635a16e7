"""The dashboard page over HTTP: its files, the data of each view, and what changes in them as server-sent events."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from streams.dashboard.parts import Parts

PERIOD_SECONDS: Final = 0.5
_CLOCK_PERIODS = 4
_PATIENCE_SECONDS = 30.0
MOST_CLIENTS: Final = 32
_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "json": "application/json",
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""By these a browser runs our files and nothing else, asks nobody else, and shows nothing that it has kept."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
VIEWS: web.AppKey[Mapping[str, Parts]] = web.AppKey("views")
ENDING: web.AppKey[asyncio.Event] = web.AppKey("ending")
CLIENTS: web.AppKey[set[object]] = web.AppKey("clients")
PERIOD: web.AppKey[float] = web.AppKey("period")


def page_files() -> dict[str, bytes]:
    """Return the files of the page by path."""
    return dict(_below(files("streams.web").joinpath("page"), ""))


def _below(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _below(one, f"{path}{one.name}/")
        elif one.name.rpartition(".")[2] in _TYPES:
            found.append((f"{path}{one.name}", one.read_bytes()))
    return found


def dashboard(views: Mapping[str, Parts], period_seconds: float = PERIOD_SECONDS) -> web.Application:
    """Return the application which shows *views*, and tells pages what has changed once a period."""
    app = web.Application(middlewares=[_for_this_machine])
    app[VIEWS], app[ENDING], app[CLIENTS], app[PERIOD] = views, asyncio.Event(), set(), period_seconds
    for path, content in page_files().items():
        app.router.add_get("/" if path == "index.html" else f"/{path}", _file(path, content))
    app.router.add_get("/favicon.ico", _no_icon)
    app.router.add_get("/data/{view}", _data)
    app.router.add_get("/events", _events, allow_head=False)
    app.on_shutdown.append(_end)
    return app


@web.middleware
async def _for_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer those only who ask by a name of this machine: a page elsewhere may have a name which leads here."""
    if request.url.host not in {"127.0.0.1", "localhost", "::1"}:
        return web.Response(status=403, text="this page is for 127.0.0.1 or localhost only\n", headers=HEADERS)
    return await handler(request)


def _file(path: str, content: bytes) -> Handler:
    kind = _TYPES[path.rpartition(".")[2]]

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=HEADERS)

    return show


async def _no_icon(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _end(app: web.Application) -> None:
    app[ENDING].set()


async def _data(request: web.Request) -> web.Response:
    views, name = request.app[VIEWS], request.match_info["view"]
    if name not in views:
        text = f"there is no view {name[:60]!r}; there are {', '.join(views)}\n"
        return web.Response(status=404, text=text, headers=HEADERS)
    return web.Response(
        body=b'{"now_ms":%d,"parts":%b}' % (_now_ms(), views[name].json),
        content_type="application/json",
        headers=HEADERS,
    )


async def _events(request: web.Request) -> web.StreamResponse:
    clients, client = request.app[CLIENTS], object()
    if len(clients) >= MOST_CLIENTS:
        return web.Response(status=503, text=f"there are {MOST_CLIENTS} pages open already\n", headers=HEADERS)
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
    clients.add(client)
    try:
        with suppress(ConnectionError, TimeoutError):  # whoever looked has gone, or takes nothing
            await response.prepare(request)
            await _keep_telling(request.app, response)
    finally:
        clients.discard(client)
    return response


async def _keep_telling(app: web.Application, response: web.StreamResponse) -> None:
    """Tell what has changed since this client was told last; a slow one gets less often what is newest."""
    views, ending = app[VIEWS], app[ENDING]
    seen: dict[str, dict[str, int]] = {name: {} for name in views}
    silent = _CLOCK_PERIODS
    while not ending.is_set():
        told = {name: change for name, parts in views.items() if (change := parts.changes(seen[name])) is not None}
        silent = 0 if told else silent + 1
        if told or silent >= _CLOCK_PERIODS:
            silent = 0
            changes = b",".join(b'"%b":%b' % (name.encode(), change) for name, change in told.items())
            event = b'data: {"now_ms":%d,"views":{%b}}\n\n' % (_now_ms(), changes)
            await asyncio.wait_for(response.write(event), _PATIENCE_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), app[PERIOD])


def _now_ms() -> int:
    return int(time.time() * 1000)
