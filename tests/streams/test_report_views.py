"""Drift and latency as people see them, and the simulation's command."""

import io
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from schemas.records import DriftReport, DriftVerdict, FeatureDrift, LatencyReport, StageLatency
from streams.cli import main
from streams.commands.drift_views import DriftPicture, worst_first
from streams.commands.latency_views import latency_picture
from streams.live_view import sparkline
from streams.monitoring.reading import chosen, model_of


def feature(name: str, psi: float | None, verdict: DriftVerdict = DriftVerdict.OK) -> FeatureDrift:
    return FeatureDrift(name, 812, 10, psi, 0.013, 0.5, None, None, 0.25, verdict)


def drift_report(*features: FeatureDrift, alarms=(), model="m") -> DriftReport:
    return DriftReport(model, "1", "CHAMPION", 0, 86_400_000, "d", 812, 1_624, 3, features, alarms)


LOUD = drift_report(
    feature("quiet", 0.02), feature("high", 0.4, DriftVerdict.DRIFT), feature("few", None, DriftVerdict.TOO_FEW),
    feature("alarmed", 0.01), feature("a_name_which_is_far_too_long_for_any_terminal", 0.03), alarms=["alarmed"],
)  # fmt: skip
STAGES = [StageLatency(stage, 1_500, 0, 0.001, 0.002, 0.003, 2.5, None) for stage in ("received", "total")]
SLOW = LatencyReport("m", "1", "CHAMPION", 0, 60_000, STAGES, "d")


def drawn(picture, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(picture)
    return console.file.getvalue().splitlines()


@given(st.lists(st.none() | st.floats(0, 10)), st.floats(0.01, 10))
def test_a_sparkline_has_a_mark_for_each_value_and_a_higher_one_is_never_lower(values, top):
    line = sparkline(values, top)

    assert len(values) == len(line)
    marks = sorted(
        (value, "▁▂▃▄▅▆▇█".index(mark)) for value, mark in zip(values, line, strict=True) if value is not None
    )
    assert [mark for _, mark in marks] == sorted(mark for _, mark in marks)
    assert [value is None for value in values] == [mark == "·" for mark in line]


def test_what_was_set_aside_is_told_by_cause_and_only_when_there_is_any():
    picture = DriftPicture(everything=False, threshold=0.1)
    refused = replace(LOUD, refused={"BAD_MAGIC": 2, "TOO_SHORT": 1_200})

    assert "1,202 records set aside so far: TOO_SHORT 1,200, BAD_MAGIC 2" in drawn(
        picture({model_of(refused): [refused]}, 100), 100
    )
    assert not any("set aside" in line for line in drawn(picture({model_of(LOUD): [LOUD]}, 100), 100))


def test_the_worst_come_first_alarms_before_drift_before_the_rest_by_psi():
    assert ["alarmed", "high", "a_name_which_is_far_too_long_for_any_terminal", "quiet", "few"] == [
        one.feature for one in worst_first(LOUD)
    ]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("everything", [True, False])
def test_drift_fits_its_terminal_with_the_windows_it_has_room_for(width, everything):
    lines = drawn(DriftPicture(everything, 0.1)({model_of(LOUD): [LOUD] * 200}, width), width)

    assert max(map(cell_len, lines)) <= width
    (row,) = [line for line in lines if line.startswith("high")]
    assert ["high", "0.400", "0.013", "0.500", "812", "25.0%", "drift"] == row.split()[:7]
    assert set(row.split()[7]) == {"█"}
    assert everything is any(line.startswith("quiet") for line in lines)


def test_of_what_is_not_shown_the_number_and_the_worst_are_told():
    text = "\n".join(drawn(DriftPicture(everything=False, threshold=0.1)({model_of(LOUD): [LOUD]}, 120), 120))

    assert "2 features without drift; the highest PSI is 0.030" in text
    assert "1 feature without a verdict; 812 matches are too few" in text
    assert "ALARM" in text


def test_models_in_alarm_come_first_and_names_cannot_move_the_cursor():
    calm = drift_report(feature("x", 0.01), model="a\x1b[2J")
    text = "\n".join(
        drawn(DriftPicture(everything=True, threshold=0.1)({model_of(calm): [calm], model_of(LOUD): [LOUD]}, 120), 120)
    )

    assert text.index("m 1  champion") < text.index("a\\x1b[2J 1")
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_latency_fits_its_terminal(width):
    behind = replace(SLOW, stages=[replace(STAGES[0], clock_behind=2), STAGES[1]])
    lines = drawn(latency_picture({model_of(SLOW): [*[SLOW] * 100, behind]}, width), width)

    assert max(map(cell_len, lines)) <= width
    (row,) = [line for line in lines if line.startswith("total")]
    assert ["total", "1,500", "1.0", "ms", "2.0", "ms", "3.0", "ms", "2.5", "s", "-"] == row.split()[:11]
    assert len(row.split()[11]) == len(row.split()[12]) >= 10
    assert "2 differences were negative" in "\n".join(lines)


def test_a_model_without_reports_is_told_with_those_that_have_some():
    assert [model_of(LOUD)] == list(chosen({model_of(LOUD): [LOUD]}, "m"))
    assert {} == chosen({}, "x")
    with pytest.raises(LookupError, match="no report of model 'x'; there are reports of: m"):
        chosen({model_of(LOUD): [LOUD]}, "x")


def test_the_simulation_tells_programs_and_people_what_it_found():
    runner, words = CliRunner(), ["drift", "simulate", "--n", "500", "--runs", "1", "--windows", "2"]
    told = json.loads(runner.invoke(main, [*words, "--json"], catch_exceptions=False).stdout)
    text = runner.invoke(main, words, catch_exceptions=False).stdout

    (size,) = told["by_n"]
    assert (500, 5, 16, 0.0) == (size["n"], size["windows"], size["features"], size["false_alarm_rate"])
    assert told["detected"] == size["detected"]
    assert told["windows_to_detection"] == size["windows_to_detection"] == dict.fromkeys(size["detected"], 2.0)
    assert ["match", "row"] * 2 == [one["unit"] for one in told["correlated_rows"]]
    assert "False alarms: 0.00% of feature-windows." in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["drift", "--json", "simulate"], "options of simulate come after its name"),
        (["drift", "simulate", "--n", "0"], "0 is not in the range 1<=x<=200000"),
        (["drift", "simulate", "--features", "7"], "7 is not in the range 8<=x<=256"),
        (["latency", "--windows", "0"], "0 is not in the range 1<=x<=1000"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, sentence):
    result = CliRunner().invoke(main, words)

    assert 2 == result.exit_code
    assert sentence in result.stderr


@pytest.mark.parametrize("words", [["drift"], ["drift", "simulate"], ["latency"]])
def test_help_has_an_example(words):
    assert "Example:" in CliRunner().invoke(main, [*words, "--help"]).output
