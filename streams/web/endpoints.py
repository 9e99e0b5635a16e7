"""`/metrics`, `/healthz` and `/readyz` of one process."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

Text = Callable[[], Awaitable[bytes]]
Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a process tells about itself.

    Attributes:
        metrics: Exposition in Prometheus' text format.
        sick: Why the process is not alive; None when it is.
        unready: Why it takes no events yet; None when it does.
    """

    metrics: Text
    sick: Check
    unready: Check

    def application(self) -> web.Application:
        """Return the web application which answers."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        return app

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self.metrics(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _healthz(self, _request: web.Request) -> web.Response:
        return await _answer(self.sick)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return await _answer(self.unready)


async def _answer(check: Check) -> web.Response:
    reason = await check()
    if reason is None:
        return web.Response(text="ok\n")
    return web.Response(status=503, text=f"{reason}\n")


async def serve(app: web.Application, where: Path | tuple[str, int], **options: Any) -> web.AppRunner:
    """Serve *app* at a socket's path or at host and port, with *options* of aiohttp's; the caller cleans up."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, **options)
    await runner.setup()
    if isinstance(where, Path):
        await web.UnixSite(runner, str(where)).start()
    else:
        await web.TCPSite(runner, *where).start()
    return runner
