"""`touchline accuracy`: the newest report of each model, for people and for programs."""

import json
from contextlib import nullcontext
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.records import PerformanceReport
from streams.cli import main
from streams.commands import accuracy as under_test
from streams.performance.contents import Content
from streams.performance.reports import segment_performance
from streams.topics import DAY_MS
from tests.streams.performance.offline import figures, judged_rows, story

DAY = 20_000
NOWHERE = ("--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1")


def report(model: str, last: int, days: int, log_loss: float = 1.0) -> dict:
    segments = [segment_performance(name, Content(), None) for name in ("all", "minute=0-14", "competition=Cup")]
    segments = [dict(asdict(one), log_loss=log_loss, n_matches=1234) for one in segments]
    made = PerformanceReport(
        model, "1", "CHAMPION", (last + 1 - days) * DAY_MS, (last + 1) * DAY_MS, "all", 1234, 3, log_loss, 0.2, 0.5,
        float("nan"), 0.1, "d" * 64, n_pending=3, n_missing=2, n_late=1,
    )  # fmt: skip
    return {**asdict(made), "segments": segments}


@pytest.fixture
def run(monkeypatch):
    told = [report("b", DAY, 30, 0.5), report("a", DAY, 30), report("a", DAY, 7), report("a", DAY - 1, 30, 0.9)]
    monkeypatch.setattr(under_test, "performance_reports", lambda _settings: nullcontext(lambda: told))
    return lambda *words: CliRunner().invoke(main, ["accuracy", *NOWHERE, *words])


def test_programs_get_the_newest_report_of_each_model_and_what_is_unknown_as_null(run):
    found = json.loads(run("--json").stdout)

    assert [("a", 1.0), ("b", 0.5)] == [(one["model"], one["log_loss"]) for one in found]
    assert [None, None] == [one["accuracy"] for one in found]
    assert {(DAY + 1) * DAY_MS} == {one["window_end_ms"] for one in found}


def test_people_get_a_table_with_the_parts_they_ask_for(run):
    whole, parts = run("--model", "a", "--days", "7"), run("--by", "minute")

    assert "a 1 champion dddddddd, 2024-09-28 .. 2024-10-04: 3 pending (2 missing), 1 late, 0 cancelled" in whole.stdout
    assert "1,234" in whole.stdout
    assert ("minute" not in whole.stdout, 2) == (True, parts.stdout.count("minute=0-14"))
    assert "Cup" not in parts.stdout


def test_a_watch_tells_each_report_once_as_they_come_and_ends_quietly(monkeypatch):
    told, coming = [], [report("a", DAY, 30, 0.9), report("a", DAY + 1, 30, 0.8), None]

    def wait(_seconds: float) -> None:
        match coming.pop(0):
            case None:
                raise KeyboardInterrupt
            case one:
                told.append(one)

    monkeypatch.setattr(under_test, "performance_reports", lambda _settings: nullcontext(lambda: told))
    monkeypatch.setattr(under_test.time, "sleep", wait)
    done = CliRunner().invoke(main, ["accuracy", *NOWHERE, "--watch", "--json"])

    assert [0.9, 0.8] == [json.loads(line)["log_loss"] for line in done.stdout.splitlines()]
    assert (0, "") == (done.exit_code, done.stderr)

    coming[:] = [None]
    picture = CliRunner().invoke(main, ["accuracy", *NOWHERE, "--watch", "--model", "nobody"])
    assert "Waiting: performance-reports has no report of 30 days of model 'nobody'" in " ".join(picture.stdout.split())


def test_without_a_report_one_sentence_says_what_to_do(run):
    done = run("--model", "c")

    assert 2 == done.exit_code
    assert "performance-reports has no report of 30 days of model 'c'" in done.stderr
    assert "touchline worker performance" in done.stderr


def test_the_offline_recomputation_of_the_tests_knows_a_case_by_hand():
    events, said = story(2, DAY, np.random.default_rng(0))
    rows = [one for one in judged_rows(said, events) if one.segment == "all"]

    assert {2} == {one.came for one in rows}  # a later FULL_TIME said 0-1
    assert (1, 8) == (figures(rows)["n_matches"], figures(rows)["n_predictions"])
