import asyncio

from streams.brokers import BrokerError
from streams.dashboard.source import Source
from tests.streams.api.matches import FakeReader


class FakeFollower(FakeReader):
    topic = "p-predictions"


class FakeReading:
    """A topic of one partition; the brokers know it from the third question on."""

    def __init__(self) -> None:
        self.follower = FakeFollower(end=5, read=5)
        self.asked = 0

    async def start(self, _since_ms: int) -> None:
        self.asked += 1
        if self.asked < 3:
            raise BrokerError("there is no topic p-predictions; create it with: touchline topics create")

    async def stop(self) -> None: ...


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the source tells nobody
            await asyncio.sleep(0.001)


async def test_a_topic_that_is_not_there_and_brokers_that_go_and_return_are_told_and_waited_for():
    reading, ended, now = FakeReading(), [], [100.0]
    source = Source(reading, 7, 0.001, lambda: ended.append(True), lambda: now[0], retry_seconds=0.001)
    task = asyncio.create_task(source.run())

    await until(lambda: reading.asked == 2)
    assert "there is no topic" in (source.problem or "")
    await until(lambda: source.problem is None)
    assert {
        "topic": "p-predictions",
        "since_ms": 7,
        "as_of_ms": 100_000,
        "behind": 0,
        "problem": None,
    } == source.as_json()

    reading.follower.away = BrokerError("away")
    now[0] = 200.0
    await until(lambda: source.problem is not None)
    assert (100_000, None) == (source.as_json()["as_of_ms"], source.as_json()["behind"])

    reading.follower.away = None
    await until(lambda: source.problem is None)
    assert 200_000 == source.as_json()["as_of_ms"]
    assert [True] == ended
    task.cancel()


async def test_a_reading_that_has_ended_is_told():
    reading = FakeReading()
    reading.asked, reading.follower.error = 5, ValueError("broken")
    source = Source(reading, 0, 0.001, retry_seconds=0.001)
    task = asyncio.create_task(source.run())

    reading.follower.read = 0
    await until(lambda: "broken" in (source.problem or ""))
    task.cancel()
