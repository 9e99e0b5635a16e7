"""Limits which are asked for again before a record is refused."""

import pytest

from streams.engine.outbox import Message
from streams.engine.record_limits import RecordLimits


class Told:
    """A topic's limit, which somebody changes, and how often it was asked for."""

    def __init__(self, limit: float) -> None:
        self.limit, self.times = limit, 0

    async def __call__(self, _topic):
        self.times += 1
        return self.limit


@pytest.fixture(name="now")
def _now(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("streams.engine.record_limits.time.monotonic", lambda: now[0])
    return now


def of(size: int) -> Message:
    return Message("t", None, bytes(size))


async def test_a_limit_is_asked_for_once_and_again_before_a_refusal_when_it_is_old(now):
    told = Told(of(100).batch_bytes)
    limits = RecordLimits(told)

    assert [False, True] == [await limits.refuse(of(100)), await limits.refuse(of(101))]
    assert 1 == told.times
    now[0] += 60
    assert not await limits.refuse(of(50))
    assert 1 == told.times
    told.limit = of(300).batch_bytes
    assert not await limits.refuse(of(200))
    assert 2 == told.times


async def test_a_refusal_teaches_what_nobody_tells(now):
    limits = RecordLimits(Told(float("inf")))
    assert not await limits.refuse(of(500))
    limits.learn([of(500), of(400)])

    assert [False, True] == [await limits.refuse(of(399)), await limits.refuse(of(400))]
    now[0] += 60
    assert not await limits.refuse(of(500))
