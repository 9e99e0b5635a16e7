"""What the consumer commits and where it goes on, without a broker."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.transport import SliceConsumer


class FakeReader:
    def __init__(self):
        self.assigned = []

    def assign(self, positions):
        self.assigned.append(dict(positions))


@pytest.fixture(name="consumer")
def _consumer(monkeypatch):
    consumer = SliceConsumer.__new__(SliceConsumer)
    engine = SimpleNamespace(ledger=SimpleNamespace(finished={}), transactional=False)
    consumer.app = SimpleNamespace(engine=engine, positions=dict)
    consumer._reader = FakeReader()

    async def at_committed(_self):
        """Stand at the committed offsets."""

    monkeypatch.setattr(driver.Consumer, "perform_seek", at_committed)
    monkeypatch.setattr(SliceConsumer, "should_stop", False)
    with ThreadPoolExecutor(1) as consumer._reading:
        yield consumer


async def test_a_position_which_only_the_table_knows_is_taken_up_and_committed(consumer):
    consumer.app.positions = lambda: {TP("in", 3): 42}

    await consumer.perform_seek()

    assert [{("in", 3): 42}] == consumer._reader.assigned
    assert [TP("in", 3)] == consumer._filter_tps_with_pending_acks()
    assert 42 == consumer._new_offset(TP("in", 3))


async def test_a_rebalance_that_goes_on_while_the_worker_stops_leaves_the_closed_reader_alone(consumer, monkeypatch):
    monkeypatch.setattr(SliceConsumer, "should_stop", True)
    consumer._reading.shutdown()

    await consumer.perform_seek()

    assert not consumer._reader.assigned


async def test_what_a_slice_has_finished_meanwhile_is_not_set_back(consumer):
    consumer.app.engine.ledger.finished["in", 3] = 50
    consumer.app.positions = lambda: {TP("in", 3): 42}

    await consumer.perform_seek()

    assert 50 == consumer._new_offset(TP("in", 3))


def test_only_finished_partitions_are_committed_and_only_those_asked_for(consumer):
    consumer.app.engine.ledger.finished |= {("in", 3): 5, ("other", 1): 7}

    assert [TP("in", 3)] == consumer._filter_tps_with_pending_acks({"in"})
    assert [TP("other", 1)] == consumer._filter_tps_with_pending_acks({TP("other", 1)})
    assert consumer._new_offset(TP("in", 4)) is None


async def test_in_transactions_the_consumer_commits_nothing_itself(consumer):
    consumer.app.engine.transactional = True
    consumer.app.engine.ledger.finished["in", 4] = 7
    consumer.app.positions = lambda: {TP("in", 3): 42}

    await consumer.perform_seek()

    assert [{("in", 3): 42}] == consumer._reader.assigned
    assert [] == consumer._filter_tps_with_pending_acks()
