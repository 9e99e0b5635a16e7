"""Windows of predictions through real workers on a real broker: counted once, reported once, whoever is killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from models.bundle import bundle_of_kind, load_bundle, save_bundle
from monitors.drift import DriftWindow
from monitors.reference import ReferenceHistograms
from monitors.verdicts import window_drift
from schemas.plain_values import to_json
from schemas.records import DriftVerdict, PartialKind, Prediction, Variant
from streams.admin import Admin
from streams.cli import main
from streams.engine.murmur import partition_of
from streams.playing.errors import PlayError
from streams.playing.fresh_run import fresh_run
from tests.integration.world import wait_for
from tests.promtool import needed, promtool

pytestmark = pytest.mark.integration

HOUR_MS = 3_600_000
# Half a day ago: the brokers delete what is older than the topic's retention while a test still runs.
START_MS = (time.time_ns() // 1_000_000 // HOUR_MS - 12) * HOUR_MS
MATCHES, PARTITIONS = 700, 4
MODEL = ("tester", "3")
CATEGORY = 2  # the column with codes from 0 to 3; all other features are standard normal
SETTINGS = {
    "predictor": "bundle",
    "drift_window_seconds": 3600,
    "latency_window_seconds": 3600,
    "allowed_lateness_seconds": 60,
    "monitor_interval_seconds": 0.5,
}


@dataclass(frozen=True)
class Trained:
    """A bundle whose training data were made by `columns`, and where it is."""

    folder: str
    digest: str
    reference: ReferenceHistograms
    width: int


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Trained:
    shipped = load_bundle(bundle_of_kind("tree"))
    folder = tmp_path_factory.mktemp("bundle") / "tester"
    names = (*shipped.feature_names, "probability_home", "probability_draw", "probability_away")
    matrix = columns(np.random.default_rng(1), 10_000, len(shipped.feature_names))
    matches = [str(one) for one in range(10_000)]
    reference = ReferenceHistograms.from_matrix(names, matrix, matches, categories=[names[CATEGORY]])
    graph = (bundle_of_kind("tree") / "model.onnx").read_bytes()
    manifest = replace(shipped.manifest, model=MODEL[0], version=MODEL[1], files={})
    digest = save_bundle(folder, manifest, graph, reference.to_dict(), matrix[:50, :-3]).digest
    return Trained(str(folder), digest, reference, len(shipped.feature_names))


def columns(chance: np.random.Generator, rows: int, width: int) -> np.ndarray:
    features = chance.normal(size=(rows, width))
    features[:, CATEGORY] = chance.integers(0, 4, rows)
    return np.hstack([features, chance.dirichlet((4, 3, 2), size=rows)]).astype(np.float32)


def hour(
    trained: Trained, number: int, *, shift: float = 0.0, matches: int = MATCHES, broken: bool = False
) -> list[Prediction]:
    """Return two predictions a match in one hour, in the order of time; the first feature is moved by *shift*.

    In a *broken* hour a feed is missing in 30 % of them, a category is new in 20 %, and one value is an outlier.
    """
    chance = np.random.default_rng(100 + number)
    rows = columns(chance, 2 * matches, trained.width)
    rows[:, 0] += shift
    if broken:
        rows[chance.random(len(rows)) < 0.3, 1] = np.nan
        rows[chance.random(len(rows)) < 0.2, CATEGORY] = 7
        rows[0, 3] = 1e6
    step = (HOUR_MS - 1) // len(rows)
    return [
        prediction(trained, f"{number}-{row % matches}", START_MS + number * HOUR_MS + row * step, rows[row], str(row))
        for row in range(len(rows))
    ]


def prediction(trained: Trained, match: str, at_ms: int, row: Sequence[float], name: str) -> Prediction:
    source_ms = at_ms + 2_000
    home, draw, away = (float(one) for one in row[-3:])
    return Prediction(
        prediction_id=f"{match}/{name}",
        match_id=match,
        event_id=name,
        cause="TICK",
        occurred_at_ms=at_ms,
        competition="Friendly",
        minute=1,
        home_score=0,
        away_score=0,
        home=home,
        draw=draw,
        away=away,
        variant=Variant.CHAMPION,
        model=MODEL[0],
        model_version=MODEL[1],
        bundle_digest=trained.digest,
        feature_set="v1",
        features=[float(one) for one in row[:-3]],
        source_topic="match-events",
        source_partition=0,
        source_offset=0,
        source_timestamp_ms=source_ms,
        received_at_us=source_ms * 1000 + 1_500,
        decoded_at_us=source_ms * 1000 + 2_000,
        scored_at_us=source_ms * 1000 + 4_500,
    )


def past_the_end(trained: Trained, number: int, partitions: int = PARTITIONS) -> list[Prediction]:
    """Return a prediction for each partition, which ends all windows up to the hour *number*."""
    names: dict[int, str] = {}
    for one in range(1000):
        names.setdefault(partition_of(f"end-{one}".encode(), partitions), f"end-{one}")
    rows = columns(np.random.default_rng(0), partitions, trained.width)
    at_ms = START_MS + number * HOUR_MS + 30 * 60_000
    return [prediction(trained, name, at_ms, row, "end") for name, row in zip(names.values(), rows, strict=True)]


def send(world, predictions: Sequence[Prediction]) -> None:
    """Write predictions, delivered seven milliseconds after the timestamps of their causes."""
    producer = Producer(world.settings.librdkafka(partitioner="murmur2_random"))
    encode = world.codec("predictions").encode
    for one in predictions:
        producer.produce(
            world.settings.topic("predictions"),
            encode(one),
            one.match_id.encode(),
            timestamp=one.source_timestamp_ms + 7,
        )
        producer.poll(0)
    assert producer.flush(30) == 0


def expected_features(trained: Trained, predictions: Sequence[Prediction]) -> list[dict]:
    window = DriftWindow(trained.reference)
    matrix = np.array([[*one.features, one.home, one.draw, one.away] for one in predictions], dtype=np.float32)
    window.add_many([one.match_id for one in predictions], [one.prediction_id for one in predictions], matrix)
    return [asdict(one) for one in window_drift(window.counts(), trained.reference)]


def check_reports(world, trained: Trained, hours: dict[int, list[Prediction]]) -> None:
    """Check that each hour has one report of each kind, which is what all its predictions give."""
    drift = world.values("drift-reports")
    latency = world.values("latency-reports")
    starts = [START_MS + number * HOUR_MS for number in hours]
    assert starts == [one.window_start_ms for one in drift]
    assert starts == [one.window_start_ms for one in latency]
    for predictions, of_drift, of_latency in zip(hours.values(), drift, latency, strict=True):
        assert (MODEL, trained.digest) == ((of_drift.model, of_drift.model_version), of_drift.bundle_digest)
        assert (MATCHES, len(predictions)) == (of_drift.n_matches, of_drift.n_predictions)
        assert expected_features(trained, predictions) == [asdict(one) for one in of_drift.features]
        stages = {one.stage: one for one in of_latency.stages}
        assert {len(predictions)} == {one.count for one in stages.values()}
        assert {0} == {one.clock_behind for one in stages.values()}
        for stage, seconds in (
            ("received", 0.0015), ("decoded", 0.0005), ("scored", 0.0025), ("delivered", 0.003), ("total", 0.007),
        ):  # fmt: skip
            assert stages[stage].p50 == pytest.approx(seconds, rel=0.011)
            assert stages[stage].p999 == pytest.approx(seconds, rel=0.011)


@pytest.fixture
def monitored(world, trained):
    def start(**settings):
        return world.worker("monitor", bundle=trained.folder, **SETTINGS | settings)

    return start


def test_windows_are_counted_once_and_reported_once_each(world, trained, monitored):
    worker = monitored()
    hours = {0: hour(trained, 0), 1: hour(trained, 1)}
    both = hours[0] + hours[1]
    repeats = both[10:40]
    send(world, both[:200] + repeats + both[200:])
    world.send_bytes("predictions", (b"m", b"\x00\x00"))
    late = replace(hours[0][0], prediction_id="late", match_id=past_the_end(trained, 0)[0].match_id)
    send(world, [*past_the_end(trained, 3), late])
    world.wait_for_values("drift-reports", 2)
    world.wait_for_values("latency-reports", 2)

    check_reports(world, trained, hours)
    assert [{DriftVerdict.OK}] * 2 == [
        {one.verdict for one in report.features} for report in world.values("drift-reports")
    ]
    assert [b"TOO_SHORT"] == [dict(record.headers())["cause"] for record in world.read("dead-letters")]
    world.wait_caught_up("monitor")
    found = worker.metrics("touchline_")
    assert 30 == sum(value for name, value in found.items() if 'kind="repeated"' in name)
    assert 1 == sum(
        value
        for name, value in found.items()
        if name.startswith("touchline_late_predictions_total{") and "drift" in name
    )


def test_drift_in_mid_stream_is_alarmed_within_two_windows_an_outlier_never_and_people_are_told(
    world, trained, monitored, monkeypatch
):
    for name, value in world.settings.environment().items():
        monkeypatch.setenv(name, value)

    def told(*words: str):
        return CliRunner().invoke(main, list(words), catch_exceptions=False)

    before = told("drift")
    worker = monitored()
    quiet, broken = [0, 1], [2, 3]
    sent = [hour(trained, number) for number in quiet]
    sent += [hour(trained, number, shift=0.5, broken=True) for number in broken]
    send(world, [*(one for each in sent for one in each), *past_the_end(trained, 5)])
    reports = world.wait_for_values("drift-reports", 4)
    world.wait_for_values("latency-reports", 4)

    names = list(trained.reference.names)
    assert [[], [], [], sorted(names[:3])] == [list(one.alarms) for one in reports]
    assert [[], [], names[:3], names[:3]] == [
        [one.feature for one in report.features if one.verdict is DriftVerdict.DRIFT] for report in reports
    ]
    assert max(report.features[3].psi for report in reports) < 0.05
    assert reports[-1].features[1].null_rate == pytest.approx(0.3, abs=0.05)
    alarms = worker.metrics("touchline_drift_alarm{")
    assert names[:3] == [one for one in names if any(f'feature="{one}"' in each and alarms[each] for each in alarms)]

    assert (2, True) == (before.exit_code, "there is no drift report yet, and no monitor runs" in before.stderr)
    shown = json.loads(told("drift", "--json").stdout)["reports"]
    assert [to_json(one) for one in reports] == shown
    lines = told("drift").stdout.splitlines()
    assert sorted(names[:3]) == sorted(line.split()[0] for line in lines if "ALARM" in line)
    assert f"{len(names) - 3} features without drift" in "\n".join(lines)
    (latest,) = json.loads(told("latency", "--windows", "1", "--json").stdout)["reports"]
    assert latest == to_json(world.values("latency-reports")[-1])
    assert "total" in told("latency").stdout
    assert "there is no report of model 'x'; there are reports of: tester" in told("latency", "--model", "x").stderr
    assert "there is no feature 'x'" in told("drift", "--feature", "x").stderr
    assert ([json.dumps(one) for one in shown], 0, "") == watched(4, "drift")


def watched(lines: int, *words: str) -> tuple[list[str], int, str]:
    """Return the first *lines* of a watch that is then interrupted, its exit code and its errors."""
    command = [sys.executable, "-P", "-m", "streams.cli", *words, "--watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        found = [process.stdout.readline().strip() for _ in range(lines)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    return found, process.returncode, errors


@pytest.mark.slow
def test_a_monitor_that_is_killed_again_and_again_counts_what_an_undisturbed_one_counts(world, trained, monitored):
    worker = monitored()
    hours = {0: hour(trained, 0), 1: hour(trained, 1)}
    both = hours[0] + hours[1]
    for part in (both[:900], both[900:1100], both[1100:2000], both[2000:]):
        before = len(world.values("monitor-partials"))
        send(world, part)
        world.wait_for_values("monitor-partials", before + 1)
        worker.kill_child("monitor")
        worker.wait_ready()
    worker.kill_child("monitor-merge")
    send(world, past_the_end(trained, 3))
    world.wait_for_values("drift-reports", 2, seconds=90)
    world.wait_for_values("latency-reports", 2)

    check_reports(world, trained, hours)


@pytest.mark.slow
def test_three_monitors_over_twelve_partitions_count_what_one_counts_also_when_one_of_them_is_killed(
    world, trained, prefix, world_of
):
    wide = world_of(world.settings.model_copy(update={"topic_prefix": f"{prefix}wide-", "partitions": 12}))
    Admin(wide.settings).create_topics()
    workers = [wide.worker("monitor", wait=False, bundle=trained.folder, **SETTINGS) for _ in range(3)]
    for worker in workers:
        worker.wait_ready(120)
    hours = {0: hour(trained, 0), 1: hour(trained, 1)}
    both = hours[0] + hours[1]

    def counted(worker) -> float:
        return sum(
            value for name, value in worker.metrics("touchline_events_total{").items() if 'kind="counted"' in name
        )

    send(wide, both[:1500])
    wait_for(lambda: all(map(counted, workers)), 60, wide.said)
    workers[0].kill_child("monitor")
    send(wide, [*both[1500:], *past_the_end(trained, 3, 12)])
    wide.wait_for_values("drift-reports", 2, seconds=90)
    wide.wait_for_values("latency-reports", 2)

    check_reports(wide, trained, hours)  # against one window over all of them


def test_a_reset_monitor_counts_everything_again_and_reports_each_window_anew(world, trained, monitored, world_of):
    worker = monitored()
    hours = {0: hour(trained, 0)}
    send(world, hours[0] + past_the_end(trained, 3))
    world.wait_for_values("drift-reports", 1)
    world.wait_for_values("latency-reports", 1)
    again = fresh_run(world.settings, "monitor", "again")
    with pytest.raises(PlayError, match="has members: stop the monitor worker first"):
        again.make("earliest")
    worker.stop()

    again.make("earliest")
    other = world_of(world.settings.model_copy(update={"run_id": "again"}))
    other.worker("monitor", bundle=trained.folder, **SETTINGS)
    both = [other.wait_for_values(topic, 2) for topic in ("drift-reports", "latency-reports")]
    other.wait_caught_up("monitor-merge")

    assert [(2, 1), (2, 1)] == [(len(found), len({repr(one) for one in found})) for found in both]


def test_live_figures_are_shown_while_a_window_is_open_and_idle_partitions_hold_none_open(world, trained, monitored):
    worker = monitored(monitor_idle_seconds=4)
    send(world, hour(trained, 0))
    partials = world.wait_for_values("monitor-partials", 1)

    assert all(not one.closed for one in partials if one.kind is not PartialKind.PROGRESS)

    # Nothing more comes: the partitions become idle, and by the wall clock these hours are long over.
    (report,) = world.wait_for_values("drift-reports", 1)
    assert (MATCHES, 2 * MATCHES) == (report.n_matches, report.n_predictions)
    labels = 'model="tester",role="monitor-merge",'
    assert {MATCHES} == set(worker.metrics("touchline_window_matches{").values())
    assert len(trained.reference.names) == len(worker.metrics("touchline_drift_psi{"))
    assert all(labels in name for name in worker.metrics("touchline_drift_p_value{"))
    quantiles = worker.metrics("touchline_latency_seconds{")
    assert 25 == len(quantiles)
    assert {f'quantile="{one}"' for one in (0.5, 0.9, 0.95, 0.99, 0.999)} == {
        part for name in quantiles for part in name.strip("}").split(",") if part.startswith("quantile")
    }


def test_predictions_of_an_unknown_bundle_give_latency_and_are_counted(world, trained, monitored):
    worker = monitored(monitor_idle_seconds=4)
    unknown = [replace(one, bundle_digest="f" * 64, features=[0.5]) for one in hour(trained, 0, matches=20)]
    send(world, unknown)
    (report,) = world.wait_for_values("latency-reports", 1)

    assert ("f" * 64, 40) == (report.bundle_digest, report.stages[0].count)
    assert [] == world.values("drift-reports")
    assert 40 == sum(worker.metrics("touchline_unknown_bundle_predictions_total").values())
    assert 1 == world.said().count("reference.missing")


def test_the_metrics_of_all_roles_have_no_fault_that_promtool_finds(world, trained):
    needed("promtool")
    worker = world.worker("predict", "rate", "monitor", bundle=trained.folder, **SETTINGS)
    send(world, hour(trained, 0))
    world.wait_for_values("monitor-partials", 1)
    world.wait_caught_up("monitor-merge")
    exposition = worker.get("/metrics")[1]

    done = promtool("check", "metrics", given=exposition)

    assert "kafka_consumergroup_lag{" in exposition
    assert "touchline_latency_seconds{" in exposition
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
