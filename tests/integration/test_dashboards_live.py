"""A real Prometheus scrapes real workers while predictions flow, and every panel of the dashboards shows something."""

import json
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.records import EventKind, MatchEvent, Side
from tests.dashboards import queries
from tests.integration.world import wait_for
from tests.promtool import needed

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = (time.time_ns() // 1_000_000 // DAY_MS - 2) * DAY_MS - HOUR_MS  # an hour before a day ends
MATCHES = 700  # drift has no verdict below 600: 50 for each of 12 bins
ENDED = 20
PREDICTIONS = 4 * MATCHES  # after fixture, ratings (which rate sends for each fixture), a goal, and a goal or the end
SETTINGS = {
    "drift_window_seconds": 3600,
    "latency_window_seconds": 1,
    "allowed_lateness_seconds": 0,
    "monitor_interval_seconds": 0.5,
    "monitor_idle_seconds": 3600,  # a day is closed without partitions that are idle, as all are between two parts
    "cost_matrix": "zero-one",
}
_CANNOT_BE_PARSED = 400


class Prometheus:
    """A server of its own on loopback; its data are gone with the test's folder."""

    def __init__(self, folder: Path, *targets: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        config = {
            "global": {"scrape_interval": "3s", "evaluation_interval": "3s"},
            "rule_files": [str(ROOT / "deploy/prometheus-alerts.yml")],
            "scrape_configs": [{"job_name": "touchline", "static_configs": [{"targets": list(targets)}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = folder / "prometheus.log"
        self.process = subprocess.Popen(
            [
                needed("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                "--log.level=warn",
            ],
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def ask(self, path: str, **arguments: str) -> Any:
        """Return the data of an answer; a query that cannot be parsed is an AssertionError with what is wrong."""
        query = urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:  # noqa: S310 - our own loopback
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code != _CANNOT_BE_PARSED:
                raise
            raise AssertionError(f"{arguments}: {error.read().decode()}") from error

    def values(self, query: str) -> list[float]:
        """Return the numbers which *query* answers; NaN is none."""
        found = self.ask("query", query=query)
        samples = [found["value"]] if found["resultType"] == "scalar" else [one["value"] for one in found["result"]]
        return [number for _, text in samples if not math.isnan(number := float(text))]

    def is_up(self) -> bool:
        try:
            return set(self.values("up")) == {1.0}
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def watched(world, tmp_path) -> Iterator[tuple[Any, Prometheus]]:
    """Workers of the roles, and a Prometheus that scrapes them."""
    needed("prometheus")
    # Two workers, since a scrape ends with the first role that takes longer for an answer.
    workers = [
        world.worker(*roles, wait=False, **SETTINGS) for roles in (("predict", "rate", "monitor"), ("performance",))
    ]
    for worker in workers:
        worker.wait_ready(120)
    folder = tmp_path / "prometheus"
    folder.mkdir()
    prometheus = Prometheus(folder, *(worker.url.removeprefix("http://") for worker in workers))
    try:
        wait_for(prometheus.is_up, 120, prometheus.log.read_text)
        yield world, prometheus
    finally:
        prometheus.stop()
        shutil.rmtree(folder / "data")


def fixtures() -> list[MatchEvent]:
    fixture = {"competition": "Friendly", "neutral": False, "kick_off_ms": START_MS}
    return [
        MatchEvent(
            f"{one}-scheduled", f"m{one}", EventKind.SCHEDULED, START_MS + one,
            home_team=f"home {one}", away_team=f"away {one}", **fixture,
        )
        for one in range(MATCHES)
    ]  # fmt: skip


def goals(minute: int, at_ms: int, first: int = 0) -> list[MatchEvent]:
    return [
        MatchEvent(f"{one}-{minute}", f"m{one}", EventKind.GOAL, at_ms + one, minute, (Side.HOME, Side.AWAY)[one % 2])
        for one in range(first, MATCHES)
    ]


def ends(at_ms: int) -> list[MatchEvent]:
    return [
        MatchEvent(
            f"{one}-end", f"m{one}", EventKind.FULL_TIME, at_ms + one, 90,
            home_score=1 - one % 2, away_score=one % 2,
        )
        for one in range(ENDED)
    ]  # fmt: skip


def until(prometheus: Prometheus, query: str, enough: Callable[[list[float]], bool]) -> None:
    wait_for(lambda: enough(prometheus.values(query)), 180, lambda: f"{query}: {prometheus.values(query)}")


def test_every_panel_shows_something_and_every_query_of_rules_and_runbook_is_understood(watched):
    world, prometheus = watched
    # Rates need two scrapes: a part is sent when the one before has been seen. The last ends the windows of the others.
    predictions = "sum(touchline_predictions_total)"
    world.send("match-events", *fixtures())
    until(prometheus, predictions, lambda found: found == [2 * MATCHES])
    world.send("match-events", *goals(20, START_MS + HOUR_MS // 2))
    until(prometheus, predictions, lambda found: found == [3 * MATCHES])
    world.send("match-events", *ends(START_MS + 3 * HOUR_MS // 4))
    # Predictions of the next day, read before these results, would close the day without them: no lateness is allowed.
    until(prometheus, "sum(touchline_outcomes_total)", lambda found: found == [ENDED])
    world.send("match-events", *goals(80, START_MS + 2 * HOUR_MS, ENDED))
    until(prometheus, predictions, lambda found: found == [PREDICTIONS])
    until(prometheus, "sum by (window) (touchline_window_reports_total)", lambda found: len(found) == 2 and all(found))
    until(prometheus, "touchline_performance_reports_total", lambda found: found == [2])

    def empty() -> set[str]:
        return {where for where, query in queries() if not prometheus.values(query)}

    wait_for(lambda: not empty(), 90, lambda: f"no answer to {empty()}")
    check_against_plain_counts(prometheus)
    for query in queries_of_pages():
        prometheus.values(query)
    assert {"ok"} == {one["health"] for group in prometheus.ask("rules")["groups"] for one in group["rules"]}


def check_against_plain_counts(prometheus: Prometheus) -> None:
    assert [PREDICTIONS] == prometheus.values("sum(touchline_predicted_outcomes_total)")
    # Either a prediction says home, draw or away as likeliest, so the shares of the panel add up.
    panels = dict(queries())
    (share,) = [query for where, query in panels.items() if "likeliest outcome" in where]
    assert sum(prometheus.values(share)) == pytest.approx(1)
    (confidence,) = [query for where, query in panels.items() if "Confidence and its baseline A" in where]
    assert all(1 / 3 <= value <= 1 for value in prometheus.values(confidence))
    written = "sum(max by (topic, partition) (kafka_topic_partition_current_offset{topic=~'.*match-events'}))"
    until(prometheus, written, lambda found: found == [3 * MATCHES])  # lag is measured at an interval
    assert [ENDED] == prometheus.values("sum(touchline_final_scores_total)")
    judged = 'touchline_judged_matches{window="30d", minute="all"}'
    assert [ENDED] == prometheus.values(judged)


def queries_of_pages() -> Iterator[str]:
    for page in sorted((ROOT / "docs/runbook").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL):
            yield from (line for line in block.splitlines() if line.strip())
