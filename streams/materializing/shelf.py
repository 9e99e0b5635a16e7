"""The latest prediction of each match on its way to Redis: one round trip for all that wait, no loss to an outage."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from schemas.plain_values import to_json
from schemas.records import Prediction
from streams.materializing.breaker import Breaker

log = structlog.get_logger(__name__)

MOST_WAITING = 50_000
_ROUND_TRIP = 2_000
_PATIENCE_SECONDS = 1.0
_RETRY_SECONDS = 0.25

# The newest wins, whoever writes: an old worker that was only asleep does not bring an older prediction back. Of a
# topic made anew (another id), or where the match has moved to another partition, anything is newer.
_PUT_IF_NEWER = """
local known = redis.call('GET', KEYS[1])
if known then
  local good, value = pcall(cjson.decode, known)
  local log = good and type(value) == 'table' and value['log']
  if type(log) == 'table' and log['topic_id'] == ARGV[2] and tonumber(log['partition']) == tonumber(ARGV[3])
    and tonumber(log['offset']) > tonumber(ARGV[4]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prediction stands in its log; of a match, the highest offset is the latest."""

    topic_id: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    prediction: Prediction
    place: Place
    since: float


class ShelfFigures:
    """What the shelf shows to Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge("touchline_redis_up", "0 while Redis fails and is only probed.", registry=registry)
        self.up.set(1)
        self.waiting = Gauge("touchline_redis_waiting_matches", "Matches not written yet.", registry=registry)
        self._writes = Counter(
            "touchline_redis_writes", "Predictions by what became of them: written, older, replaced or shed.",
            ["result"], registry=registry,
        )  # fmt: skip
        self.failures = Counter("touchline_redis_failures", "Round trips that failed.", registry=registry)

    def writes(self, result: str, count: int) -> None:
        """Count predictions."""
        self._writes.labels(result).inc(count)


class Shelf:
    """Keeps the latest prediction of each match until Redis has it; starts and stops with its application.

    Args:
        url: Of Redis.
        prefix: Stands before each key.
        ttl_seconds: How long Redis keeps a match; what has waited longer is shed, since it would be gone by now.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        ttl_seconds: int,
        figures: ShelfFigures,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis: Any = Redis.from_url(
            url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
        )
        self._prefix, self._ttl = prefix, ttl_seconds
        self._figures = figures
        self._clock = clock
        self._breaker = Breaker(clock)
        self._waiting: dict[str, _Waiting] = {}
        self._digest: str | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to retry what could not be written."""
        self._task = asyncio.create_task(self._retry())

    async def stop(self) -> None:
        """End; what waits is read again by whoever comes next, since its offsets are not committed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()

    def put(self, prediction: Prediction, place: Place) -> None:
        """Let *prediction* wait in place of an earlier one of its match."""
        earlier = self._waiting.pop(prediction.match_id, None)
        if earlier is not None:
            self._figures.writes("replaced", 1)
        self._waiting[prediction.match_id] = _Waiting(prediction, place, self._clock())
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self._figures.writes("shed", 1)

    @property
    def waiting(self) -> set[int]:
        """Return the partitions of which something is not in Redis yet."""
        return {one.place.partition for one in self._waiting.values()}

    async def flush(self) -> None:
        """Write what waits, unless Redis is away; never raises for that."""
        async with self._turn:
            self._shed_old()
            while self._waiting and self._breaker.lets_through:
                batch = dict(islice(self._waiting.items(), _ROUND_TRIP))
                if not await self._write(batch):
                    break
        self._figures.waiting.set(len(self._waiting))

    def _shed_old(self) -> None:
        limit = self._clock() - self._ttl
        old = [match_id for match_id, one in self._waiting.items() if one.since < limit]
        for match_id in old:
            del self._waiting[match_id]
        self._figures.writes("shed", len(old))

    async def _write(self, batch: Mapping[str, _Waiting]) -> bool:
        try:
            results = await self._round_trip(batch)
        except (RedisError, OSError, TimeoutError) as error:
            self._figures.failures.inc()
            if self._breaker.failed():
                self._figures.up.set(0)
                log.warning("redis.lost", error=type(error).__name__, waiting=len(self._waiting))
            return False
        if self._breaker.succeeded():
            self._figures.up.set(1)
            log.info("redis.regained", waiting=len(self._waiting))
        for match_id, one in batch.items():
            if self._waiting.get(match_id) is one:  # else a later one came meanwhile
                del self._waiting[match_id]
        written = sum(map(int, results))
        self._figures.writes("written", written)
        self._figures.writes("older", len(batch) - written)
        return True

    async def _round_trip(self, batch: Mapping[str, _Waiting]) -> list[Any]:
        for _ in range(2):
            if self._digest is None:
                self._digest = await self._redis.script_load(_PUT_IF_NEWER)
            try:
                return await self._evaluate(batch, self._digest)
            except NoScriptError:  # Redis was started anew
                self._digest = None
        raise RedisError("Redis forgets a script as soon as it has it")

    async def _evaluate(self, batch: Mapping[str, _Waiting], digest: str) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for match_id, one in batch.items():
                place = one.place
                key = redis_key(self._prefix, match_id)
                where = (place.topic_id, str(place.partition), str(place.offset))
                pipeline.evalsha(digest, 1, key, _value(one), *where, str(self._ttl))
            found: list[Any] = await pipeline.execute()
            return found

    async def _retry(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            if self._waiting:
                await self.flush()


def redis_key(prefix: str, match_id: str) -> str:
    """Return under which key the latest prediction of a match is, as JSON with its place in the log."""
    return f"{prefix}pred:{match_id}"


def _value(one: _Waiting) -> str:
    place = one.place
    where = {"topic_id": place.topic_id, "partition": place.partition, "offset": place.offset}
    return json.dumps({**to_json(one.prediction), "log": where}, separators=(",", ":"))
