"""What `materialize` has written to Redis, for matches which are not in the index; a sick Redis is left alone."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.bounds import ImpossibleValueError, check_prediction
from schemas.plain_values import FieldError, from_json
from schemas.records import Prediction
from streams.api.figures import ApiFigures
from streams.materializing.breaker import Breaker
from streams.materializing.shelf import redis_key

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 0.25
_AT_ONCE = 8
_LONGEST = 65_535  # bytes; whoever left more there is not materialize


class SharedCache:
    """Asks Redis for the latest prediction of one match at a time, some questions at once at most.

    Args:
        url: Of Redis; ValueError when it is none.
        prefix: Stands before each key.
        figures: Where hits and misses are counted.
    """

    def __init__(self, url: str, prefix: str, figures: ApiFigures, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis: Any = Redis.from_url(
            url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS, retry_on_timeout=False
        )
        self._prefix, self._figures = prefix, figures
        self._breaker = Breaker(clock)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def latest(self, match_id: str) -> Prediction | None:
        """Return the latest prediction of a match; None where Redis has none, or fails."""
        async with self._turns:
            if not self._breaker.lets_through:
                self._figures.looked_up("held_back")
                return None
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    value = await self._redis.getrange(redis_key(self._prefix, match_id), 0, _LONGEST)
            except (RedisError, OSError, TimeoutError) as error:
                self._figures.looked_up("failed")
                if self._breaker.failed():
                    log.warning("redis.lost", error=type(error).__name__)
                return None
        if self._breaker.succeeded():
            log.info("redis.regained")
        found = _prediction(value, match_id)
        self._figures.looked_up("miss" if found is None else "hit")
        return found

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()


def _prediction(value: bytes, match_id: str) -> Prediction | None:
    """Return the prediction which materialize wrote; None for what somebody else left there."""
    try:
        fields = json.loads(value)
        fields.pop("log")
        found = from_json("prediction", fields)
        check_prediction(found)
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError, FieldError, ImpossibleValueError):
        return None
    return found if isinstance(found, Prediction) and found.match_id == match_id else None
