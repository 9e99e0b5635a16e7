"""The monitor-merge job: one report a window, alarms over windows, figures of the newest."""

import json

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitors.drift import DriftWindow
from monitors.latency import LatencyWindow
from monitors.verdicts import DriftThresholds
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import DriftReport, LatencyReport, MonitorPartial, MonitorState, PartialKind
from streams.engine.slices import Slice
from streams.engine.table import TablePartition
from streams.intake import Reader
from streams.metrics import WorkerMetrics
from streams.monitoring.figures import ReportFigures
from streams.monitoring.reporting import ReportCodecs, ReportJob, ReportTopics
from streams.monitoring.reports import report_id

SIZE_MS = 1_000


class FakeRecord:
    key, timestamp, headers = b"m", 0, ()

    def __init__(self, offset, value):
        self.offset, self.value = offset, value


def codec_of(name, record_type):
    codec = Codec(name, record_type)
    codec.learn(1, schema_json(name))
    codec.use_for_writing(1)
    return codec


@pytest.fixture(name="registry")
def _registry():
    return CollectorRegistry()


@pytest.fixture(name="codecs")
def _codecs():
    return ReportCodecs(
        codec_of("drift_report", DriftReport),
        codec_of("latency_report", LatencyReport),
        codec_of("monitor_state", MonitorState),
    )


@pytest.fixture(name="partial")
def _partial():
    return codec_of("monitor_partial", MonitorPartial)


@pytest.fixture(name="make_job")
def _make_job(reference, partial, codecs):
    def make(registry):
        return ReportJob(
            Reader(partial.decode, lambda _: None, lambda one: one.window_end_ms),
            ReportTopics("partials", "drift", "latency", "dead"),
            codecs,
            {"d": reference},
            DriftThresholds(),
            partitions=1,
            lateness_ms=0,
            metrics=WorkerMetrics(registry, "monitor-merge"),
            figures=ReportFigures(registry),
            worker="w",
            wall_clock=lambda: 0.0,
        )

    return make


@pytest.fixture(name="say")
def _say(reference, partial):
    def window(number: int, shift: float, digest: str = "d") -> bytes:
        chance = np.random.default_rng(number)
        rows = np.hstack([chance.normal(size=(700, 2)), chance.dirichlet((2, 2, 2), size=700)])
        rows[:, 0] += shift
        counted = DriftWindow(reference)
        counted.add_many([str(one) for one in range(700)], [f"p{one}" for one in range(700)], rows)
        payload = json.dumps({"late": 2, "counts": counted.counts().to_dict()}).encode()
        start_ms, end_ms = number * SIZE_MS, (number + 1) * SIZE_MS
        return partial.encode(MonitorPartial("m", "1", "CHAMPION", start_ms, end_ms, digest, 0, number, True, payload))  # noqa: FBT003 - a field

    def latency(number: int) -> bytes:
        counted = LatencyWindow()
        counted.update_many({"total": [0.25] * 9 + [2.0]})
        payload = json.dumps({"late": 0, "counts": counted.to_dict()}).encode()
        start_ms, kind = number * SIZE_MS, PartialKind.LATENCY
        return partial.encode(
            MonitorPartial(
                "m",
                "1",
                "CHAMPION",
                start_ms,
                start_ms + SIZE_MS,
                "d",
                0,
                number,
                closed=True,
                payload=payload,
                kind=kind,
            )
        )

    def mark(number: int) -> bytes:
        marks = {"DRIFT": number * SIZE_MS, "LATENCY": number * SIZE_MS}
        payload = json.dumps({"watermarks_ms": marks, "idle": False}).encode()
        kind = PartialKind.PROGRESS
        return partial.encode(MonitorPartial("", "", "", 0, 0, "", 0, number, closed=False, payload=payload, kind=kind))

    return {"drift": window, "latency": latency, "mark": mark}


async def process(job, table, *values):
    piece = Slice("partials", 0, 1, [FakeRecord(place, value) for place, value in enumerate(values)], 0)
    (step,) = await job.process([job.decode(piece)], {0: table})
    return step


async def test_an_alarm_needs_drift_in_two_windows_and_outlives_a_restart(make_job, registry, say, codecs):
    table = TablePartition()
    step = await process(make_job(CollectorRegistry()), table, say["drift"](0, 0.7), say["mark"](1))
    first = codecs.drift.decode(step.outputs[0].value)
    job = make_job(registry)
    step = await process(job, TablePartition(states=table.states), say["drift"](1, 0.7), say["mark"](2))
    second = codecs.drift.decode(step.outputs[0].value)

    assert ((), ("a",)) == (first.alarms, second.alarms)
    assert (700, 700, 2) == (second.n_matches, second.n_predictions, second.late)
    labels = {"model": "m", "version": "1", "variant": "CHAMPION"}
    assert [1.0, 0.0] == [
        registry.get_sample_value("touchline_drift_alarm", {**labels, "feature": name}) for name in ("a", "b")
    ]
    psi = {one.feature: one.psi for one in second.features}
    assert psi["a"] == registry.get_sample_value("touchline_drift_psi", {**labels, "feature": "a"})
    assert 700 == registry.get_sample_value("touchline_window_matches", labels)


async def test_a_report_which_is_out_already_is_not_written_again(make_job, registry, say, codecs):
    said = (say["drift"](0, 0.0), say["latency"](0), say["mark"](1))
    step = await process(make_job(CollectorRegistry()), TablePartition(), *said)
    drift, latency = step.outputs
    known = {report_id(codecs.drift.decode(drift.value)), report_id(codecs.latency.decode(latency.value))}
    again = TablePartition(already_out=known)
    step = await process(make_job(registry), again, *said)

    assert [] == step.outputs
    assert any(key.startswith(b"taken/") for key in again.states)


async def test_latency_quantiles_are_reported_and_shown(make_job, registry, say, codecs):
    step = await process(make_job(registry), TablePartition(), say["latency"](0), say["mark"](1))
    report = codecs.latency.decode(step.outputs[0].value)
    stages = {one.stage: one for one in report.stages}

    assert (10, None) == (stages["total"].count, stages["scored"].p50)
    assert stages["total"].p50 == pytest.approx(0.25, rel=0.01)
    text = generate_latest(registry).decode()
    assert (
        'touchline_latency_seconds{model="m",quantile="0.5",stage="scored",variant="CHAMPION",version="1"} NaN' in text
    )
    assert 'touchline_latency_seconds_count{model="m",stage="total",variant="CHAMPION",version="1"} 10.0' in text


async def test_an_open_window_is_shown_at_the_next_look(make_job, registry, say):
    job, table = make_job(registry), TablePartition()
    await process(job, table, say["drift"](3, 0.0), say["latency"](3))
    assert job.expire(table, {}) is None

    assert 700 == registry.get_sample_value(
        "touchline_window_predictions", {"model": "m", "version": "1", "variant": "CHAMPION"}
    )


async def test_drift_of_a_bundle_that_is_not_known_here_gives_no_report(make_job, registry, say):
    step = await process(make_job(registry), TablePartition(), say["drift"](0, 0.0, "other"), say["mark"](1))

    assert [] == step.outputs
    assert any(key.startswith(b"taken/") for key in step.changed)


def test_reports_that_have_not_been_made_are_0_so_that_the_first_one_is_an_increase(make_job, registry):
    make_job(registry)

    for window in ("drift", "latency"):
        assert 0 == registry.get_sample_value("touchline_window_reports_total", {"window": window})


async def test_what_is_no_partial_is_set_aside_and_late_ones_are_counted(make_job, registry, say, partial):
    nonsense = partial.encode(MonitorPartial("m", "1", "CHAMPION", 0, 1, "d", 0, 1, closed=False, payload=b"[1]"))
    backwards = partial.encode(MonitorPartial("m", "1", "CHAMPION", 9, 1, "d", 0, 1, closed=False, payload=b"{}"))
    said = (b"\x07", None, nonsense, backwards, say["drift"](0, 0.0), say["mark"](1))
    job, table = make_job(registry), TablePartition()
    step = await process(job, table, *said)
    await process(job, table, say["drift"](0, 0.0))

    causes = [dict(message.headers)["cause"] for message in step.outputs if message.topic == "dead"]
    assert [b"TOO_SHORT", b"TOO_SHORT", b"IMPOSSIBLE_VALUE", b"IMPOSSIBLE_VALUE"] == causes
    assert 1 == registry.get_sample_value("touchline_late_partials_total")
