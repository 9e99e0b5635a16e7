"""Whatever comes in, the promises of tests/fuzz/targets.py hold; what once broke one is in the corpus."""

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.changes import ABSURD_NUMBERS, changed, varint
from tests.fuzz.command_line import OPTIONS, PATHS, run
from tests.fuzz.seeds import EXAMPLES, seeds
from tests.fuzz.targets import CODECS, TARGETS, decoded

CORPUS = Path(__file__).parent / "corpus"
SEEDS = {target: seeds(target) for target in sorted(TARGETS.keys() - {"arguments"})}
KNOWN_WORDS = (
    *OPTIONS, "match-events", "predict", "model-status", "kind=GOAL", "=", "earliest", "2022-11-20", "0", "-1", "nan",
)  # fmt: skip
# As a shell hands words over: any bytes but zeros. Python makes surrogates of those which are no UTF-8, and no others.
WORDS = (
    st.sampled_from(KNOWN_WORDS)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
    | st.binary(max_size=12).map(lambda word: os.fsdecode(word.replace(b"\x00", b"")))
)
patient = settings(deadline=None, suppress_health_check=list(HealthCheck))


def corpus() -> list[Path]:
    return sorted(file for file in CORPUS.rglob("*") if file.is_file())


@pytest.mark.parametrize("file", corpus(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_once_broke_a_promise_does_so_no_more(file):
    TARGETS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_as_it_should_be_is_taken(target):
    for seed in seeds(target):
        TARGETS[target](seed)


@pytest.mark.parametrize("target", SEEDS)
@given(data=st.data())
@patient
def test_any_bytes_keep_the_promises(target, data):
    TARGETS[target](data.draw(st.binary(max_size=200)))


@pytest.mark.parametrize("target", SEEDS)
@given(data=st.data())
@patient
def test_changed_bytes_keep_the_promises(target, data):
    valid = data.draw(
        st.sampled_from([seed for seed in seeds(target) if target != "graph"] or [seeds(target)[0][:5_000]])
    )
    TARGETS[target](data.draw(changed(valid)))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
@given(words=st.lists(WORDS, max_size=4))
@settings(patient, max_examples=6)
@example(words=["--no-such-option"])
@example(words=["\udcff", "\U0010ffff"])
def test_any_command_line_ends_with_a_sentence(path, words):
    run(path, words)


@pytest.mark.parametrize("number", ABSURD_NUMBERS)
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_absurd_length_anywhere_takes_no_memory(name, number):
    valid = CODECS[name].encode(EXAMPLES[name][0])
    tracemalloc.start()
    for place in range(5, len(valid)):
        decoded(CODECS[name], valid[:place] + varint(number) + valid[place:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000
