"""Predictions in, answers out: over a real broker, which loses its topic, and a Redis, which falls."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from schemas.records import TeamEvent, TeamEventKind
from streams.admin import Admin
from tests.integration.test_materialize_role import NOW_MS, RealRedis, predicted
from tests.integration.world import wait_for

pytestmark = pytest.mark.integration


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def server(tmp_path):
    made = RealRedis(tmp_path, free_port())
    made.start()
    yield made
    made.kill()


def asking(port: int):
    def ask(path: str):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    return ask


def latest(ask, match: str) -> str | None:
    found = ask(f"/matches/{match}")
    return found["match"]["prediction"]["prediction_id"] if "match" in found else None


def scheduled(match: str) -> TeamEvent:
    return TeamEvent("s", match, TeamEventKind.SCHEDULED, NOW_MS, NOW_MS, "Friendly", "Brazil", "Argentina", False)  # noqa: FBT003 - neutral


def test_what_is_predicted_is_answered_also_after_the_topic_grew_or_was_made_anew_and_redis_fell(world, server):
    world.send("team-events", scheduled("m0"))
    world.send("predictions", *(predicted(f"m{number % 20}", number, NOW_MS + number) for number in range(500)))
    world.send_bytes("predictions", (b"m1", b"\x00\x00"))
    port = free_port()
    worker = world.worker("materialize", "api", redis_url=server.url, api_port=port, api_matches=10)
    ask = asking(port)

    assert 10 == len(ask("/matches")["matches"])
    assert ("m19-499", 0) == (latest(ask, "m19"), ask("/healthz")["behind"])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/live?match=m0", timeout=30) as live:
        assert b": here it begins\n" == live.readline()
        world.send("predictions", predicted("m0", 500, NOW_MS + 500))
        lines = [live.readline() for _ in range(4)]
    assert b"event: prediction\n" in lines
    assert b'"prediction_id":"m0-500"' in lines[-1]
    assert "Brazil" == ask("/matches/m0")["match"]["home_team"]

    wait_for(lambda: latest(ask, "m5") == "m5-485", 20, world.said)
    assert "redis" == ask("/matches/m5")["source"]
    server.kill()
    assert latest(ask, "m5") is None
    assert "m0-500" == latest(ask, "m0")

    admin = Admin(world.settings)
    topic = world.settings.topic("predictions")
    admin.grow_topics([topic], 7)
    wait_for(lambda: "predictions.changed" in world.said(), 20, world.said)
    world.send("predictions", *(predicted(f"n{number}", number, NOW_MS + 1000 + number) for number in range(10)))
    wait_for(lambda: {f"n{n}-{n}" for n in range(10)} == {latest(ask, f"n{n}") for n in range(10)}, 20, world.said)

    admin.delete_topics([topic])
    wait_for(lambda: ask("/healthz")["behind"] is None, 20, world.said)
    assert "n9-9" == latest(ask, "n9")
    admin.create_topics()
    world.send("predictions", predicted("n9", 10, NOW_MS + 2000))
    wait_for(lambda: latest(ask, "n9") == "n9-10", 30, world.said)
    assert (
        'touchline_api_records_refused_total{cause="TOO_SHORT",role="api",topic="predictions"} 1.0'
        in worker.get("/metrics")[1]
    )


def test_an_api_that_falls_is_started_again_and_has_read_everything_before_it_is_ready(world):
    world.send("predictions", *(predicted(f"m{number % 20}", number) for number in range(100)))
    port = free_port()
    worker = world.worker("api", api_port=port)
    worker.kill_child("api")
    wait_for(lambda: worker.get("/readyz")[0] == 503, 10, worker.said)
    worker.wait_ready()

    assert {f"m{one}-{80 + one}" for one in range(20)} == {latest(asking(port), f"m{one}") for one in range(20)}
    assert 0 == worker.stop()
    assert "role.stopped" in worker.said()


def test_what_would_answer_everybody_or_on_a_taken_port_is_refused_in_one_sentence(world):
    open_to_all = world.worker("api", wait=False, api_host="0.0.0.0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = world.worker("api", wait=False, api_port=taken.getsockname()[1])
        codes = [one.process.wait(60) for one in (open_to_all, other)]

    assert [3, 3] == codes
    assert "the api would answer everybody at 0.0.0.0: set TOUCHLINE_API_TOKEN" in open_to_all.said()
    assert "cannot be listened on" in other.said()
    assert "Traceback" not in world.said()
