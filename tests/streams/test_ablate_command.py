"""`touchline ablate` from a folder of history to a table."""

import json

import pytest
from click.testing import CliRunner

from streams.cli import main
from tests.streams.small_history import write_history

OPTIONS = ["--since", "2000-01-01", "--share", "0.004", "--threads", "1", "--test-from", "2001-05-01", "--test-until",
           "2001-08-01"]  # fmt: skip


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    write_history(folder)
    return folder


def run(*words):
    return CliRunner().invoke(main, ["ablate", *map(str, words)])


def test_each_part_is_told_with_its_loss_and_its_cost(data):
    result = run("--data", data, "--set", "in-play", "--kind", "mean", "--json", *OPTIONS)

    assert 0 == result.exit_code, result.output
    found = json.loads(result.stdout)
    told = {one["without"]: one for one in found["variants"]}
    assert {"nothing", "elo", "pi", "course", "xgboost", "lightgbm", "mlp"} <= told.keys()
    assert found["recommended_without"] in told
    assert told["mlp"]["cost_per_1000"] == pytest.approx(told["mlp"]["micros"] / 3.6e6 * 0.04)


def test_people_read_a_table_and_a_recommendation(data):
    result = run("--data", data, "--kind", "heuristic", "--within", "1", *OPTIONS)

    text = " ".join(result.stdout.split())
    assert "internationals, heuristic, 2001-05-01 .. 2001-08-01" in text
    assert "Cheapest within 1.0 nats of the best: the " in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--kind", "bart"], "--kind is 'bart', not one of"),
        (["--set", "friendlies"], "--set is 'friendlies', not one of"),
        (["--test-until", "2001-04-01"], "are not in this order"),
        (["--since", "2001-04-30"], "at least 50 are needed to learn from"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(words, sentence, data):
    result = run("--data", data, *OPTIONS, *words)

    assert 2 == result.exit_code
    assert sentence in " ".join(result.stderr.split())
