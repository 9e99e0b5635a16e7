import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioning import partitions_of
from streams.engine.murmur import partition_of


@given(keys=st.lists(st.binary(max_size=40), max_size=8), partitions=st.integers(1, 500))
def test_it_is_the_partition_of_kafkas_own_clients(keys, partitions):
    starts = np.cumsum([0, *map(len, keys)], dtype=np.int64)

    found = partitions_of(np.frombuffer(b"".join(keys), np.uint8), starts, partitions)

    assert [partition_of(key, partitions) for key in keys] == found.tolist()
