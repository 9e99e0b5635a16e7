"""The api role in its process: what it is made of, and how it starts, looks after itself and stops."""

import asyncio
import ipaddress
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, generate_latest

from features.feature_sets import FEATURE_SETS
from schemas.bounds import check_prediction
from schemas.codec import Codec
from schemas.records import Prediction, TeamEvent
from streams.admin import Admin
from streams.api.answers import HTTP_LIMITS
from streams.api.cache import SharedCache
from streams.api.explaining import Explainer
from streams.api.feed import Feed
from streams.api.figures import ApiFigures
from streams.api.fixtures import FIXTURE_HOURS, check_names, fixture_of
from streams.api.handlers import Api
from streams.api.index import Fixture, Limits, MatchIndex
from streams.api.known import Known, known_of
from streams.api.live import LiveHub
from streams.api.standing import Standing
from streams.bundles import bundle_of
from streams.inputs import describe_inputs
from streams.intake import Reader
from streams.learning import SchemaBook
from streams.registry import registry_of
from streams.settings import Settings
from streams.stopping import RefusedError
from streams.web.endpoints import Endpoints, serve

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000
_GATHER_MS = 15  # a record that comes alone is answered from so much later, at a third of the CPU


class ApiService:
    """The api of one process; asks brokers and registry when it is made.

    Raises:
        RefusedError: It must not listen there, or Redis is not named by a URL.
        InputError: There is no such topic.
        BundleError: The bundle cannot be loaded.
        BrokerError: The brokers are away.
    """

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        check_place(settings)
        for topic in ("predictions", "team-events"):
            describe_inputs(Admin(settings), [settings.topic(topic)])
        self._settings, self._registry = settings, registry
        self._figures = ApiFigures(registry)
        self._cache = _cache(settings, self._figures)
        book = SchemaBook(registry_of(settings))
        codec, fixtures = book.codec("prediction", Prediction), book.codec("team_event", TeamEvent)
        for topic in ("predictions", "team-events"):
            book.foresee(f"{settings.topic(topic)}-value")
        readers = (
            Reader(book.reader(codec), check_prediction, lambda one: one.occurred_at_ms),
            Reader(book.reader(fixtures), check_names, lambda one: one.occurred_at_ms),
        )
        self._predictions = Feed(
            settings, "predictions", readers[0], known_of, self._predicted, book, self._figures, _GATHER_MS
        )
        self._teams = Feed(
            settings, "team-events", readers[1], fixture_of, self._announced, book, self._figures, _GATHER_MS
        )
        self._api = _api(settings, codec, Standing(self._predictions.follower), self._figures, self._cache)
        self._runner: web.AppRunner | None = None

    def _predicted(self, batch: Sequence[Known]) -> None:
        new = [one for one in batch if self._api.index.take(one)]
        if self._api.ready:
            self._api.hub.publish(new)

    def _announced(self, batch: Sequence[tuple[str, Fixture]]) -> None:
        for match_id, fixture in batch:
            self._api.index.announce(match_id, fixture)

    async def run(self) -> None:
        """Serve until cancelled; raises what ended it.

        Raises:
            RefusedError: The port is not to be had.
            BrokerError: The brokers went away before the predictions were read to their end.
        """
        await self._listen()
        began = time.monotonic()
        now_ms = int(time.time() * 1000)
        standing = self._api.standing
        try:
            await self._teams.start(now_ms - FIXTURE_HOURS * _HOUR_MS)
            await self._predictions.start(now_ms - int(self._settings.api_history_hours * _HOUR_MS))
            await Standing(self._teams.follower).read_to_the_end()
            await standing.read_to_the_end()
            index = self._api.index
            index.settle()
            self._api.ready = True
            seconds = round(time.monotonic() - began, 3)
            log.info("index.read", seconds=seconds, matches=index.matches, predictions=index.predictions)
            await asyncio.gather(standing.keep_looking(), self._follow_teams())
        finally:
            await self._stop()

    async def _follow_teams(self) -> None:
        await Standing(self._teams.follower).keep_looking()

    async def _listen(self) -> None:
        settings, token = self._settings, self._settings.api_token
        quiet = logging.getLogger("streams.api.http")
        quiet.setLevel(logging.CRITICAL)  # bytes that are no HTTP are answered; whoever sends them fills no log
        app = self._api.application(None if token is None else token.get_secret_value())
        try:
            self._runner = await serve(app, (settings.api_host, settings.api_port), logger=quiet, **HTTP_LIMITS)
        except OSError as error:
            raise RefusedError(
                f"port {settings.api_port} of {settings.api_host} cannot be listened on ({error.strerror}); choose "
                f"another with TOUCHLINE_API_PORT, or 0 for a free one"
            ) from error
        host, port = self._runner.addresses[0][:2]
        log.info("api.started", url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._predictions.stop()
        await self._teams.stop()
        if self._cache is not None:
            await self._cache.close()

    def endpoints(self) -> Endpoints:
        """Return what this process tells its supervisor."""
        return Endpoints(self._metrics, self._sick, self._unready)

    async def _metrics(self) -> bytes:
        figures, index, behind = self._figures, self._api.index, self._api.standing.behind
        figures.matches.set(index.matches)
        figures.predictions.set(index.predictions)
        figures.bytes.set(index.size)
        figures.evicted.set(index.evicted)
        figures.behind.set(float("nan") if behind is None else behind)
        figures.ready.set(int(self._api.ready))
        return generate_latest(self._registry)

    async def _sick(self) -> str | None:
        return None

    async def _unready(self) -> str | None:
        return None if self._api.ready else "the predictions are not read to their end yet"


def check_place(settings: Settings) -> None:
    """Refuse to answer everybody.

    Raises:
        RefusedError: Others than this machine could ask, and need no token.
    """
    if settings.api_token is None and not _is_loopback(settings.api_host):
        raise RefusedError(
            f"the api would answer everybody at {settings.api_host}: set TOUCHLINE_API_TOKEN, which it then asks for, "
            f"or leave TOUCHLINE_API_HOST at 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cache(settings: Settings, figures: ApiFigures) -> SharedCache | None:
    if settings.redis_url is None:
        return None
    try:
        return SharedCache(settings.redis_url.get_secret_value(), settings.topic_prefix, figures)
    except ValueError as error:  # its text may hold the password
        raise RefusedError(
            "TOUCHLINE_REDIS_URL is no URL of a Redis: it begins with redis://, rediss:// or unix://"
        ) from error


def _api(
    settings: Settings, codec: Codec[Prediction], standing: Standing, figures: ApiFigures, cache: SharedCache | None
) -> Api:
    limits = Limits(settings.api_matches, settings.api_match_predictions, settings.api_memory_mb * 2**20)
    explainer = Explainer(bundle_of(settings, settings.scoring_threads))
    names = {version: found.names for version, found in FEATURE_SETS.items()}
    hub = LiveHub(figures, settings.api_live_clients)
    return Api(MatchIndex(limits, settled=False), hub, standing, explainer, codec, names, figures, cache)
