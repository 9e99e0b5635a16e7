import json
import math

import pytest

from streams.dashboard.pace import COUNTED, MINUTES, Pace
from streams.lag import PartitionLag


def lag(seconds: float, partition: int = 0) -> PartitionLag:
    return PartitionLag("g", "t", partition, 1, 2, seconds, seconds, known=not math.isnan(seconds))


def samples(pace: Pace, kind: str, name: str) -> list[float | None]:
    minutes = sorted((int(key[5:]), json.loads(text)) for key, text in pace.shown().items() if key.startswith("pace:"))
    return [value for _, minute in minutes for value in minute[kind][name]]


def test_a_rate_is_the_growth_of_a_topic_over_the_time_between():
    pace = Pace(["g"])
    for at_ms, end in ((0, 100), (2_000, 130), (6_000, 130), (10_000, 150)):
        pace.counted({"predictions": end}, at_ms)

    assert [None, 15.0, 0.0, 5.0] == samples(pace, "per_second", "predictions")
    assert [None] * 4 == samples(pace, "per_second", "match-events")


@pytest.mark.parametrize(
    ("ends", "at_ms"), [(None, 2_000), ({"predictions": 50}, 2_000), ({"predictions": 900}, 90_000)]
)
def test_of_an_outage_a_topic_made_anew_or_a_long_gap_no_rate_is_told(ends, at_ms):
    pace = Pace(["g"])
    pace.counted({"predictions": 100}, 0)
    pace.counted(ends, at_ms)

    assert [None, None] == samples(pace, "per_second", "predictions")


def test_the_lag_of_a_group_is_that_of_its_worst_partition_and_unknown_when_one_is():
    pace = Pace(["g"])
    for lags in ([lag(1.5), lag(0.5, 1)], [lag(1.0), lag(math.nan, 1)], [lag(0.0)]):
        pace.lagging("g", lags, 0)
        pace.counted({}, 1_000)

    assert [1.5, None, 0.0] == samples(pace, "lag_seconds", "g")
    assert 0.0 == json.loads(pace.shown()["lag:g"])["records_behind"]


def test_a_lag_measured_long_ago_is_not_shown_as_that_of_now():
    pace = Pace(["g"])
    pace.lagging("g", [lag(0.0)], 0)
    pace.counted({}, 60_000)

    assert [None] == samples(pace, "lag_seconds", "g")


def test_samples_of_an_hour_are_kept_and_no_more_however_long_it_runs():
    pace = Pace(["g"])
    for number in range(5 * 60 * 3):  # five hours, a sample every twenty seconds
        pace.counted(dict.fromkeys(COUNTED, 10 * number), 20_000 * number)

    assert MINUTES == len([name for name in pace.shown() if name.startswith("pace:")])
    assert MINUTES * 3 == len(samples(pace, "per_second", "predictions"))
    assert {0.5} == set(samples(pace, "per_second", "predictions"))
