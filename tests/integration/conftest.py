"""A real broker and registry for all integration tests, started once."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streams.local.cluster import LocalCluster
from streams.local.errors import NetworkError


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
    with started(LocalCluster(ephemeral=True)) as running:
        yield running


@pytest.fixture(scope="session")
def secure_cluster() -> Iterator[LocalCluster]:
    """The same with SASL_SSL and access rules; `admin` may do everything, `worker` and `client` nothing yet."""
    with started(LocalCluster(ephemeral=True, security="sasl_ssl", users=("worker", "client"))) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """A topic prefix of the test's own."""
    return f"t{uuid.uuid4().hex[:6]}-"
