"""Each alert: fires when it should and not when it should not, asks for what is exported, and has a page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.exported_metrics import asked, exported
from tests.promtool import promtool

ROOT = Path(__file__).parents[1]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus-alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
TESTS = sorted((ROOT / "tests/data").glob("prometheus-alerts*.test.yml"))
# What must be seen (the definitions of the monitors), and by which alert.
WANTED = {
    "lag in seconds rises": "LagRises",
    "p95 above 200 ms": "LatencyHigh",
    "more than 1 % errors": "ErrorsHigh",
    "confidence below its baseline": "ConfidenceLow",
    "drift": "FeatureDrifts",
    "dead letters": "DeadLetters",
    "committed offset does not move": "CommitsStall",
    "delivery errors": "DeliveryFails",
    "model contract refused": "ModelRefused",
    "no latency reports": "LatencyReportsMissing",
    "no drift reports": "DriftReportsMissing",
    "no performance reports": "PerformanceReportsMissing",
}


def cases() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield alert and expected samples of each case of the promtool tests."""
    for file in TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test["promql_expr_test"]:
                found = re.fullmatch(r'ALERTS{alertname="(\w+)", alertstate="firing"}', case["expr"])
                assert found, case
                yield found[1], case["exp_samples"]


def test_promtool_accepts_configuration_and_rules():
    for words in (("check", "config", "deploy/prometheus.yml"), ("check", "rules", "deploy/prometheus-alerts.yml")):
        done = promtool(*words)
        assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_alerts_fire_and_do_not_fire_as_their_cases_say(file):
    done = promtool("test", "rules", str(file))

    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    alerts = {rule["alert"] for rule in RULES}

    assert alerts == {alert for alert, samples in cases() if samples}
    assert alerts == {alert for alert, samples in cases() if not samples}


def test_what_must_be_seen_has_an_alert():
    assert {*WANTED.values()} <= {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_severity_words_and_a_page(rule):
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert {"summary", "description", "runbook_url"} == {*rule["annotations"]}
    assert f"docs/runbook/{rule['alert']}.md" == rule["annotations"]["runbook_url"]
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_words_of_an_alert_name_labels_that_it_has(rule):
    fired = [sample["labels"] for alert, samples in cases() if alert == rule["alert"] for sample in samples]
    named = {label for text in rule["annotations"].values() for label in re.findall(r"\$labels\.(\w+)", text)}

    for labels in fired:
        assert named <= set(re.findall(r'(\w+)="', labels))


def test_alerts_ask_for_metrics_which_are_exported():
    names = {name for rule in RULES for name in asked(rule["expr"])}

    assert names
    assert names <= exported()
