from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.playing.watching import Pulse, Stopwatch, quantile


def taken(stopwatch, *source_timestamps_ms):
    for at in source_timestamps_ms:
        stopwatch.take(SimpleNamespace(source_timestamp_ms=at))


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_the_inverted_empirical_distribution(values, share):
    assert quantile(values, share) == np.quantile(values, share, method="inverted_cdf")


def test_latency_is_from_the_source_timestamp_to_now():
    stopwatch = Stopwatch(clock=lambda: 10.0)

    taken(stopwatch, 9_900, 9_980, 10_500)

    assert stopwatch.latencies_ms == [100.0, 20.0, 0.0]  # a clock ahead of ours is no negative latency


def test_what_is_older_than_the_watch_is_not_measured():
    stopwatch = Stopwatch(since_ms=5_000, clock=lambda: 10.0)

    taken(stopwatch, 4_999, 5_000)

    assert stopwatch.latencies_ms == [5_000.0]


def test_the_pulse_forgets_after_fifteen_seconds():
    now = [1.0]
    stopwatch = Stopwatch(clock=lambda: now[0])
    assert stopwatch.pulse() == Pulse()
    taken(stopwatch, 990, 990, 990, 990)
    now[0] = 3.0

    assert stopwatch.pulse() == Pulse(2.0, 10.0, 10.0)
    now[0] = 16.1
    assert stopwatch.pulse() == Pulse()
    assert len(stopwatch.latencies_ms) == 4
