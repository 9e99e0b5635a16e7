"""`touchline rollout`: what programs and people are told, and what cannot be."""

import json
import re

import pytest
from click.testing import CliRunner

from models.bundle import bundle_of_kind
from streams.cli import main
from streams.rollouts.plans import usual_text
from tests.streams.small_history import write_history

SHORT = """
windowHours: 24
steps:
  - {stage: shadow, minMatches: 40, margin: 0.3}
  - {stage: canary, percent: 100, minMatches: 40, maxHours: 240}
checks:
  logLoss: {margin: 0.1}
"""
BANDIT = "  - {stage: bandit, percent: 50, floor: 1, minMatches: 1}\n"


def run(*words):
    return CliRunner().invoke(main, ["rollout", *map(str, words)])


@pytest.fixture(name="plan")
def _plan(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text(SHORT)
    return file


def test_the_usual_plan_is_printed_and_can_be_checked(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text(run("plan").stdout)

    assert usual_text() == file.read_text()
    told = run("plan", file).stdout
    assert 6 == len(told.splitlines())
    assert "shadow: 100 matches and 48 h or more, held after 2160 h; worse by less than 0.05 nats" in told


def test_the_simulation_tells_programs_and_people_what_it_found(plan):
    words = ["simulate", "--plan", plan, "--runs", 3, "--matches", 50]
    told = json.loads(run(*words, "--json").stdout)
    text = " ".join(run(*words).stdout.split())

    assert {"false_rejections", "false_promotions", "median_matches_to_verdict"} < told.keys()
    assert ["equal", "worse", "better", "at the margin", "mixed"] == [one["scenario"] for one in told["scenarios"]]
    assert (3, 50, 0.05, 0.1) == (told["runs"], told["matches_a_window"], told["alpha"], told["margin"])
    for one in told["scenarios"]:
        assert 3 == one["promoted"] + one["rolled_back"] + one["held"]
    assert told["median_matches_to_verdict"]["equal"] == told["scenarios"][0]["median_matches_to_verdict"]
    assert "3 roll-outs of each challenger" in text
    assert "alpha of the plan is 5.0%" in text


def test_an_interrupted_simulation_is_told_in_one_sentence(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("streams.commands.rollout_simulation.endings", interrupted)
    result = run("simulate")

    assert (2, 1) == (result.exit_code, len(result.stderr.splitlines()))
    assert "interrupted before all roll-outs had ended" in result.stderr


def test_two_bundles_are_compared_on_past_matches(plan, tmp_path, monkeypatch):
    write_history(tmp_path, days=400)
    monkeypatch.setattr("streams.commands.rollout_options.learned_until", lambda _: None)
    words = ["compare", bundle_of_kind("heuristic"), bundle_of_kind("mlp"), "--plan", plan, "--data", tmp_path]

    told = json.loads(run(*words, "--from", "2000-02-01", "--json").stdout)
    text = run(*words, "--from", "2000-02-01").stdout

    assert told["status"] in {"RUNNING", "PROMOTED", "ROLLED_BACK"}
    assert told["matches"] >= 40
    assert told["windows"] == told["matches"]
    assert told["turns"][-1]["why"] == told["why"]
    assert ["logLoss"] == [one["name"] for one in told["turns"][0]["checks"]]
    assert re.search(rf"^{told['status']} after {told['matches']:,} matches", text, re.MULTILINE)
    assert told["why"] in text
    assert 0 <= told["served"]["by_challenger"] <= told["matches"]
    assert f"The challenger would have served {told['served']['by_challenger']:,.0f} of them, at " in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plan", "none.yaml"], "none.yaml cannot be read: No such file or directory"),
        (["simulate", "--plan", "none.yaml"], "none.yaml cannot be read"),
        (["simulate", "--runs", "0"], "0 is not in the range 1<=x<=100000"),
        (["compare", "no", "bundle"], "no: manifest.json cannot be read: No such file or directory"),
        (["compare", "{b}", "{b}", "--from", "2020-01-01"],
         "the first day is 2020-01-01, but one of the bundles has learned from matches until 2022-11-19"),
        (["compare", "{b}", "{b}", "--from", "May"], "--from is 'May', not a date such as"),
        (["compare", "{b}", "{b}", "--set", "friendlies"], "--set is 'friendlies', not one of"),
        (["compare", "{b}", "{b}", "--data", "nowhere"], "is missing: --data names the folder with the match history"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*(word.format(b=bundle_of_kind("mlp")) for word in words))

    assert 2 == result.exit_code
    assert sentence in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [["start", "12345678", "--why", "w"], ["status"], ["go-on", "--why", "w"]])
def test_a_bandit_is_refused_on_the_running_stream_before_anything_is_asked_for(words, plan):
    plan.write_text(SHORT.replace("  - {stage: canary", f"{BANDIT}  - {{stage: canary", 1))
    result = run(*words, "--plan", plan, "--bootstrap-servers", "127.0.0.1:1")

    assert 2 == result.exit_code
    sentence = "bandit 1 to 50 %: a bandit is simulated and compared only; on the running stream use a canary"
    assert f"Error: {sentence}" == " ".join(result.stderr.split())


def test_a_dashboard_by_a_plan_that_is_none_is_told_before_anything_else():
    result = CliRunner().invoke(main, ["dashboard", "--plan", "none.yaml", "--bootstrap-servers", "127.0.0.1:1"])

    assert 2 == result.exit_code
    assert "none.yaml cannot be read: No such file or directory" in " ".join(result.stderr.split())


def test_days_without_a_match_are_told(tmp_path):
    write_history(tmp_path, days=100)
    bundle = bundle_of_kind("mlp")
    result = run("compare", bundle, bundle, "--data", tmp_path)

    assert 2 == result.exit_code
    assert "was played from 2022-11-20 on" in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [[], ["plan"], ["simulate"], ["compare"]])
def test_help_has_an_example(words):
    assert "Example:" in run(*words, "--help").output


def test_a_replay_with_two_bundles_gives_the_verdict_without_a_broker(plan, tmp_path, monkeypatch):
    write_history(tmp_path, days=130)
    monkeypatch.setattr("streams.commands.rollout_options.learned_until", lambda _: None)
    bundles = ["--bundle", str(bundle_of_kind("heuristic")), "--bundle", str(bundle_of_kind("mlp"))]
    words = ["replay", "--history", str(tmp_path), "--from", "2000-03-01", "--plan", str(plan), *bundles, "--json"]

    result = CliRunner().invoke(main, words, env={"TOUCHLINE_BOOTSTRAP_SERVERS": "127.0.0.1:1"})

    assert 0 == result.exit_code, result.output
    told = json.loads(result.stdout)
    assert told["matches"] == told["windows"] >= 1
    assert told["status"] in {"RUNNING", "PROMOTED", "ROLLED_BACK"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--bundle", "{b}"], "--bundle is given 1 times, not twice: first the champion, then the challenger"),
        (["--plan", "plan.yaml"], "--plan is of a roll-out: name champion and challenger by --bundle, twice"),
        (["--bundle", "{b}", "--bundle", "{b}"], "has learned from matches until 2022-11-19"),
    ],
)
def test_a_replay_for_a_verdict_that_cannot_be_is_told(words, sentence, tmp_path):
    write_history(tmp_path, days=20)
    words = [word.format(b=bundle_of_kind("mlp")) for word in words]
    result = CliRunner().invoke(main, ["replay", "--history", str(tmp_path), *words])

    assert 2 == result.exit_code
    assert sentence in " ".join(result.stderr.split())
