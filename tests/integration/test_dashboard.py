"""The dashboard over a real broker, real workers and an api: what its views say is what the topics and the api say."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
import yaml
from click.testing import CliRunner

from monitors.rollout_plan import plan_of
from schemas.records import ControlAction, EventKind, MatchEvent, Side
from streams.cli import main
from streams.control.asking import Wish, ask
from streams.dashboard.service import DashboardService, Pause
from streams.dashboard.words import Words
from streams.patient_registry import patient_registry
from streams.playing.crew import port_near
from streams.registering import register_all
from streams.rollouts.trials import first_wish
from streams.web.dashboard_server import DashboardServer
from tests.integration.test_model_control import CHALLENGER, CHAMPION, MODEL, ended, kick_off
from tests.integration.test_predict_role import goal, scheduled
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.integration

NOW_MS = 1_668_960_000_000
PLAN = """
windowHours: 0.001
steps:
  - {stage: shadow, minMatches: 12}
  - {stage: canary, percent: 100, minMatches: 1000}
checks:
  logLoss: {margin: 0.5, clip: 0.5}
  p99Seconds: {limit: 100, minSamples: 1}
"""


def asked(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback
        return json.load(answer)


@pytest.fixture
def page(world: World) -> Iterator[DashboardServer]:
    quick = Pause(ends=0.5, lags=0.5, groups=0.5, schemas=1.0, rollouts=0.5)
    server = DashboardServer(
        lambda: DashboardService(
            world.settings, 1.0, lambda: Words("Here"), plan_of(yaml.safe_load(PLAN), "plan"), quick
        ),
        ("127.0.0.1", port_near(0)),
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
    assert {"predictions": 5 * 3} == {"predictions": parts("models")["seen"][0]["predictions"]}
    assert all(one["problem"] is None for name, one in stream.items() if name.startswith("source:"))
    assert "Here" == parts("page")["words"]["title"]


def test_a_roll_out_and_what_is_served_are_what_the_commands_tell(world, page, monkeypatch):
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)
    file = world.folder / "plan.yaml"
    file.write_text(PLAN)
    plan = plan_of(yaml.safe_load(PLAN), "plan")

    def commanded(*words: str) -> str:
        return CliRunner().invoke(main, list(words)).output

    def parts(view: str) -> dict:
        return asked(f"{page.url}data/{view}")["parts"]

    def status() -> dict:
        return json.loads(commanded("rollout", "status", "--plan", str(file), "--json"))

    def sequence(found: dict) -> list[dict]:
        return [one for name in sorted(found) if name.startswith("sequence:") for one in found[name]]

    world.worker("predict")
    wait_for(lambda: parts("models")["serving"]["workers"] != [], 60, world.said)
    assert parts("rollouts")["standing"] is None
    ask(world.settings, MODEL, lambda _: first_wish(plan, CHAMPION, CHALLENGER), "a test")
    names = [f"r{number}" for number in range(24)]
    world.send("match-events", *map(scheduled, names), *map(kick_off, names))
    world.send("match-events", *(goal(name, minute) for name in names for minute in (10, 20)), *map(ended, names))

    # Nobody asks for the step that follows, so that both stay where they are.
    def passed() -> bool:
        standing = parts("rollouts")["standing"]  # none until the page has read what was asked for
        return standing is not None and standing["steps"][0]["state"] == "PASSED"

    wait_for(passed, 60, lambda: str(parts("rollouts")))
    shown, told = parts("rollouts"), status()
    windows = told.pop("windows")
    assert told == shown["standing"]
    assert windows[-1] == shown["last"]
    assert {"logLoss", "p99Seconds"} == {one["name"] for one in windows[-1]["checks"]}
    assert 24 == windows[-1]["difference"]["matches"]
    assert [{name: one[name] for name in ("until_ms", "step", "verdict", "difference")} for one in windows] == sequence(
        shown
    )

    # The step is served: windows go on where they had stopped, and what was told before stays.
    ask(world.settings, MODEL, lambda _: first_wish(plan, CHAMPION, CHALLENGER, 1), "further")
    wait_for(lambda: len(sequence(parts("rollouts"))) > len(windows) + 1, 60, lambda: str(parts("rollouts")))
    later, known = sequence(parts("rollouts")), {one["until_ms"]: one["difference"] for one in status()["windows"]}
    assert sequence(shown) == later[: len(windows)]
    assert [one["difference"] for one in later] == [known[one["until_ms"]] for one in later]

    wait_for(lambda: parts("models")["serving"]["done"], 60, world.said)
    serving = json.loads(commanded("model", "status", "--json"))
    assert serving == {name: parts("models")["serving"][name] for name in serving}
    ask(world.settings, MODEL, lambda _: Wish(ControlAction.ROLLBACK, CHAMPION), "enough")
    wait_for(lambda: parts("rollouts")["standing"] is None, 30, lambda: str(parts("rollouts")))
    wait_for(lambda: parts("models")["serving"]["challenger"] is None, 30, world.said)
    history = [json.loads(line) for line in commanded("model", "history", "--json").splitlines()]
    assert ["enough", "further", "a test"] == [one["why"] for one in parts("models")["changes"]]
    assert history[::-1] == parts("models")["changes"]
