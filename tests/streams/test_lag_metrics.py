"""Lag for Prometheus: the last measure, and never 0 for what is not known."""

import math
import threading
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest

from streams.lag import PartitionLag, total_behind
from streams.lag_metrics import LagCollector

KNOWN = PartitionLag("predict-1", "match-events", 3, 7, 10, 3.0, 1.5, known=True)
FRESH = PartitionLag("other-1", "match-events", 5, None, 2, 2.0, 1.5, known=True)
UNKNOWN = PartitionLag("predict-1", "match-events", 4, None, None, math.nan, math.nan, known=False)


class FakeReader:
    def __init__(self, *, moves: bool = False) -> None:
        self.measured, self.closed = threading.Event(), False
        self.calls = 0
        self.moves = moves

    def measure(self):
        self.calls += 1
        if self.calls > 1:
            self.measured.set()  # the first measure has been stored by now
        return [replace(KNOWN, committed=7 + self.moves * self.calls), UNKNOWN, FRESH]

    def close(self):
        self.closed = True


def shown(collector: LagCollector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_the_last_measure_is_shown_by_the_names_users_know():
    reader = FakeReader()
    collector = LagCollector([reader], interval=0.001)
    collector.start()
    assert reader.measured.wait(10)
    text = shown(collector)
    collector.stop()

    where = 'topic="match-events"'
    assert f'kafka_consumergroup_lag{{consumergroup="predict-1",partition="3",{where}}} 3.0' in text
    assert f'kafka_consumergroup_group_lag_seconds{{group="predict-1",partition="3",{where}}} 1.5' in text
    assert f'touchline_lag_known{{group="predict-1",partition="3",{where}}} 1.0' in text
    assert f'kafka_consumergroup_lag{{consumergroup="predict-1",partition="4",{where}}} NaN' in text
    assert f'kafka_consumergroup_group_lag_seconds{{group="predict-1",partition="4",{where}}} NaN' in text
    assert f'touchline_lag_known{{group="predict-1",partition="4",{where}}} 0.0' in text
    assert reader.closed


def test_offsets_are_shown_where_they_are_known_and_minus_one_says_that_a_group_has_committed_nothing():
    readers = [FakeReader(), FakeReader()]  # of two groups that read the same topic
    collector = LagCollector(readers, interval=0.001)
    collector.start()
    assert readers[1].measured.wait(10)
    lines = shown(collector).splitlines()
    collector.stop()

    where = 'topic="match-events"'
    committed = {line for line in lines if line.startswith("kafka_consumergroup_current_offset{")}
    assert committed == {
        f'kafka_consumergroup_current_offset{{consumergroup="predict-1",partition="3",{where}}} 7.0',
        f'kafka_consumergroup_current_offset{{consumergroup="other-1",partition="5",{where}}} -1.0',
    }
    assert sorted(line for line in lines if line.startswith("kafka_topic_partition_current_offset{")) == [
        f'kafka_topic_partition_current_offset{{partition="3",{where}}} 10.0',
        f'kafka_topic_partition_current_offset{{partition="5",{where}}} 2.0',
    ]


def test_what_waits_grows_older_between_two_measures_and_a_measure_that_is_too_old_is_unknown():
    reader, now = FakeReader(), [100.0]
    collector = LagCollector([reader], interval=0.001, clock=lambda: now[0])
    collector.start()
    assert reader.measured.wait(10)
    collector.stop()

    seconds = 'kafka_consumergroup_group_lag_seconds{group="predict-1",partition="3",topic="match-events"}'
    now[0] = 100.25
    assert f"{seconds} 1.75\n" in shown(collector)
    now[0] = 107.0
    text = shown(collector)
    assert f"{seconds} NaN\n" in text
    assert 'touchline_lag_known{group="predict-1",partition="3",topic="match-events"} 0.0' in text
    assert "current_offset{" not in text


def test_of_a_group_that_moves_on_the_age_is_shown_as_it_was_measured():
    reader, now = FakeReader(moves=True), [100.0]
    collector = LagCollector([reader], interval=0.001, clock=lambda: now[0])
    collector.start()
    assert reader.measured.wait(10)
    collector.stop()
    now[0] = 103.0

    where = '{group="predict-1",partition="3",topic="match-events"}'
    assert f"kafka_consumergroup_group_lag_seconds{where} 1.5\n" in shown(collector)


def test_a_scrape_before_the_first_measure_asks_nobody():
    reader = FakeReader()
    text = shown(LagCollector([reader]))

    assert "kafka_consumergroup_lag{" not in text
    assert reader.calls == 0


def test_stop_without_start_is_no_error():
    LagCollector([FakeReader()]).stop()


def test_a_sum_with_an_unknown_part_is_unknown():
    assert total_behind([KNOWN, KNOWN]) == 6
    assert math.isnan(total_behind([KNOWN, UNKNOWN]))
