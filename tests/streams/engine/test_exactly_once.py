"""What goes into a transaction, in which order, on an outbox that writes down what it is asked for."""

import asyncio
from dataclasses import dataclass, field
from math import inf

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from schemas.codec import Codec
from schemas.records import Progress
from streams.engine.exactly_once import ExactlyOnce
from streams.engine.finishing import Batch
from streams.engine.job import Step
from streams.engine.lease import RebalancedError
from streams.engine.ledger import Ledger
from streams.engine.outbox import Delivery, DeliveryError, Message
from streams.engine.record_limits import RecordLimits
from streams.engine.table import PROGRESS_KEY, OvertakenError, TablePartition
from streams.engine.transactions import FencedError, Membership, TransactionalOutbox, transactional

MEMBER = Membership("g", 3, "m-1")


@dataclass
class Written:
    """A transactional outbox which writes down the calls; a record larger than *largest* is refused."""

    calls: list[object] = field(default_factory=list)
    largest: int = 1000
    broken: int = 0
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self):
        self.calls.append("begin")

    async def abort(self):
        self.calls.append("abort")

    async def deliver(self, messages):
        if self.broken:
            self.broken -= 1
            return Delivery(broken=True)
        delivery = Delivery()
        for message in messages:
            if message.batch_bytes > self.largest:
                delivery.refused.append(message)
                break
            self.calls.append((message.topic, message.key))
            place = (message.topic, message.partition or 0)
            self.ends[place] = delivery.next_offsets[place] = self.ends.get(place, 0) + 1
        return delivery

    async def commit(self, offsets, member):
        self.calls.append(("commit", dict(offsets), member))
        for place in self.ends:
            self.ends[place] += 1  # the marker


async def unknown(_topic):
    return inf


@pytest.fixture(name="outbox")
def _outbox():
    return Written()


@pytest.fixture(name="members")
def _members():
    return [MEMBER]


@pytest.fixture(name="finisher")
def _finisher(outbox, members):
    progress = Codec("progress", Progress)
    progress.use_for_writing(1)
    ledger = Ledger("log", progress)
    ledger.topic_ids = {"in": "id", "other": "id2"}
    ledger.resume({0: TablePartition(inputs={"other@id2": 4}, changelog_next=-1)})  # behind a marker

    async def letters(refused):
        return [Message("dead", message.key, b"letter", 0) for message in refused]

    finisher = ExactlyOnce(
        ledger, outbox, letters, lambda _outputs: None, 0.0, lambda: members[-1], RecordLimits(unknown)
    )
    finisher.resume(3)
    return finisher


def batch(key: bytes, offset: int, value: bytes = b"v") -> Batch:
    return Batch([Message("out", key, value, 0)], {0: {key: value}}, {("in", 0): offset})


async def test_outputs_then_the_last_states_then_the_offsets_of_all_inputs(finisher, outbox):
    await finisher.finish([batch(b"a", 5), batch(b"a", 6), batch(b"b", 7)])

    assert [
        "begin",
        *[("out", key) for key in (b"a", b"a", b"b")],
        *[("log", key) for key in (b"a", b"b", PROGRESS_KEY)],
        ("commit", {("in", 0): 7, ("other", 0): 4}, MEMBER),
    ] == outbox.calls
    assert {("in", 0): 7} == finisher.ledger.finished


async def test_the_marker_of_a_transaction_is_no_record_of_another_worker_and_one_more_is(finisher, outbox):
    for offset in (5, 6):
        await finisher.finish([batch(b"a", offset)])
    outbox.ends["log", 0] += 1

    with pytest.raises(OvertakenError, match="has 1 records of another worker"):
        await finisher.finish([batch(b"a", 7)])


async def test_work_of_a_lost_place_is_not_committed(finisher, outbox, members):
    members.append(Membership("g", -1, ""))

    with pytest.raises(FencedError):
        await finisher.finish([batch(b"a", 5)])
    assert ([], {}) == (outbox.calls, finisher.ledger.finished)


async def test_work_is_not_committed_in_another_generation_than_its_own(finisher, outbox):
    finisher.resume(2)

    with pytest.raises(FencedError):
        await finisher.finish([batch(b"a", 5)])
    assert [] == outbox.calls


async def test_an_output_too_large_is_left_out_of_a_new_transaction_with_its_letter_in_it(finisher, outbox):
    large = batch(b"large", 6, bytes(2000))
    outputs_only = Batch(large.outputs, {0: {}}, large.reached)
    await finisher.finish([batch(b"a", 5), outputs_only, batch(b"b", 7)])

    first, second = outbox.calls.index("abort"), len(outbox.calls)
    assert ["begin", ("out", b"a"), "abort"] == outbox.calls[: first + 1]
    assert ["begin", ("out", b"a"), ("out", b"b"), ("dead", b"large")] == outbox.calls[first + 1 : second - 4]
    assert {("in", 0): 7} == finisher.ledger.finished


async def test_what_a_topic_says_it_does_not_take_is_not_tried(finisher, outbox):
    async def told(topic):
        return 1000.0 if topic == "out" else inf

    finisher.limits = RecordLimits(told)
    large = batch(b"large", 6, bytes(2000))
    await finisher.finish([batch(b"a", 5), Batch(large.outputs, {0: {}}, large.reached)])

    assert "abort" not in outbox.calls
    assert {("out", b"a"), ("dead", b"large")} <= set(outbox.calls[1:-1])


async def test_what_was_refused_is_known_for_a_while_and_then_tried_again(finisher, outbox, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("streams.engine.record_limits.time.monotonic", lambda: now[0])
    aborts = []
    for seconds, size in ((0, 3000), (1, 2500), (1, 2700), (30, 2700)):
        now[0] += seconds
        large = batch(b"large", 6, bytes(size))
        await finisher.finish([Batch(large.outputs, {0: {}}, large.reached)])
        aborts.append(outbox.calls.count("abort"))

    assert [1, 2, 2, 3] == aborts
    assert 4 == outbox.calls.count(("dead", b"large"))


async def test_a_transaction_that_breaks_is_taken_back_and_tried_again(finisher, outbox):
    outbox.broken = 2
    await finisher.finish([batch(b"a", 5)])

    assert ["begin", "abort", "begin", "abort", "begin", ("out", b"a")] == outbox.calls[:6]
    assert {("in", 0): 5} == finisher.ledger.finished


async def test_one_that_breaks_again_and_again_stops_the_worker(finisher, outbox):
    outbox.broken = 100

    with pytest.raises(DeliveryError, match="broke a transaction of 1 outputs 5 times"):
        await finisher.finish([batch(b"a", 5)])
    assert (5, {}) == (outbox.calls.count("abort"), finisher.ledger.finished)


async def test_nothing_to_do_is_no_transaction(finisher, outbox):
    await finisher.finish([Batch([], {0: {}}, {})])

    assert [] == outbox.calls


def test_outputs_wait_for_the_state_that_reaches_their_offsets(finisher):
    early, late = Message("out", b"1", b""), Message("out", b"2", b"")

    assert [] == finisher.due(0, Step([early], reached={}))
    assert [] == finisher.due(1, Step(reached={}))
    assert [early, late] == finisher.due(0, Step([late], {b"k": b"v"}, reached={"in": 9}))
    assert [] == finisher.due(0, Step(reached={"in": 10}))


def test_a_member_is_told_to_the_brokers_as_librdkafka_tells_it():
    reader = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "grüppe"})

    assert Membership("grüppe", -1, "").metadata == reader.consumer_group_metadata()
    reader.close()


def test_a_record_does_not_live_longer_than_its_transaction():
    assert 10_000 == transactional({"message.timeout.ms": 60_000}, "t")["message.timeout.ms"]
    assert 7_500 == transactional({"message.timeout.ms": 7_500}, "t")["message.timeout.ms"]


class Scripted:
    """A producer whose calls fail as they are told to."""

    def __init__(self) -> None:
        self.errors: list[KafkaError] = []
        self.calls: list[str] = []

    def __getattr__(self, name):
        def call(*_arguments):
            self.calls.append(name)
            if name in {"commit_transaction", "init_transactions"} and self.errors:
                raise KafkaException(self.errors.pop(0))

        return call


@pytest.fixture(name="transactions")
async def _transactions():
    outbox = TransactionalOutbox({"bootstrap.servers": "127.0.0.1:1"}, asyncio.get_running_loop())
    yield outbox
    await outbox.close()


@pytest.fixture(name="producer")
def _producer(transactions, monkeypatch):
    producer = Scripted()
    monkeypatch.setattr(transactions, "_producer", producer)
    return producer


class Reported:
    """A record as librdkafka reports it."""

    def __init__(self, topic, key, value, partition) -> None:
        self.topic, self.key, self.value = lambda: topic, lambda: key, lambda: value
        self.partition = lambda: partition


class Refusing(Scripted):
    """A producer which reports errors of its records, in this order."""

    def __init__(self, codes) -> None:
        super().__init__()
        self.codes = codes

    def produce(self, topic, value, key, partition, on_delivery, *_more):
        on_delivery(KafkaError(self.codes.pop(0)), Reported(topic, key, value, partition))


@pytest.mark.parametrize(
    ("codes", "refused", "broken"),
    [
        ([KafkaError._PURGE_QUEUE, KafkaError._STATE, KafkaError.MSG_SIZE_TOO_LARGE], 1, True),
        ([KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._PURGE_QUEUE, KafkaError._PURGE_QUEUE], 1, False),
        ([KafkaError._PURGE_INFLIGHT, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, KafkaError._STATE], 0, True),
    ],
)
async def test_what_broke_a_transaction_may_be_told_behind_what_it_took_with_it(
    transactions, monkeypatch, codes, refused, broken
):
    monkeypatch.setattr(transactions, "_producer", Refusing(codes))
    delivery = await transactions.deliver([Message("out", b"k", b"v", 0)] * 3)

    assert (refused, broken) == (len(delivery.refused), delivery.broken)


async def test_another_error_behind_those_is_a_failed_delivery(transactions, monkeypatch):
    monkeypatch.setattr(transactions, "_producer", Refusing([KafkaError._PURGE_QUEUE, KafkaError._MSG_TIMED_OUT]))

    with pytest.raises(DeliveryError, match="out did not take a record"):
        await transactions.deliver([Message("out", b"k", b"v", 0)] * 2)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError._FENCED, "another worker has the same TOUCHLINE_WORKER_NAME"),
        (KafkaError.ILLEGAL_GENERATION, "the group has gone on without this worker"),
    ],
)
async def test_who_is_fenced_says_why(transactions, producer, code, said):
    producer.errors = [KafkaError(code)]

    with pytest.raises(FencedError, match=said):
        await transactions.commit({}, MEMBER)


async def test_a_refusal_by_the_brokers_is_a_failed_delivery(transactions, producer):
    producer.errors = [KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)]

    with pytest.raises(DeliveryError, match="did not let transactions begin"):
        await transactions.open()


async def test_a_retriable_failure_is_tried_again(transactions, producer):
    producer.errors = [KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True)]
    await transactions.commit({}, MEMBER)

    assert ["commit_transaction"] * 2 == [name for name in producer.calls if name != "poll"]


async def test_those_who_wait_to_write_are_written_in_one_transaction(transactions, producer, monkeypatch):
    delivered = []

    async def deliver(messages):
        delivered.append(list(messages))
        return Delivery({("log", 0): 1, ("log", 1): 1})

    monkeypatch.setattr(transactions, "deliver", deliver)
    messages = [Message("log", b"k", b"v", number) for number in range(3)]
    async with transactions.turn:
        writing = [asyncio.create_task(transactions.write([message])) for message in messages]
        await asyncio.sleep(0)
    found = await asyncio.gather(*writing)

    assert [messages] == delivered
    assert [{("log", 0): 1, ("log", 1): 1}] * 3 == found
    assert ["begin_transaction", "commit_transaction"] == [name for name in producer.calls if name != "poll"]


@pytest.mark.parametrize("delivered", [False, True])
async def test_a_rebalance_in_the_middle_takes_the_transaction_back_and_all_hear_of_it(
    transactions, producer, monkeypatch, delivered
):
    def over():
        raise RebalancedError

    async def deliver(_messages):
        monkeypatch.setattr(transactions, "_check", over)
        if not delivered:
            over()
        return Delivery()

    monkeypatch.setattr(transactions, "deliver", deliver)
    writing = [transactions.write([Message("log", b"k", b"v", number)]) for number in range(2)]
    found = await asyncio.gather(*writing, return_exceptions=True)

    assert [RebalancedError] * 2 == [type(one) for one in found]
    assert producer.calls.count("abort_transaction") == producer.calls.count("begin_transaction")
