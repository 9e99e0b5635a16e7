"""What an outbox makes of a producer's reports; the producer is one that the test answers for."""

import asyncio
from collections import deque
from dataclasses import dataclass
from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.engine.outbox import DeliveryError, Message, Outbox


@dataclass
class Report:
    """A record as librdkafka reports it."""

    record: tuple[str, bytes | None, bytes | None, int]
    at: int | None

    def topic(self):
        return self.record[0]

    def value(self):
        return self.record[1]

    def key(self):
        return self.record[2]

    def partition(self):
        return self.record[3]

    def offset(self):
        return self.at


class Producer:
    """Keeps what it is asked for until the test lets it be reported; a key of b'full' finds no room at first."""

    def __init__(self) -> None:
        self.queued = []
        self.asked = asyncio.Semaphore(0)
        self.full = 1
        self.unable = None
        self.closed = Event()

    def produce(self, *arguments):
        *record, on_delivery, _callback, _timestamp, headers = arguments
        if record[2] == b"full" and self.full:
            self.full -= 1
            raise BufferError
        self.asked.release()
        if record[2] == b"unable":
            raise KafkaException(KafkaError(self.unable))
        self.queued.append((tuple(record), on_delivery, headers))

    def report(self, number, offset=None, code=None, partition=None):
        record, on_delivery, _ = self.queued[number]
        chosen = record if partition is None else (*record[:3], partition)
        on_delivery(None if code is None else KafkaError(code), Report(chosen, offset))

    def poll(self, seconds):
        self.closed.wait(seconds)

    def flush(self, _seconds):
        """Have nothing to wait for."""


@pytest.fixture(name="checks")
def _checks():
    return deque()


@pytest.fixture(name="outbox")
async def _outbox(checks):
    outbox = Outbox(
        {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, asyncio.get_running_loop(), lambda: checks.append(1)
    )
    yield outbox
    await outbox.close()


@pytest.fixture(name="producer")
def _producer(outbox, monkeypatch):
    producer = Producer()
    monkeypatch.setattr(outbox, "_producer", producer)
    return producer


async def delivering(outbox, producer, *messages):
    task = asyncio.create_task(outbox.deliver(messages))
    for _ in messages:
        await producer.asked.acquire()
    return task


def of(key: bytes, partition: int | None = 0, value: bytes = b"v") -> Message:
    return Message("out", key, value, partition)


async def test_the_last_report_of_a_partition_says_its_end_and_the_last_of_all_ends_the_batch(outbox, producer):
    task = await delivering(outbox, producer, of(b"a"), of(b"b", 1), of(b"c"), of(b"d", None), of(b"e", None))
    for number, offset, partition in ((0, 7, None), (3, 40, 3), (1, 20, None), (4, 9, 2)):
        producer.report(number, offset, partition=partition)
    await asyncio.sleep(0)
    assert not task.done()
    producer.report(2, 8)

    expected = {("out", 0): 9, ("out", 1): 21, ("out", 2): 10, ("out", 3): 41}
    assert expected == (await task).next_offsets


async def test_of_a_record_too_large_the_content_says_which_message_it_was(outbox, producer):
    messages = [of(b"a"), of(b"a", value=b"large"), of(b"b"), of(b"a", value=b"large")]
    task = await delivering(outbox, producer, *messages)
    producer.report(0, 7)
    for number in (1, 3):
        producer.report(number, code=KafkaError.MSG_SIZE_TOO_LARGE)
    producer.report(2, 8)
    delivery = await task

    assert [id(messages[1]), id(messages[3])] == [id(one) for one in delivery.refused]
    assert {("out", 0): 9} == delivery.next_offsets


async def test_what_the_producer_itself_finds_too_large_is_refused_as_well(outbox, producer):
    producer.unable = KafkaError.MSG_SIZE_TOO_LARGE
    messages = [of(b"a"), of(b"unable")]
    task = await delivering(outbox, producer, *messages)
    producer.report(0, 7)
    delivery = await task

    assert ([messages[1]], {("out", 0): 8}) == (delivery.refused, delivery.next_offsets)


@pytest.mark.parametrize("code", [KafkaError._MSG_TIMED_OUT, KafkaError._PURGE_QUEUE])
async def test_any_other_failure_is_told_once_all_have_been_heard_of(outbox, producer, code):
    task = await delivering(outbox, producer, of(b"a"), of(b"b"), of(b"c"))
    producer.report(1, code=code)
    producer.report(0, 7)
    await asyncio.sleep(0)
    assert not task.done()
    producer.report(2, 8)

    with pytest.raises(DeliveryError, match="out did not take a record"):
        await task


async def test_a_full_queue_is_waited_for_and_the_order_stays(outbox, producer, checks):
    messages = [of(b"a"), of(b"full"), of(b"b")]
    task = await delivering(outbox, producer, *messages)
    for number in range(3):
        producer.report(number, number)
    await task

    assert [b"a", b"full", b"b"] == [record[2] for record, _, _ in producer.queued]
    assert 2 == len(checks)


async def test_the_lease_is_looked_at_between_a_few_hundred_records(outbox, producer, checks):
    task = await delivering(outbox, producer, *[of(b"a")] * 1000)
    for number in range(1000):
        producer.report(number, number)
    await task

    assert len(checks) >= 1000 // 256


async def test_headers_are_those_of_each_message_and_none_where_there_are_none(outbox, producer):
    epoch = (("epoch", b"1"),)
    messages = [of(b"a"), of(b"b")._replace(headers=epoch), of(b"c")._replace(headers=epoch), of(b"d")]
    task = await delivering(outbox, producer, *messages)
    for number in range(4):
        producer.report(number, number)
    await task

    assert [[], [("epoch", b"1")], [("epoch", b"1")], []] == [headers or [] for _, _, headers in producer.queued]


async def test_a_partition_whose_end_is_not_told_is_left_out(outbox, producer):
    task = await delivering(outbox, producer, of(b"a"), of(b"b", 1))
    producer.report(0, None)
    producer.report(1, 3)

    assert {("out", 1): 4} == (await task).next_offsets
