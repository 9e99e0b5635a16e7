"""The order of the steps, on an outbox whose deliveries the test lets through by hand."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from schemas.catalog import schema_json
from schemas.codec import Codec, UnknownSchemaError
from schemas.records import Progress
from streams.engine.dead_letters import Cause, dead_letter
from streams.engine.engine import Engine, EngineConfig
from streams.engine.flood import FloodError
from streams.engine.job import Decoded, Step, Unread
from streams.engine.outbox import Delivery, DeliveryError, Message
from streams.engine.reading_back import ReadBack
from streams.engine.slices import Slice
from streams.engine.table import PROGRESS_KEY, TablePartition
from streams.stopping import RefusedError


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class HandOutbox:
    """Keeps each batch until the test lets it through."""

    batches: list[tuple[list[Message], asyncio.Future]] = field(default_factory=list)
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for_batch(self):
        await asyncio.wait_for(self.came.wait(), 5)

    async def deliver(self, messages):
        if not messages:
            return Delivery()
        future = asyncio.get_running_loop().create_future()
        self.batches.append((list(messages), future))
        self.came.set()
        return await future

    def let_through(self, number: int, refused: tuple[Message, ...] = ()) -> None:
        messages, future = self.batches[number]
        delivery = Delivery(refused=list(refused))
        for message in messages:
            place = (message.topic, message.partition or 0)
            self.ends[place] += 1
            delivery.next_offsets[place] = self.ends[place]
        future.set_result(delivery)

    async def close(self) -> None:
        """Hold nothing."""


class CountJob:
    """Counts records by key; a value of b'?' needs a schema which is not known yet."""

    def __init__(self) -> None:
        self.known = False
        self.poison = None
        self.letters = None

    def decode(self, piece):
        if not self.known and any(record.value == b"?" for record in piece.records):
            raise UnknownSchemaError(7)
        return Decoded(piece, list(piece.records))

    async def process(self, batch, tables):
        steps = []
        for decoded in batch:
            states = tables[decoded.piece.partition].states
            step = Step()
            for record in decoded.entries:
                if record.value == self.poison:
                    raise ZeroDivisionError
                if record.value == self.letters:
                    step.outputs.append(
                        dead_letter("dead", decoded.piece, record, cause=Cause.TRUNCATED, reason="", worker="w")
                    )
                    continue
                states[record.key] = states.get(record.key, 0) + 1
                step.changed[record.key] = str(states[record.key]).encode()
                step.outputs.append(
                    Message("out", record.key, record.value, decoded.piece.partition, source=(decoded.piece, record))
                )
            steps.append(step)
        return steps

    def delivered(self, outputs):
        """Note nothing."""

    def expire(self, _table, _committed):
        return None


def piece(partition: int, first: int, *values: bytes, generation: int = 1) -> Slice:
    records = [FakeRecord(first + number, b"k", value) for number, value in enumerate(values or (b"v",))]
    return Slice("in", partition, generation, records, 0)


@pytest.fixture(name="failures")
def _failures():
    return []


@pytest.fixture(name="job")
def _job():
    return CountJob()


@pytest.fixture(name="outbox")
def _outbox():
    return HandOutbox()


@pytest.fixture(name="learnt")
def _learnt():
    return asyncio.Event()


@pytest.fixture(name="engine")
async def _engine(job, outbox, failures, learnt):
    progress = Codec("progress", Progress)
    progress.use_for_writing(1)

    async def learn(_schema_id):
        await learnt.wait()
        job.known = True

    engine = Engine(EngineConfig("log", "dead", "w", states_seconds=0.0), job, progress, learn, failures.append)
    engine.ledger.topic_ids = {"in": "id-1"}
    engine.start(outbox)
    engine.resume(1, {0: TablePartition(), 1: TablePartition(partition=1)})
    yield engine
    await engine.stop()


async def settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


async def test_a_state_is_written_only_after_its_outputs_and_finished_only_after_its_state(engine, outbox):
    await engine.accept(piece(0, 5))
    await settle()

    assert ["out"] == [message.topic for messages, _ in outbox.batches for message in messages]
    assert {} == engine.ledger.finished

    outbox.let_through(0)
    await settle()

    assert [("log", b"k"), ("log", PROGRESS_KEY)] == [(message.topic, message.key) for message in outbox.batches[1][0]]
    assert {} == engine.ledger.finished

    outbox.let_through(1)
    await settle()
    assert {("in", 0): 6} == engine.ledger.finished


async def test_a_later_delivery_does_not_overtake_an_earlier_one(engine, outbox):
    await engine.accept(piece(0, 0))
    await settle()
    await engine.accept(piece(0, 1))
    await settle()
    outbox.let_through(1)
    await settle()

    assert 2 == len(outbox.batches)
    assert {} == engine.ledger.finished


async def test_batches_which_came_while_others_were_finished_write_the_last_of_each_state_together(engine, outbox):
    for number in range(4):
        await engine.accept(piece(0, number))
        await settle()
    for number in (1, 2, 0):
        outbox.let_through(number)
    await settle()

    assert b"1" == outbox.batches[4][0][0].value
    outbox.let_through(4)
    outbox.let_through(3)
    await settle()
    written = [(message.key, message.value) for message in outbox.batches[5][0]]
    assert [(b"k", b"4"), PROGRESS_KEY] == [written[0], written[1][0]]
    outbox.let_through(5)
    await settle()
    assert ({("in", 0): 4}, 6) == (engine.ledger.finished, len(outbox.batches))


async def test_a_delivery_that_fails_stops_the_worker_and_finishes_nothing(engine, outbox, failures):
    await engine.accept(piece(0, 0))
    await settle()
    outbox.batches[0][1].set_exception(DeliveryError("no"))
    await settle()

    (failure,) = failures
    assert isinstance(failure.__cause__, DeliveryError)
    assert {"stage": "deliver", "slices": ["in[0] 0-0"]} == failure.keys()
    assert {} == engine.ledger.finished


async def test_a_record_on_which_the_job_breaks_is_found_among_its_neighbours(engine, job, outbox, failures):
    job.poison = b"bad"
    await engine.accept(piece(0, 5, b"good", b"bad", b"good"))
    await settle()

    (failure,) = failures
    assert isinstance(failure.__cause__, ZeroDivisionError)
    assert {
        "stage": "process",
        "slices": ["in[0] 5-7"],
        "topic": "in",
        "partition": 0,
        "offset": 6,
    } == failure.keys()
    assert ([], {}) == (outbox.batches, engine.ledger.finished)


async def test_a_record_that_breaks_the_decoding_is_found_too(engine, job, failures, monkeypatch):
    decode = job.decode

    def strict(piece):
        if any(record.offset == 6 for record in piece.records):
            raise OverflowError
        return decode(piece)

    monkeypatch.setattr(job, "decode", strict)
    await engine.accept(piece(0, 5, b"a", b"b"))
    await settle()

    assert ["decode", 6] == [failures[0].keys()[name] for name in ("stage", "offset")]


async def test_a_flood_lets_go_what_was_set_aside_before_it_and_nothing_of_itself(engine, job, outbox, failures):
    marks = []

    async def commit_marked(topic, mark):
        marks.append((topic, mark, dict(engine.ledger.finished)))

    engine.commit_marked = commit_marked
    job.letters = b"x"
    await engine.accept(piece(0, 0, *[b"x"] * 99))
    await settle()
    await engine.accept(piece(0, 99, b"x", b"x"))
    await settle()
    assert [] == marks

    outbox.let_through(0)
    await settle()
    outbox.let_through(1)
    await settle()

    (failure,) = failures
    assert isinstance(failure, FloodError)
    assert [("in", "flood 101/101 TRUNCATED", {("in", 0): 99})] == marks
    assert {"topic": "in", "partition": 0, "offsets": (99, 100), "cause": "TRUNCATED"} == failure.keys()
    assert 2 == len(outbox.batches)


async def test_a_dead_letter_that_is_refused_stops_the_worker(engine, outbox, failures):
    await engine.accept(piece(0, 3, b"large"))
    await settle()
    outbox.let_through(0, refused=tuple(outbox.batches[0][0]))
    await settle()
    outbox.let_through(1, refused=tuple(outbox.batches[1][0]))
    await settle()

    (failure,) = failures
    assert isinstance(failure, RefusedError)
    assert "raise its max.message.bytes" in str(failure)
    assert {} == engine.ledger.finished


@pytest.mark.parametrize("kept", [True, False])
async def test_what_expires_unread_is_set_aside_with_its_bytes_or_says_that_they_are_gone(
    job, outbox, failures, monkeypatch, kept
):
    unread = Unread("in", 0, 4, b"k", 17, Cause.NEVER_SCHEDULED, "it waited")
    monkeypatch.setattr(job, "expire", lambda _table, _committed: Step(changed={b"k": None}, unread=[unread]))
    progress = Codec("progress", Progress)
    progress.use_for_writing(1)
    engine = Engine(EngineConfig("log", "dead", "w", expire_seconds=0.001), job, progress, None, failures.append)

    async def read_back(positions):
        return {one: ReadBack(b"k", 4, 17, b"bytes") for one in positions if kept}

    engine.letterbox.read_back = read_back
    engine.start(outbox)
    engine.resume(1, {0: TablePartition()})
    await outbox.wait_for_batch()
    await engine.stop()

    (letter,) = outbox.batches[0][0]
    reason = b"it waited" if kept else b"it waited; retention has deleted its bytes"
    assert (b"k", b"bytes" if kept else None) == (letter.key, letter.value)
    assert {("cause", b"NEVER_SCHEDULED"), ("exception", reason), ("source_offset", b"4")} <= {*letter.headers}


async def test_the_source_of_an_output_too_large_which_had_waited_in_a_state_is_read_again(engine):
    waited = ReadBack(b"k", 7, 70)

    async def read_back(positions):
        return {position: ReadBack(b"k", 7, 70, b"bytes") for position in positions}

    engine.letterbox.read_back = read_back
    source = (Slice("feature-events", 3, 0, (), 0), waited)

    letters = await engine.letterbox.of_too_large([Message("out", b"k", b"large", 3, source=source)])

    assert [b"bytes"] == [letter.value for letter in letters]
    assert ("source_offset", b"7") in letters[0].headers
    assert ("source_topic", b"feature-events") in letters[0].headers


async def test_an_output_too_large_becomes_a_dead_letter_of_its_source(engine, outbox):
    counted = []
    engine.letterbox.count = counted.append
    await engine.accept(piece(0, 3, b"large"))
    await settle()
    outbox.let_through(0, refused=tuple(outbox.batches[0][0]))
    await settle()

    letter = outbox.batches[1][0][0]
    assert ("dead", b"k", b"large") == (letter.topic, letter.key, letter.value)
    assert ("cause", b"OUTPUT_TOO_LARGE") in letter.headers
    assert ("source_offset", b"3") in letter.headers
    assert [Cause.OUTPUT_TOO_LARGE] == counted


async def test_a_lane_with_an_unknown_schema_waits_and_the_others_go_on(engine, outbox, learnt):
    await engine.accept(piece(0, 0, b"?"))
    await engine.accept(piece(0, 1))
    await engine.accept(piece(1, 0))
    await settle()

    assert [1] == [message.partition for messages, _ in outbox.batches for message in messages]

    learnt.set()
    await settle()
    assert [1, 0, 0] == [message.partition for messages, _ in outbox.batches for message in messages]


async def test_draining_forgets_what_waits_and_waits_for_what_is_under_way(engine, outbox):
    await engine.accept(piece(0, 0))
    await settle()
    draining = asyncio.create_task(engine.drain())
    await settle()

    assert not draining.done()

    outbox.let_through(0)
    await settle()
    outbox.let_through(1)
    await asyncio.wait_for(draining, 1)
    assert {("in", 0): 1} == engine.ledger.finished


async def test_a_slice_of_another_generation_is_left_alone(engine, outbox):
    await engine.accept(piece(0, 0, generation=2))
    await settle()

    assert [] == outbox.batches


async def test_nothing_is_accepted_between_drain_and_resume(engine, outbox):
    await engine.drain()
    await engine.accept(piece(0, 0))
    await settle()

    assert not engine.ready
    assert [] == outbox.batches


async def test_the_progress_record_says_how_far_inputs_and_outputs_are(engine, outbox):
    await engine.accept(piece(0, 5, b"a", b"b"))
    await settle()
    outbox.let_through(0)
    await settle()
    reader = Codec("progress", Progress)
    reader.learn(1, schema_json("progress"))

    written = reader.decode(outbox.batches[1][0][-1].value)

    assert Progress({"in@id-1": 7}, {"out": 2}) == written


async def test_the_end_of_the_outputs_moves_on_only_behind_all_that_an_owner_which_fell_may_have_written(
    engine, outbox
):
    table = TablePartition(outputs={"out": 40}, log_ends={"in@id-1": 9})
    engine.resume(1, {0: table})
    outputs = []
    for number, first in enumerate((5, 7)):
        outbox.ends["out", 0] = 100
        await engine.accept(piece(0, first, b"a", b"b"))
        await settle()
        outbox.let_through(2 * number)
        await settle()
        outputs.append(table.outputs["out"])
        outbox.let_through(2 * number + 1)
        await settle()

    assert [40, 102] == outputs


async def test_a_slice_from_before_a_rebalance_takes_none_of_the_new_ones_with_it(engine, outbox):
    old, new = piece(0, 0, generation=1), piece(0, 7, generation=2)
    await engine.drain()
    await engine._waiting.put(old)
    engine.resume(2, {0: TablePartition()})
    await engine.accept(new)
    await settle()

    assert [7] == [message.source[1].offset for messages, _ in outbox.batches for message in messages]


async def test_a_held_lane_is_paused_at_the_source_and_unpaused_once_its_schema_is_learnt(engine, learnt):
    calls = []
    engine.lanes.pause = lambda lane: calls.append(("pause", lane))
    engine.lanes.unpause = lambda lane: calls.append(("unpause", lane))
    await engine.accept(piece(0, 0, b"?"))
    await settle()

    assert [("pause", 0)] == calls

    learnt.set()
    await settle()
    assert [("pause", 0), ("unpause", 0)] == calls


async def test_an_offset_waits_until_a_later_step_has_reached_it(engine, outbox, job, monkeypatch):
    reached = [{}, {"in": 7}]

    async def process(batch, _tables):
        return [Step(changed={b"k": b"v"} if reached[0] else {}, reached=reached.pop(0)) for _ in batch]

    monkeypatch.setattr(job, "process", process)
    await engine.accept(piece(0, 5))
    await settle()
    assert ([], {}) == (outbox.batches, engine.ledger.finished)

    await engine.accept(piece(0, 6))
    await settle()
    outbox.let_through(0)
    await settle()
    assert {("in", 0): 7} == engine.ledger.finished


async def test_a_step_between_slices_reaches_offsets_too(job, outbox, failures, monkeypatch):
    monkeypatch.setattr(job, "expire", lambda _table, _committed: Step(reached={"in": 9}))
    progress = Codec("progress", Progress)
    progress.use_for_writing(1)
    engine = Engine(EngineConfig("log", "dead", "w", expire_seconds=0.001), job, progress, None, failures.append)
    engine.ledger.topic_ids = {"in": "id-1"}
    engine.start(outbox)
    engine.resume(1, {0: TablePartition()})
    await outbox.wait_for_batch()
    outbox.let_through(0)
    await settle()
    await engine.stop()

    assert {("in", 0): 9} == engine.ledger.finished
