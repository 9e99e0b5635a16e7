"""Work of threads that is not left half done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of *work*, which runs in a thread; when cancelled, wait for its end first.

    A thread cannot be cancelled, and librdkafka's clients must not be closed while one still asks by them.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
