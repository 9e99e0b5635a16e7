"""A real broker and registry for all integration tests, started once."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.local.errors import NetworkError
from streams.settings import Settings
from tests.integration.world import World


@contextmanager
def started(cluster: LocalCluster) -> Iterator[LocalCluster]:
    try:
        cluster.start()
    except NetworkError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """One broker and a registry, shared: keep to topics under `prefix`, and leave it running."""
    with started(LocalCluster(ephemeral=True, quick=True)) as running:
        yield running


@pytest.fixture(scope="session")
def secure_cluster() -> Iterator[LocalCluster]:
    """The same with SASL_SSL and access rules; `admin` may do everything, its other users nothing yet."""
    with started(
        LocalCluster(
            ephemeral=True,
            quick=True,
            security="sasl_ssl",
            users=("worker", "client", "shadow", "rate", "monitor", "performance", "materialize"),
        )
    ) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """A topic prefix of the test's own."""
    return f"t{uuid.uuid4().hex[:6]}-"


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[Settings], World]]:
    """Makes the world of other settings, over topics that are there already; its workers are stopped at the end."""
    made: list[World] = []

    def make(settings: Settings) -> World:
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        made.append(World(settings, folder))
        return made[-1]

    yield make
    for world in made:
        for worker in world.workers:
            worker.stop()


@pytest.fixture
def world(cluster: LocalCluster, prefix: str, world_of: Callable[[Settings], World]) -> World:
    """Created topics under a prefix of the test's own; its workers are stopped at the end."""
    settings = Settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        predictor="heuristic",
        partitions=4,
        session_timeout=6,
    )
    Admin(settings).create_topics()
    return world_of(settings)
