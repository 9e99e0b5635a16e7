"""A histogram of our own says what prometheus_client's says of the same values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streams.bulk_histogram import BulkHistogram

BOUNDS = (0.001, 0.01, 0.5, 1, 30)
VALUES = st.lists(st.sampled_from(BOUNDS) | st.floats(0, 100), max_size=20)


@given(st.lists(VALUES, max_size=3))
def test_it_tells_what_prometheus_own_histogram_tells(batches):
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    one_by_one = Histogram("h", "Some values.", buckets=BOUNDS, registry=theirs)
    at_once = BulkHistogram("h", "Some values.", BOUNDS)
    ours.register(at_once)
    for batch in batches:
        at_once.observe(np.array(batch, float))
        for value in batch:
            one_by_one.observe(value)

    told, expected = (
        [line for line in generate_latest(one).decode().splitlines() if "_sum" not in line and "_created" not in line]
        for one in (ours, theirs)
    )
    assert expected == told
    assert np.isclose(theirs.get_sample_value("h_sum"), ours.get_sample_value("h_sum"))
