import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioning import partition_at
from streams.engine.murmur import partition_of


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(1, 1000))
def test_the_partition_is_that_of_kafkas_own_clients(before, key, partitions):
    data = np.frombuffer(before + key + b"more", np.uint8)

    assert partition_of(key, partitions) == partition_at(data, len(before), len(before) + len(key), partitions)
