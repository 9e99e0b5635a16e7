"""The journal of a retraining: what is written is read again, and what is damaged is told."""

import json
from dataclasses import replace

import pytest

from streams.retraining.run import Cause, Recipe, Run, RunError, StepDone, read_runs, save, with_step

RUN = Run(
    "20261126T120000Z",
    "m",
    "a" * 64,
    "2",
    "why",
    Cause("asked", "somebody asked for it", 1),
    Recipe("data", "clubs", "tree", "v2", "1990-01-01", 730, 0.2, 2),
    5,
)
PASSED = StepDone(
    "record", passed=True, said="3 matches", began_ms=1, ended_ms=2, commands=[["train"]], facts={"matches": 3}
)
SAID_NO = StepDone("judge", passed=False, said="worse", began_ms=3, ended_ms=4)


def test_what_is_written_is_read_again(tmp_path):
    later = replace(RUN, name="20261127T120000Z", plan="plan.yaml", rollout=True, verdict="promoted")
    for run in (later, with_step(RUN, PASSED)):
        save(tmp_path, run)

    first, second = read_runs(tmp_path)
    assert first.facts("record") == {"matches": 3}
    assert [list(words) for words in first.steps[0].commands] == [["train"]]
    assert (first.verdict, second) == (None, later)


def test_a_step_that_says_no_ends_the_run():
    assert with_step(RUN, PASSED).verdict is None
    run = with_step(with_step(RUN, PASSED), SAID_NO)

    assert run.verdict == "refused"
    assert run.step("judge") == SAID_NO
    assert (run.step("train"), run.facts("train")) == (None, {})


def test_there_are_no_runs_in_a_folder_that_is_not_there(tmp_path):
    assert read_runs(tmp_path / "nothing") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "its beginning: Invalid JSON"),
        ("{}", "name: Field required"),
        (None, "verdict: Input should be 'refused', 'challenger', 'promoted' or 'rolled back'"),
    ],
)
def test_a_damaged_journal_is_told_in_a_sentence(tmp_path, content, sentence):
    save(tmp_path, RUN)
    file = tmp_path / RUN.name / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"verdict": "?"}) if content is None else content)

    with pytest.raises(RunError, match=r"run\.json is no journal of a retraining") as told:
        read_runs(tmp_path)
    assert sentence in str(told.value)
    assert "remove its folder to forget it" in str(told.value)
