"""The dashboard over a real broker, real workers and an api: what its views say is what the topics and the api say."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from schemas.records import EventKind, MatchEvent, Side
from streams.dashboard.service import DashboardService, Pause
from streams.dashboard.words import Words
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.registry import register_all
from streams.web.dashboard_server import DashboardServer
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.integration

NOW_MS = 1_668_960_000_000


def asked(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback
        return json.load(answer)


@pytest.fixture
def page(world: World) -> Iterator[DashboardServer]:
    quick = Pause(ends=0.5, lags=0.5, groups=0.5, schemas=1.0)
    server = DashboardServer(
        lambda: DashboardService(world.settings, 1.0, lambda: Words("Here"), quick), ("127.0.0.1", port_near(0))
    )
    server.start()
    yield server
    server.close()


def course(match: str) -> list[MatchEvent]:
    """Return a match up to its goal in the 16th minute; the one before it is struck off."""
    scheduled = MatchEvent(
        "s", match, EventKind.SCHEDULED, NOW_MS, home_team="Brazil", away_team="Argentina", competition="Friendly",
        neutral=False, kick_off_ms=NOW_MS,
    )  # fmt: skip
    return [
        scheduled,
        MatchEvent("k", match, EventKind.KICK_OFF, NOW_MS),
        MatchEvent("w", match, EventKind.GOAL, NOW_MS + 60_000, 1, Side.AWAY),
        MatchEvent("c", match, EventKind.CORRECTION, NOW_MS + 120_000, 2, corrects="w"),
        MatchEvent("g", match, EventKind.GOAL, NOW_MS + 960_000, 16, Side.HOME),
    ]


def test_the_views_say_what_the_topics_and_the_api_say(world, page):
    api_port = port_near(0)
    register_all(patient_registry(world.settings), world.settings.topic_prefix)
    world.send("match-events", *(event for number in range(3) for event in course(f"m{number}")))
    world.send_bytes("match-events", (b"m1", b"\x00\x00"))
    world.worker("predict", "api", api_port=api_port, api_host="127.0.0.1")
    world.wait_caught_up()

    def parts(view: str) -> dict:
        return asked(f"{page.url}data/{view}")["parts"]

    def latest() -> list[dict]:
        found = parts("matches")
        return [found[f"match:{name}"] for name in found["order"]]

    def from_the_api() -> list[dict]:
        return asked(f"http://127.0.0.1:{api_port}/matches?sort=swing")["matches"]

    wait_for(lambda: len(latest()) == 3 and latest() == from_the_api(), 30, world.said)
    wait_for(lambda: parts("stream")["letters"]["total"] == 1, 20, world.said)
    assert {(1, 0)} == {(one["prediction"]["home_score"], one["prediction"]["away_score"]) for one in latest()}
    assert [{"minute": 16, "kind": "GOAL", "side": "HOME"}] == parts("matches")["marks:m0"]

    stream, group = parts("stream"), world.settings.group("predict")
    assert ["TOO_SHORT"] == [one["cause"] for one in stream["letters"]["causes"]]
    (working,) = [one for one in stream["workers"]["groups"] if one["group"] == group]
    names = {topic: [0, 1, 2, 3] for topic in map(world.settings.topic, ("feature-events", "match-events"))}
    assert [("w0", names)] == [(one["name"], one["partitions"]) for one in working["members"]]
    wait_for(lambda: parts("stream")[f"lag:{group}"]["records_behind"] == 0, 20, world.said)
    assert 8 == len(parts("stream")[f"lag:{group}"]["partitions"])

    def written() -> tuple[object, ...]:
        found = parts("schemas")["subject:match-events"]
        versions = [one["version"] for one in found["written"] or () if one["version"]]
        return found["shipped"], versions, found["refused"]

    wait_for(lambda: written() == ([1, 2], [2], {"TOO_SHORT": 1}), 40, lambda: str(written()))
    assert {"predictions": 5 * 3} == {"predictions": parts("models")["versions"]["seen"][0]["predictions"]}
    assert all(one["problem"] is None for name, one in stream.items() if name.startswith("source:"))
    assert "Here" == parts("page")["words"]["title"]
