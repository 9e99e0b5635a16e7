import asyncio

import pytest

from streams.api.standing import Standing
from streams.brokers import BrokerError
from tests.streams.api.matches import FakeReader


def standing_of(reader):
    now = [100.0]
    return Standing(reader, lambda: now[0]), now


async def test_all_is_known_up_to_the_moment_when_the_end_was_asked_for():
    reader = FakeReader(end=5, read=5)
    standing, now = standing_of(reader)
    await standing.look()
    now[0] = 101.0

    assert b'{"as_of_ms":100000,"behind":0' == standing.json
    await standing.look()
    assert (101_000, 0) == (standing.as_of_ms, standing.behind)


async def test_with_records_that_never_stop_the_moment_moves_on_all_the_same():
    reader = FakeReader()
    standing, now = standing_of(reader)
    found = []
    for second in range(5):
        now[0], reader.end, reader.read = 100.0 + second, 10 * second + 10, 10 * second + 3
        await standing.look()
        found.append((standing.as_of_ms, standing.behind))

    # At 101 all that was there at 100 was read to 13, past its end at 10; at 102 all that was there at 101, and so on.
    assert [(None, 7), (100_000, 7), (101_000, 7), (102_000, 7), (103_000, 7)] == found


async def test_who_falls_behind_says_so_and_of_which_moment_the_answers_are():
    reader = FakeReader(end=5, read=5)
    standing, now = standing_of(reader)
    await standing.look()
    for second in range(1, 4):
        now[0], reader.end = 100.0 + second, 5 + 100 * second
        await standing.look()

    assert (100_000, 300) == (standing.as_of_ms, standing.behind)


async def test_without_brokers_nobody_knows_how_far_behind_it_is():
    reader = FakeReader(end=5, read=5)
    standing, now = standing_of(reader)
    await standing.look()
    now[0], reader.away = 105.0, BrokerError("no broker answers")
    await standing.look()

    assert b'{"as_of_ms":100000,"behind":null' == standing.json
    reader.away = None
    await standing.look()
    assert (105_000, 0) == (standing.as_of_ms, standing.behind)


async def test_a_topic_made_anew_or_grown_is_unread_until_its_reader_has_begun_again():
    reader = FakeReader(end=5, read=5)
    standing, now = standing_of(reader)
    await standing.look()
    now[0], reader.changed = 101.0, True
    await standing.look()

    assert (100_000, 5) == (standing.as_of_ms, standing.behind)


async def test_ready_is_when_all_that_was_there_at_the_start_has_been_read():
    reader = FakeReader(end=5)
    standing, _ = standing_of(reader)
    reading = asyncio.create_task(standing.read_to_the_end())
    while standing.behind is None:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0)
    assert (5, None) == (standing.behind, standing.as_of_ms)
    reader.end, reader.read = 9, 5
    await reading

    assert (100_000, 0) == (standing.as_of_ms, standing.behind)


async def test_a_reader_that_fell_is_an_error():
    reader = FakeReader(end=5, error=OSError("no memory"))
    standing, _ = standing_of(reader)

    for doing in (standing.look(), standing.read_to_the_end()):
        with pytest.raises(RuntimeError, match="predictions are not read any more: no memory"):
            await doing
