"""The page's memory: hours of samples told to a page in Chromium, faster than they would come, view after view."""

import asyncio
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from playwright.sync_api import CDPSession, Page
from rich.console import Console
from rich.table import Table

from monitors.latency import LatencyWindow
from schemas.records import PartialKind
from streams.dashboard.matches import MatchesView
from streams.dashboard.parts import Shown
from streams.dashboard.service import VIEWS
from streams.monitoring.merging import Counts, Parsed
from streams.playing.crew import port_near
from streams.web.dashboard_server import DashboardServer
from tests.chromium import browser
from tests.streams.api.matches import known, predicted
from tests.streams.web.canned import NOW_MS, Shows, everything, latency, letters, members, pace, partial, sample
from tests.streams.web.canned_rollouts import rollout

STEP_MS: Final = 2_000  # between two samples, as when it is served
PERIOD_SECONDS: Final = 0.02
MATCHES: Final = 12
COURSE: Final = 100  # minutes from one set of matches to the next
OPENED: Final = tuple(name for name in VIEWS if name != "page")
MB: Final = 2**20
_A_MINUTE: Final = 60_000 // STEP_MS
_AN_HOUR: Final = 60 * _A_MINUTE


class Hours(Shows):
    """Tells a sample after the other, up to the one it is let go to; a minute brings windows and predictions, too."""

    def __init__(self) -> None:
        super().__init__(everything())
        self._pace, self._latency, self._matches = pace(0), latency(), MatchesView()
        self._letters = letters()
        self._chance = np.random.default_rng(1)
        self.told, self.until = 0, 0
        self.reached = threading.Event()

    def let(self, samples: int) -> None:
        """Tell so many samples, and return when that is done."""
        self.reached.clear()
        self.until += samples
        self.reached.wait()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            if self.told < self.until:
                self._tell()
            else:
                self.reached.set()
            for name, parts in self._now().items():
                self.views[name].show({**parts, **self._current(name, parts, int(time.time() * 1000))})
            await asyncio.sleep(PERIOD_SECONDS)

    def _tell(self) -> None:
        self.told += 1
        sample(self._pace, self.told, STEP_MS)
        if self.told % _A_MINUTE == 0:
            self._minute(self.told // _A_MINUTE)

    def _minute(self, minute: int) -> None:
        window = LatencyWindow()
        window.update_many({"total": self._chance.gamma(2, 0.01, 200)})
        counted = partial(Counts(window, 0), PartialKind.LATENCY, NOW_MS + minute * 60_000, 60_000)
        self._latency.windows.count([Parsed.of(counted)])
        for number in range(MATCHES):
            home, draw, away = self._chance.dirichlet((4, 2, 3)).tolist()
            name = f"match {number} of {minute // COURSE}"
            one = predicted(name, minute, minute=minute % COURSE, home=home, draw=draw, away=away)
            self._matches.predicted([known(one)])
        if minute % 15 == 0:
            self.shown["rollouts"] = rollout(minute // 15).shown()

    def _now(self) -> dict[str, Shown]:
        stream = {**self._pace.shown(), **self._latency.shown(), **self._letters.shown(), **members()}
        return {**self.shown, "stream": stream, "matches": self._matches.shown()}


def measured(page: Page, devtools: CDPSession) -> dict[str, float]:
    """Return what the page holds after a collection: megabytes of its heap and of what lies behind it, and nodes."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(200)
    heap, nodes = devtools.send("Runtime.getHeapUsage"), devtools.send("Memory.getDOMCounters")
    used = heap["usedSize"] + heap.get("embedderHeapUsedSize", 0) + heap.get("backingStorageSize", 0)
    return {"memory_mb": round(used / MB, 2), "heap_mb": round(heap["usedSize"] / MB, 2), "nodes": nodes["nodes"]}


def hour_by_hour(page: Page, url: str, service: Hours, hours: int) -> list[dict[str, Any]]:
    """Return what the page held after each hour, all views opened in turn in each of them."""
    devtools = page.context.new_cdp_session(page)
    page.goto(url)
    found: list[dict[str, Any]] = []
    for hour in range(1, hours + 1):
        for view in OPENED:
            page.evaluate("(name) => { location.hash = name; }", view)
            service.let(_AN_HOUR // len(OPENED))
        page.wait_for_timeout(1_500)  # until all is drawn
        found.append({"hours": hour, **measured(page, devtools)})
    return found


@click.command()
@click.option("--hours", type=click.IntRange(2, 100), default=8, show_default=True, help="Of samples, told faster.")
@click.option("--limit", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Of the growth, in MB.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/page_memory.json"), show_default=True)
def main(*, hours: int, limit: float, out: Path) -> None:
    """Tell a page hours of samples by its server-sent events, and tell how its memory grew after the first hour.

    \b
    Example:
      python -m benchmarks.page_memory --hours 8
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if shutil.which("chromium") is None:
        raise click.ClickException("chromium is not installed (Debian: apt-get install chromium)")
    service, began = Hours(), time.monotonic()
    server = DashboardServer(lambda: service, ("127.0.0.1", port_near(0)), PERIOD_SECONDS)
    server.start()
    try:
        with browser() as chromium:
            page = chromium.new_context(viewport={"width": 1600, "height": 1000}).new_page()
            found = hour_by_hour(page, server.url, service, hours)
    finally:
        server.close()
    growth = round(max(one["memory_mb"] for one in found[1:]) - found[0]["memory_mb"], 2)
    told = {
        "growth_mb": growth, "samples": service.told, "seconds": round(time.monotonic() - began), "hours": found,
        "load": os.getloadavg()[0],
    }  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=2))
    table = Table(*found[0], title=f"{service.told:,} samples; growth after the first hour {growth} MB")
    for one in found:
        table.add_row(*map(str, one.values()))
    Console().print(table)
    raise SystemExit(growth > limit)


if __name__ == "__main__":
    main()
