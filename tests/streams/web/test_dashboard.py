import asyncio
import base64
import hashlib
import json
import re
import urllib.request

import pytest
from aiohttp.test_utils import TestClient, TestServer

from streams.playing.crew import port_near
from streams.playing.scoreboard import MatchView, Snapshot
from streams.web.dashboard import DashboardServer, dashboard, dashboard_page, security_headers

SHOWN = Snapshot("World Cup", matches=[MatchView("m", "Ghana", "Togo")])


async def test_the_page_asks_for_nothing_but_its_events():
    async with TestClient(TestServer(dashboard(lambda: SHOWN))) as client:
        answer = await client.get("/")
        page = await answer.text()

    assert answer.status == 200
    assert re.findall(r"""(?:src|href)\s*=\s*["'][^"']""", page) == []
    assert not re.search(r"https?://|@import|url\(", page)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; connect-src 'self'")


def test_a_browser_runs_only_the_script_which_is_in_the_page():
    policy = security_headers(dashboard_page())["Content-Security-Policy"]
    script = dashboard_page().split("<script>")[1].split("</script>")[0]

    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert "unsafe" not in policy


async def test_events_come_at_once_and_again_when_something_has_changed():
    shown = [SHOWN]
    async with (
        TestClient(TestServer(dashboard(lambda: shown[0]))) as client,
        client.get("/events") as answer,
    ):
        first = await answer.content.readuntil(b"\n\n")
        shown[0] = Snapshot("another")
        second = await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)

    assert answer.content_type == "text/event-stream"
    assert json.loads(first.removeprefix(b"data: "))["matches"][0]["home_team"] == "Ghana"
    assert json.loads(second.removeprefix(b"data: "))["title"] == "another"


def test_the_server_ends_although_a_page_is_open():
    server = DashboardServer(lambda: SHOWN, ("127.0.0.1", port_near(0)))
    server.start()
    with urllib.request.urlopen(f"{server.url}events", timeout=5) as events:  # noqa: S310 - our own loopback
        assert events.readline().startswith(b"data: ")
        server.close()


def test_a_taken_port_is_an_error_of_the_start():
    first = DashboardServer(lambda: SHOWN, ("127.0.0.1", port_near(0)))
    first.start()
    second = DashboardServer(lambda: SHOWN, ("127.0.0.1", int(first.url.rstrip("/").rpartition(":")[2])))
    try:
        with pytest.raises(OSError, match="in use"):
            second.start()
    finally:
        first.close()
        second.close()
