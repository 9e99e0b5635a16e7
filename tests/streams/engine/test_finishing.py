import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from streams.engine.finishing import AtLeastOnce, Batch, together
from streams.engine.outbox import Delivery, Message
from streams.engine.slices import Slice


class Outbox:
    def __init__(self):
        self.written = []
        self.second = asyncio.Event()

    async def deliver(self, messages):
        self.written.append(messages)
        if len(self.written) == 2:
            self.second.set()
        return Delivery()


async def no_letters(_refused):
    return []


@pytest.fixture(name="outbox")
def _outbox():
    return Outbox()


@pytest.fixture(name="finisher")
def _finisher(outbox):
    return AtLeastOnce(SimpleNamespace(), outbox, no_letters, lambda _outputs: None, 0.3)


def batch(offset: int) -> Batch:
    return Batch([Message("out", b"k", b"v", 0)], {0: {b"k": b"v"}}, {("in", 0): offset})


async def test_batches_are_gathered_until_it_is_time_to_finish_some(finisher):
    handed_on = asyncio.Queue()
    for offset in (1, 2):
        handed_on.put_nowait(batch(offset))
    first = await finisher.gather(handed_on, 100)
    later = asyncio.create_task(finisher.gather(handed_on, 100))
    for offset in (3, 4):
        await handed_on.put(batch(offset))
        await asyncio.sleep(0)

    assert [[1, 2], [3, 4]] == [[one.reached["in", 0] for one in found] for found in (first, await later)]


async def test_no_more_batches_are_gathered_than_brokers_take_at_once(finisher):
    finisher.interval = 600
    handed_on = asyncio.Queue()
    handed_on.put_nowait(batch(0))
    await finisher.gather(handed_on, 100)  # the next ones are not due for long
    records = [SimpleNamespace(offset=offset) for offset in range(40)]
    for _ in range(4):
        handed_on.put_nowait(replace(batch(1), pieces=[Slice("in", 0, 1, records, 0)]))

    assert 3 == len(await finisher.gather(handed_on, 100))


async def test_outputs_go_out_while_batches_wait_to_be_finished(finisher, outbox):
    finisher.interval = 600
    handed_on = asyncio.Queue()
    handed_on.put_nowait(finisher.begin(batch(1)))
    await finisher.gather(handed_on, 100)
    handed_on.put_nowait(finisher.begin(batch(2)))
    waiting = asyncio.create_task(finisher.gather(handed_on, 100))
    await outbox.second.wait()

    assert (2, False) == (len(outbox.written), waiting.done())
    waiting.cancel()


def test_states_written_together_come_in_the_order_of_their_last_writing():
    first = Batch([], {0: {b"part 1": b"a", b"head": b"of 1"}}, {})
    second = Batch([], {0: {b"part 2": b"b", b"head": b"of 1 and 2"}}, {})

    changes = together([first, second]).changes

    assert [(b"part 1", b"a"), (b"part 2", b"b"), (b"head", b"of 1 and 2")] == [*changes[0].items()]
    assert {0: {b"part 1": b"a", b"head": b"of 1"}} == first.changes
