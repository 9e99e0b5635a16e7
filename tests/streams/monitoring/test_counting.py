"""The monitor job: when it writes, what it holds back, and when a partition is idle."""

import json
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import MonitorPartial, MonitorState, PartialKind, Prediction
from streams.engine.murmur import partition_of
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Intake, Reader
from streams.metrics import WorkerMetrics
from streams.monitoring.counting import MonitorJob, MonitorPace, MonitorTopics
from streams.monitoring.figures import MonitorFigures
from streams.monitoring.partition import HEAD_KEY, WindowSizes
from streams.monitoring.parts import Parts
from streams.monitoring.roles import _check


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes], ...] = ()


def codec_of(name, record_type):
    codec = Codec(name, record_type)
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    return codec


@pytest.fixture(name="now")
def _now():
    return [100.0]


@pytest.fixture(name="registry")
def _registry():
    return CollectorRegistry()


@pytest.fixture(name="predictions")
def _predictions():
    return codec_of("prediction", Prediction)


@pytest.fixture(name="partials")
def _partials():
    return codec_of("monitor_partial", MonitorPartial)


@pytest.fixture(name="job")
def _job(reference, now, registry, predictions, partials):
    known = {"d": reference}
    reader = Reader(predictions.decode, _check(known), lambda one: one.occurred_at_ms)
    return MonitorJob(
        Intake({"predictions": reader}, 1),
        MonitorTopics("predictions", "partials", "dead"),
        partials,
        codec_of("monitor_state", MonitorState),
        WindowSizes(10_000, 10_000, 0),
        Parts(known),
        MonitorPace(interval_seconds=2, idle_seconds=30),
        WorkerMetrics(registry, "monitor"),
        MonitorFigures(registry),
        "w",
        clock=lambda: now[0],
    )


@pytest.fixture(name="piece")
def _piece(predictions, predicted):
    def make(first: int, *values) -> Slice:
        """Return a slice of predictions at seconds of event time, or of any bytes."""
        records = []
        for place, one in enumerate(values):
            made = one if isinstance(one, Prediction) else None if isinstance(one, bytes) else predicted("m", one)
            value = one if made is None else predictions.encode(made)
            timestamp = 0 if made is None else made.occurred_at_ms + 9
            records.append(FakeRecord(first + place, b"m", value, timestamp))
        assert partition_of(b"m", 1) == 0
        return Slice("predictions", 0, 1, records, 0)

    return make


async def process(job, table, *pieces):
    return await job.process([job.decode(one) for one in pieces], {0: table})


def kinds(partials, step) -> list[str]:
    return [partials.decode(message.value).kind.value for message in step.outputs]


async def test_slices_between_two_writings_hold_their_offsets_back(job, now, partials, piece):
    table = TablePartition()
    first, second = await process(job, table, piece(0, 1, 2), piece(2, 3))
    assert ({}, {}, [], []) == (first.reached, second.reached, first.outputs, second.outputs)

    now[0] += 2
    first, second = await process(job, table, piece(3, 4), piece(4, 5))
    assert ({}, {"predictions": 5}) == (first.reached, second.reached)
    assert ["DRIFT", "LATENCY", "PROGRESS"] == kinds(partials, second)
    assert 5 == partials.decode(second.outputs[0].value).sequence
    assert HEAD_KEY in second.changed


async def test_a_window_that_closes_is_told_at_once(job, partials, piece):
    (step,) = await process(job, TablePartition(), piece(0, 1, 2, 11))
    told = [partials.decode(message.value) for message in step.outputs]

    assert {"predictions": 3} == step.reached
    assert [True, True, False, False] == [one.closed for one in told if one.kind is not PartialKind.PROGRESS]
    assert {"watermarks_ms": {"DRIFT": 11_000, "LATENCY": 11_002}, "idle": False} == json.loads(told[-1].payload)


async def test_what_was_held_back_is_written_at_the_next_look(job, now, piece):
    table = TablePartition()
    await process(job, table, piece(0, 1))
    assert job.expire(table, {}) is None

    now[0] += 2
    assert {"predictions": 1} == job.expire(table, {}).reached
    assert job.expire(table, {}) is None


async def test_a_silent_partition_says_once_that_it_is_idle(job, now, partials, piece):
    table = TablePartition()
    assert job.expire(table, {}) is None

    now[0] += 30
    idle = job.expire(table, {})
    assert [True] == [json.loads(partials.decode(one.value).payload)["idle"] for one in idle.outputs]
    assert job.expire(table, {}) is None

    await process(job, table, piece(0, 1))
    now[0] += 2
    awake = job.expire(table, {})
    assert not json.loads(partials.decode(awake.outputs[-1].value).payload)["idle"]


async def test_a_table_restored_goes_on_from_what_was_written(job, now, partials, piece):
    table = TablePartition()
    await process(job, table, piece(0, 1, 2))
    now[0] += 2
    job.expire(table, {})
    await process(job, table, piece(2, 3))  # folded, never written
    again = TablePartition(states=table.states)
    await process(job, again, piece(2, 3, 4))
    now[0] += 2
    step = job.expire(again, {})

    counts = json.loads(partials.decode(step.outputs[0].value).payload)["counts"]
    assert (4, 1) == (counts["rows"], counts["matches"])


async def test_what_cannot_be_a_prediction_is_set_aside_and_the_rest_is_counted(job, now, registry, predicted, piece):
    table = TablePartition()
    bad = [
        b"\x00\x00",
        predicted("m", 1, "sum", home=0.9),
        predicted("m", 1, "range", home=-0.5),
        predicted("m", 1, "width", features=[1.0]),
        predicted("m", 1, "clock", received_at_us=-(10**18)),
        predicted("other", 1),
    ]
    now[0] += 2
    (step,) = await process(job, table, piece(0, *bad, 2))
    causes = [dict(message.headers)["cause"] for message in step.outputs if message.topic == "dead"]

    assert [b"TOO_SHORT", *4 * [b"IMPOSSIBLE_VALUE"], b"KEY_MISMATCH"] == causes
    assert 1 == registry.get_sample_value(
        "touchline_events_total", {"role": "monitor", "topic": "predictions", "kind": "counted"}
    )
    reason = dict(step.outputs[3].headers)["exception"].decode()
    assert "the number of features is 1, not 2 as in its bundle" == reason


async def test_an_unknown_bundle_is_counted_and_told_once(job, registry, predicted, piece):
    table = TablePartition()
    other = [predicted("m", at, bundle_digest="other") for at in (1, 2, 3)]
    await process(job, table, piece(0, *other[:2]))
    await process(job, table, piece(2, other[2]))

    assert 3 == registry.get_sample_value("touchline_unknown_bundle_predictions_total")
    assert {"other"} == job._unknown
