"""Workers that join a group at the same time find their places without a fall."""

from collections.abc import Callable

import pytest

from streams.admin import Admin
from streams.control.asking import read_standing
from streams.local.cluster import LocalCluster
from streams.settings import Settings
from tests.integration.world import World, wait_for

pytestmark = pytest.mark.integration

WORKERS, PARTITIONS = 3, 24  # enough to claim, so that one still does it when the next joins


def test_workers_that_start_at_once_share_the_partitions_and_none_ends(
    cluster: LocalCluster, prefix: str, world_of: Callable[[Settings], World]
) -> None:
    settings = Settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        partitions=PARTITIONS,
    )
    Admin(settings).create_topics()
    world = world_of(settings)
    workers = [world.worker("predict", wait=False) for _ in range(WORKERS)]

    def shared() -> bool:
        standing = read_standing(settings)
        return not standing.missing and len({one.worker for one in standing.by_partition.values()}) == WORKERS

    wait_for(shared, 180, lambda: "\n".join(worker.said() for worker in workers))
    assert [] == [worker.said() for worker in workers if "role.restarted" in worker.said()]
