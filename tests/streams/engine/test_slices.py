from hypothesis import given
from hypothesis import strategies as st

from streams.engine.fetching import Fetched
from streams.engine.slices import slices

SIZES = st.dictionaries(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 3)), st.integers(1, 30), max_size=5)


@given(SIZES, st.integers(1, 10))
def test_each_partition_is_cut_into_slices_that_lose_nothing(sizes, most):
    fetched = {place: [Fetched(b"k", b"v", offset, 0, ()) for offset in range(size)] for place, size in sizes.items()}

    found = list(slices(fetched, 7, most, clock_ns=lambda: 5_000))

    assert all(1 <= len(piece.records) <= most for piece in found)
    assert all((7, 5) == (piece.generation, piece.received_at_us) for piece in found)
    for place, records in fetched.items():
        ours = [piece for piece in found if place == (piece.topic, piece.partition)]
        assert records == [record for piece in ours for record in piece.records]
