"""An api over an index without brokers."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from models.bundle import Bundle, bundle_of_kind, load_bundle
from schemas.records import Prediction
from streams.api.answers import HTTP_LIMITS
from streams.api.explaining import Explainer
from streams.api.figures import ApiFigures
from streams.api.handlers import Api, Pace
from streams.api.index import MatchIndex
from streams.api.live import LiveHub
from streams.api.standing import Standing
from tests.streams.api.matches import CODEC, LIMITS, NAMES, NOW_MS, FakeReader, known


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(bundle_of_kind("heuristic"))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def api(bundle, registry) -> Api:
    figures = ApiFigures(registry)
    hub = LiveHub(figures, most_clients=2, kept=8)
    standing = Standing(FakeReader(), as_of_ms=NOW_MS, behind=0)
    index = MatchIndex(LIMITS)
    return Api(index, hub, standing, Explainer(bundle), CODEC, NAMES, figures, pace=Pace(0.05, 0.2), ready=True)


@pytest.fixture
async def client_of(api):
    """Makes clients of the api, with a token or without."""
    made: list[TestClient[Any, Any]] = []

    async def make(token: str | None = None) -> TestClient[Any, Any]:
        server = TestServer(api.application(token))
        await server.start_server(**HTTP_LIMITS)
        client = TestClient(server)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def publish(api) -> Callable[..., None]:
    """Gives predictions to the index and to those who follow."""

    def give(*predictions: Prediction) -> None:
        batch = [known(one) for one in predictions]
        api.hub.publish([one for one in batch if api.index.take(one)])

    return give
