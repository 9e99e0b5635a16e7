"""What starts a retraining by itself, and what does not."""

from dataclasses import replace

import pytest

from schemas.records import DriftReport
from streams.retraining import causes
from streams.retraining.causes import HOUR_MS, Triggers, accuracy_cause, cause_of, drift_cause
from streams.retraining.run import Cause, Recipe, Run
from streams.settings import Settings
from streams.topics import DAY_MS

CHAMPION, OTHER = "a" * 64, "b" * 64
RECIPE = Recipe("data", "internationals", "tree", "v2", "1990-01-01", 730, 1.0, 2)
NOW = 100 * DAY_MS


def report(end_ms, alarms=("elo_difference",), digest=CHAMPION):
    return DriftReport("m", "1", "CHAMPION", end_ms - DAY_MS, end_ms, digest, 500, 900, 0, [], list(alarms), {})


def performance(end_ms, log_loss, *, digest=CHAMPION, n_matches=400, days=30):
    whole = {"n_matches": n_matches, "log_loss": log_loss, "estimated_log_loss": 0.8}
    start = end_ms - days * DAY_MS
    return {"bundle_digest": digest, "window_start_ms": start, "window_end_ms": end_ms, "segments": [whole]}


def run(began_ms, kind="drift", at_ms=0):
    return Run("r", "m", CHAMPION, "2", "why", Cause(kind, "said", at_ms), RECIPE, began_ms)


def test_an_alarm_of_drift_is_a_cause_and_names_the_features():
    found = drift_cause([report(DAY_MS, []), report(2 * DAY_MS, ["minute", "elo_difference"])], CHAMPION, 0)

    assert found == Cause("drift", "drift of elo_difference, minute in the window until 1970-01-03 00:00", 2 * DAY_MS)


@pytest.mark.parametrize(
    "reports",
    [
        [],
        [report(2 * DAY_MS, [])],
        [report(2 * DAY_MS, digest=OTHER)],
        [report(DAY_MS), report(2 * DAY_MS, [])],  # it has gone
    ],
)
def test_without_an_alarm_of_the_champion_there_is_no_cause(reports):
    assert drift_cause(reports, CHAMPION, 0) is None


def test_an_alarm_counts_once():
    assert drift_cause([report(2 * DAY_MS)], CHAMPION, 2 * DAY_MS) is None
    assert drift_cause([report(3 * DAY_MS)], CHAMPION, 2 * DAY_MS) is not None


def test_predictions_that_are_worse_than_they_say_are_a_cause():
    found = accuracy_cause([performance(DAY_MS, 0.86)], Triggers(accuracy=0.05), CHAMPION, 0)

    assert found is not None
    assert found.said == (
        "log loss 0.8600 over 400 matches until 1970-01-02 00:00, +0.0600 worse than its probabilities say"
    )


@pytest.mark.parametrize(
    "found",
    [
        performance(DAY_MS, 0.85),  # just what is allowed
        performance(DAY_MS, 0.9, n_matches=199),
        performance(DAY_MS, 0.9, digest=OTHER),
        performance(DAY_MS, None),
        performance(0, 0.9),
        performance(DAY_MS, 0.9) | {"segments": []},
    ],
)
def test_near_enough_few_or_old_results_are_no_cause(found):
    assert accuracy_cause([found], Triggers(accuracy=0.05), CHAMPION, 0) is None


def test_of_the_reports_of_a_day_the_longer_one_counts():
    reports = [performance(DAY_MS, 0.9, days=7), performance(DAY_MS, 0.8, days=30)]

    assert accuracy_cause(reports, Triggers(accuracy=0.05), CHAMPION, 0) is None


def test_time_is_a_cause_at_first_and_when_it_has_passed():
    def look(runs, now=NOW):
        return cause_of(Settings(), Triggers(every_days=7), CHAMPION, runs, now)

    assert look([]) == Cause("schedule", "the first one", NOW)
    assert look([run(NOW - 6 * DAY_MS)]) is None
    assert look([run(NOW - 7 * DAY_MS)]) == Cause("schedule", "7 days since the last one", NOW)


def test_an_alarm_waits_until_the_last_run_has_rested(monkeypatch):
    asked = []

    def drift(_settings, _digest, after_ms):
        asked.append(after_ms)
        return Cause("drift", "drift", NOW)

    monkeypatch.setattr(causes, "_drift", drift)
    triggers = Triggers(drift=True, rest_hours=24)

    assert cause_of(Settings(), triggers, CHAMPION, [run(NOW - 23 * HOUR_MS, at_ms=5)], NOW) is None
    assert cause_of(Settings(), triggers, CHAMPION, [run(NOW - 24 * HOUR_MS, at_ms=5)], NOW) is not None
    assert asked == [5]  # a window that ends later than the one which started that run


def test_runs_for_other_causes_do_not_hide_an_alarm(monkeypatch):
    asked = []
    monkeypatch.setattr(causes, "_drift", lambda _settings, _digest, after_ms: asked.append(after_ms))
    asked_for = replace(run(0, "asked"), cause=Cause("asked", "said", NOW))

    cause_of(Settings(), Triggers(drift=True), CHAMPION, [run(0, at_ms=7), asked_for], NOW)

    assert asked == [7]
