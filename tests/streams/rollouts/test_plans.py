"""Plans from YAML files."""

from pathlib import Path

import pytest

from monitors.rollout_plan import PlanError
from streams.rollouts.plans import LARGEST, read_plan, usual_plan, usual_text

LINE = "steps: [{stage: canary, percent: 100, minMatches: 5}]\n"


def test_the_usual_plan_is_shadow_then_canaries_up_to_all_with_every_check(tmp_path):
    plan = usual_plan()

    assert [0, 0.01, 0.05, 0.25, 0.5, 1] == [step.share for step in plan.steps]
    assert all(getattr(plan.checks, name) for name in type(plan.checks).model_fields)
    copy = tmp_path / "plan.yaml"
    copy.write_text(usual_text())
    assert plan == read_plan(copy)


def test_the_plan_of_the_documentation_is_one(tmp_path):
    page = (Path(__file__).parents[3] / "docs/rollouts.md").read_text()
    (tmp_path / "plan.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])

    assert 3 == len(read_plan(tmp_path / "plan.yaml").steps)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("alpha: 0.1\nalpha: 0.2\n" + LINE, "is not YAML, line 1: alpha stands there twice"),
        ("checks: {errorRate: {limit: 1, limit: 2}}\n" + LINE, "limit stands there twice"),
        ("steps: [", "is not YAML, line 1: "),
        ("steps: !!python/object:os.system {}\n", "is not YAML, line 1: could not determine a constructor"),
        ("a: 2026-13-45\n", "is not YAML: month must be in 1..12"),
        ("? [1]\n: 2\n", "is not YAML, line 1: "),
        ("\0", "is not YAML: unacceptable character #x0000"),
        ("[" * 600, "is not YAML: "),
        ("", "is NoneType, not a mapping with steps and checks"),
        ("alpha: 1e-2\n" + LINE, "alpha is '1e-2': input should be a valid number"),
        ("3: 4\n" + LINE, "3 is not a field of a plan"),
        ("a: &x [1,1]\nb: &y [*x,*x]\nsteps: [*y,*y]\n", "is not a field of a plan"),
        ("#" * (LARGEST + 1), f"is larger than {LARGEST:,} bytes"),
    ],
)
def test_what_is_no_plan_is_told_in_one_sentence_with_the_file(tmp_path, text, sentence):
    file = tmp_path / "plan.yaml"
    file.write_text(text)

    with pytest.raises(PlanError) as error:
        read_plan(file)

    assert str(error.value).startswith(str(file))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(PlanError, match=r"none\.yaml cannot be read: No such file"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "plan.yaml").write_bytes(b"alpha: \xff")
    with pytest.raises(PlanError, match="is not YAML: "):
        read_plan(tmp_path / "plan.yaml")
