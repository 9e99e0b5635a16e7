import asyncio
import hashlib
import json
import re
import threading
import urllib.error
import urllib.request

import pytest
from aiohttp.test_utils import TestClient, TestServer

from streams.dashboard.parts import Parts
from streams.playing.crew import port_near
from streams.web.dashboard import MOST_CLIENTS, dashboard, page_files
from streams.web.dashboard_server import DashboardServer


class Silent:
    """A service with one view of one part, which fails when told so."""

    def __init__(self) -> None:
        self.views = {"page": Parts(), "matches": Parts()}
        self.views["matches"].show({"a": b"1"})
        self.fail = asyncio.Event()

    async def run(self) -> None:
        await self.fail.wait()
        raise ZeroDivisionError


@pytest.fixture
def views() -> dict[str, Parts]:
    return Silent().views


async def event(answer) -> dict:
    text = await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)
    return json.loads(text.removeprefix(b"data: "))


def test_no_file_of_the_page_names_anything_elsewhere():
    for path, content in page_files().items():
        text = content.decode()
        if "vendor" not in path:
            assert set(re.findall(r"https?://[^\s\"'`)/]+", text)) <= {"http://www.w3.org"}, path  # a name of SVG
            assert not re.search(r"""<script(?![^>]*src)|<style|\son\w+=|\sstyle=|@import|url\(http""", text), path


def test_what_is_vendored_is_what_was_published():
    files = page_files()
    told = re.findall(r"^([0-9a-f]{64})  (\S+)$", files["vendor/VERSIONS.txt"].decode(), re.MULTILINE)

    assert {"vendor/" + name for _, name in told} | {"vendor/VERSIONS.txt"} == {
        name for name in files if "vendor" in name
    }
    for digest, name in told:
        assert digest == hashlib.sha256(files["vendor/" + name]).hexdigest()


async def test_every_file_is_served_and_a_browser_runs_our_files_only(views):
    async with TestClient(TestServer(dashboard(views))) as client:
        for path in ("", *page_files()):
            answer = await client.get("/" + path if path != "index.html" else "/")
            policy = answer.headers["Content-Security-Policy"]

            assert (200, "nosniff") == (answer.status, answer.headers["X-Content-Type-Options"])
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy


async def test_the_data_of_a_view_are_its_parts_and_another_view_is_told_in_a_sentence(views):
    async with TestClient(TestServer(dashboard(views))) as client:
        answer, other = await client.get("/data/matches"), await client.get("/data/x<b>")
        data = await answer.json()

        assert {"a": 1} == data["parts"]
        assert (404, "there is no view 'x<b>'; there are page, matches\n") == (other.status, await other.text())
        assert "text/plain" == other.content_type


async def test_events_tell_all_at_once_and_then_what_has_changed(views):
    async with TestClient(TestServer(dashboard(views))) as client, client.get("/events") as answer:
        first = await event(answer)
        views["matches"].show({"b": b"2"})
        second = await event(answer)
        third = await event(answer)

    assert "text/event-stream" == answer.content_type
    assert {"matches": {"set": {"a": 1}, "drop": []}} == first["views"]
    assert {"matches": {"set": {"b": 2}, "drop": ["a"]}} == second["views"]
    assert {} == third["views"]  # the clock
    assert first["now_ms"] <= second["now_ms"] <= third["now_ms"]


async def test_no_more_than_so_many_pages_are_told_at_once(views):
    async with TestClient(TestServer(dashboard(views))) as client:
        opened = [await client.get("/events") for _ in range(MOST_CLIENTS)]
        refused = await client.get("/events")
        text = await refused.text()
        for one in opened:
            one.close()

    assert (503, f"there are {MOST_CLIENTS} pages open already\n") == (refused.status, text)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8470", "127.0.0.1.evil.example"])
async def test_a_page_elsewhere_whose_name_leads_here_gets_nothing(views, host):
    async with TestClient(TestServer(dashboard(views))) as client:
        answer = await client.get("/data/matches", headers={"Host": host})

    assert 403 == answer.status


def served(make) -> DashboardServer:
    server = DashboardServer(make, ("127.0.0.1", port_near(0)))
    server.start()
    return server


def test_the_server_ends_although_a_page_is_open():
    server = served(Silent)
    with urllib.request.urlopen(f"{server.url}events", timeout=5) as events:  # noqa: S310 - our own loopback
        assert events.readline().startswith(b"data: ")
        server.close()


def test_a_service_that_fails_says_so_on_the_page_and_the_page_stays(capsys):
    service = Silent()
    server = served(lambda: service)
    with urllib.request.urlopen(f"{server.url}events", timeout=5) as events:  # noqa: S310 - our own loopback
        events.readline()
        server._loop.call_soon_threadsafe(service.fail.set)
        told = b"".join(events.readline() for _ in range(3))
    server.close()

    assert b"the dashboard does not read any more" in told
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_taken_port_is_an_error_of_the_start(monkeypatch):
    loop_closed, joined = threading.Event(), threading.Event()

    def ending_when_joined(serving, run=asyncio.run):
        run(serving)
        loop_closed.set()
        joined.wait(timeout=10)  # closed loop, live thread: what close() met by chance

    monkeypatch.setattr("streams.web.dashboard_server.asyncio.run", ending_when_joined)
    first = served(Silent)
    second = DashboardServer(Silent, ("127.0.0.1", int(first.url.rstrip("/").rpartition(":")[2])))
    join = second._thread.join
    monkeypatch.setattr(second._thread, "join", lambda: (joined.set(), join()))
    try:
        with pytest.raises(OSError, match="in use"):
            second.start()
        assert loop_closed.wait(timeout=10)
    finally:
        second.close()
        first.close()
