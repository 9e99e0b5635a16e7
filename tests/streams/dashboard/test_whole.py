import asyncio
import threading

import pytest

from streams.dashboard.whole import whole


async def test_what_a_thread_does_is_finished_before_a_cancellation_goes_on():
    began, may_end, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        began.set()
        may_end.wait(10)
        ended.append(True)

    task = asyncio.create_task(whole(asyncio.to_thread(work)))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_later(0.01, may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [True] == ended


async def test_what_a_thread_finds_or_raises_is_handed_on():
    assert 3 == await whole(asyncio.to_thread(lambda: 3))
    with pytest.raises(ZeroDivisionError):
        await whole(asyncio.to_thread(lambda: 1 // 0))
