import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.drift import DriftWindow
from monitors.histograms import CategoryBins, Histogram, QuantileBins
from monitors.latency import LatencyWindow
from monitors.verdicts import DriftThresholds, window_drift
from schemas.records import LatencyReport, MonitorPartial, PartialKind, StageLatency
from streams.dashboard.drift import DriftView, bin_names
from streams.dashboard.latency import LatencyWindows
from streams.dashboard.windows import MOST_MODELS, Windows
from streams.monitoring.merging import Complete, Counts, Parsed, Series
from streams.monitoring.parts import ModelKey, compact
from streams.monitoring.reports import drift_report
from tests.streams.monitoring.conftest import NAMES

HOUR_MS = 3_600_000
MODEL = ModelKey("m", "1", "CHAMPION", "d")
THRESHOLDS = DriftThresholds()


def partial(counts: Counts, kind: PartialKind, hour: int, place: tuple[int, int], model: str = "m") -> Parsed:
    """Return what partition place[0] has counted up to offset place[1]."""
    start_ms = hour * HOUR_MS
    return Parsed.of(
        MonitorPartial(
            model=model,
            model_version="1",
            variant="CHAMPION",
            window_start_ms=start_ms,
            window_end_ms=start_ms + HOUR_MS,
            bundle_digest="d",
            source_partition=place[0],
            sequence=place[1],
            closed=False,
            payload=compact(counts.to_dict()),
            kind=kind,
        )
    )


def latencies(*seconds: float) -> Counts:
    window = LatencyWindow()
    window.update_many({"total": list(seconds)})
    return Counts(window, 0)


def drifted(reference, hour: int, shift: float, matches: int = 700) -> Counts:
    chance = np.random.default_rng(hour)
    window = DriftWindow(reference)
    names = [f"{hour}/{one}" for one in range(matches)]
    matrix = np.hstack([chance.normal((shift, 0), size=(matches, 2)), chance.dirichlet((2, 2, 2), size=matches)])
    window.add_many(names, names, matrix)
    return Counts(window.counts(), 0)


@pytest.fixture
def view(reference) -> DriftView:
    return DriftView({"d": reference}, THRESHOLDS)


def parts(shown) -> dict[str, object]:
    return {name: json.loads(text) for name, text in shown.items()}


@given(st.permutations([(0, 5), (0, 9), (1, 3), (1, 3), (2, 7)]))
def test_of_each_partition_the_newest_counts_in_whatever_order_they_come(sent):
    windows: Windows[LatencyReport] = Windows(PartialKind.LATENCY, 5)
    windows.count(
        [partial(latencies(*[0.5] * sequence), PartialKind.LATENCY, 1, (one, sequence)) for one, sequence in sent]
    )

    total = windows.total((MODEL, HOUR_MS, 2 * HOUR_MS))
    assert total is not None
    assert 9 + 3 + 7 == total.content["total"].count


def test_no_more_than_so_many_windows_and_models_are_kept():
    windows: Windows[LatencyReport] = Windows(PartialKind.LATENCY, 3)
    for hour in range(10):
        for model in range(MOST_MODELS + 2):
            windows.count([partial(latencies(1), PartialKind.LATENCY, hour, (0, 1), f"m{model}"), None])
            windows.report([LatencyReport(f"m{model}", "1", "CHAMPION", hour * HOUR_MS, (hour + 1) * HOUR_MS, [], "d")])
    keys = windows.newest()

    assert {7, 8, 9} == {start_ms // HOUR_MS for _, start_ms, _ in keys}
    assert 3 * MOST_MODELS == len(keys)
    assert 3 * MOST_MODELS == sum(windows.reported(key) is not None for key in keys)


def test_an_open_window_of_latencies_shows_the_quantiles_of_what_was_counted_until_its_report_comes():
    latency = LatencyWindows()
    latency.windows.count([partial(latencies(*np.arange(1, 101) / 100), PartialKind.LATENCY, 1, (0, 100))])
    ((name, part),) = parts(latency.shown()).items()
    (total,) = [one for one in part["stages"] if one["stage"] == "total"]

    assert ("latency:m/1/CHAMPION/d/3600000", False, 100) == (name, part["closed"], total["count"])
    assert pytest.approx(0.95, rel=0.02) == total["p95"]

    reported = StageLatency("total", 100, 0, 0.1, 0.2, 0.3, 0.4, 0.5)
    latency.windows.report([LatencyReport("m", "1", "CHAMPION", HOUR_MS, 2 * HOUR_MS, [reported], "d")])
    (part,) = parts(latency.shown()).values()
    assert (True, [asdict(reported)]) == (part["closed"], part["stages"])


def test_an_open_window_of_drift_is_judged_as_the_monitor_would(reference, view):
    halves = [drifted(reference, 1, 0.0, 400), drifted(reference, 2, 1.0, 400)]
    view.windows.count([partial(half, PartialKind.DRIFT, 5, (number, 1)) for number, half in enumerate(halves)])
    found = parts(view.shown())

    whole = halves[0].content + halves[1].content
    verdicts = [asdict(one) for one in window_drift(whole, reference, THRESHOLDS)]
    window = found[f"window:m/1/CHAMPION/d/{5 * HOUR_MS}"]
    assert (False, verdicts, 800) == (window["closed"], window["features"], window["n_matches"])
    assert "DRIFT" == window["features"][0]["verdict"]
    assert json.loads(json.dumps(whole.counts)) == found[f"histogram:m/1/CHAMPION/d/{5 * HOUR_MS}"]["counts"]
    assert list(NAMES) == [one["feature"] for one in found["reference:d"]]
    assert all(len(one["bins"]) == len(one["counts"]) for one in found["reference:d"])


def test_a_report_stands_in_place_of_what_this_page_would_say(reference, view):
    counts = drifted(reference, 1, 1.0)
    series = Series(PartialKind.DRIFT, MODEL, HOUR_MS)
    verdicts = window_drift(counts.content, reference, THRESHOLDS)
    report = drift_report(Complete(series, HOUR_MS, counts), counts.content, verdicts, ["a"])
    view.windows.report([report])
    (window,) = [one for name, one in parts(view.shown()).items() if name.startswith("window:")]

    assert (True, ["a"], 700) == (window["closed"], window["alarms"], window["n_matches"])
    assert [one.psi for one in report.features] == [one["psi"] for one in window["features"]]
    assert not [name for name in view.shown() if name.startswith("histogram:")]


def test_counts_over_other_bins_than_the_reference_has_are_not_judged(reference):
    view = DriftView({}, THRESHOLDS)
    view.windows.count([partial(drifted(reference, 1, 0.0), PartialKind.DRIFT, 5, (0, 1))])
    (window,) = [one for name, one in parts(view.shown()).items() if name.startswith("window:")]

    assert [] == window["features"]


def test_bins_are_named_by_what_is_in_them():
    numbers = Histogram.of(QuantileBins((0.5, 1.0)), [0.1, 0.7, 3.0, float("nan")])

    assert ["to 0.5", "0.5 to 1", "above 1", "missing"] == bin_names(numbers)
    assert ["2", "5", "others", "missing"] == bin_names(Histogram.of(CategoryBins((2.0, 5.0)), [2.0]))
    assert ["any", "missing"] == bin_names(Histogram.of(QuantileBins(()), []))
