"""A training that was interrupted goes on from its finished fits, to the same bytes; other fits are never taken up."""

import os
from dataclasses import fields, replace

import numpy as np
import pytest

from features.feature_sets import FEATURE_SETS
from models import finished_fits
from models.finished_fits import FinishedFits, fit_digest
from models.fitted_arrays import arrays_of, member_of
from models.fitting import Sizes, fit_member
from models.graph import GraphBuilder
from models.heuristic import heuristic_member
from models.training import train

FITTED = ("tree", "forest", "xgboost", "lightgbm", "mlp")


class StoppedError(Exception):
    """What stands for a crash."""


def graph_of(member, width):
    builder = GraphBuilder(width)
    return builder.serialised(member.add_to(builder))


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("kind", FITTED)
def test_a_member_from_its_arrays_answers_and_exports_bit_for_bit_alike(examples, tiny, kind, start):
    some = examples if start else replace(examples, start=None)
    member = fit_member(kind, some, tiny)

    again = member_of(kind, arrays_of(member), some.start)

    assert member.predict_proba(some.matrix).tobytes() == again.predict_proba(some.matrix).tobytes()
    assert graph_of(member, some.matrix.shape[1]) == graph_of(again, some.matrix.shape[1])


def test_only_what_is_fitted_has_arrays(names):
    with pytest.raises(TypeError, match="HeuristicMember is no member that is fitted"):
        arrays_of(heuristic_member(names))


@pytest.mark.parametrize("kind", [*FITTED, "mean", "stack"])
def test_an_interrupted_training_ends_with_the_bytes_of_an_undisturbed_one(rows, judged, tiny, tmp_path, kind):
    names = FEATURE_SETS["v1"].names
    undisturbed = train(kind, names, rows, judged, sizes=tiny)
    fits = {"mean": 2 * 3, "stack": 6 * 3}.get(kind, 2)

    said, finished = [], 0
    for stop in (fits // 2, fits - 1):
        interrupted = FinishedFits(tmp_path / "fits", said.append)

        def fit(kind, examples, sizes, at=stop, those=interrupted):
            if len(those.kept) == at:
                raise StoppedError
            return those.fit_member(kind, examples, sizes)

        with pytest.raises(StoppedError):
            train(kind, names, rows, judged, sizes=tiny, fit=fit)
        assert interrupted.taken_up == finished
        finished = stop
    last = FinishedFits(tmp_path / "fits", said.append)
    resumed = train(kind, names, rows, judged, sizes=tiny, fit=last.fit_member)

    assert last.taken_up == fits - 1
    assert all(sentence.startswith("Taken up: ") for sentence in said)
    assert undisturbed.graph == resumed.graph
    assert undisturbed.metrics == resumed.metrics
    last.forget()
    assert not list(tmp_path.iterdir())


def test_a_fit_of_other_rows_options_or_code_is_not_taken_up(examples, tiny, monkeypatch):
    matrix, results, weights = (one.copy() for one in (examples.matrix, examples.results, examples.weights))
    matrix[3, 4] = np.nextafter(matrix[3, 4], np.float32(9))
    results[7] = (results[7] + 1) % 3
    weights[9] = np.nextafter(weights[9], 0)
    others = [
        ("lightgbm", examples, tiny),
        ("xgboost", replace(examples, matrix=matrix), tiny),
        ("xgboost", replace(examples, matrix=examples.matrix.T.reshape(examples.matrix.shape)), tiny),
        ("xgboost", replace(examples, results=results), tiny),
        ("xgboost", replace(examples, weights=weights), tiny),
        ("xgboost", replace(examples, start=None), tiny),
        *(("xgboost", examples, replace(tiny, **{one.name: Larger.of(tiny, one.name)})) for one in fields(Sizes)),
    ]
    digests = [fit_digest(*one) for one in [("xgboost", examples, tiny), *others]]
    monkeypatch.setattr(finished_fits, "_code", lambda: ("another version",))
    digests.append(fit_digest("xgboost", examples, tiny))

    assert len(set(digests)) == len(digests) == 8 + len(fields(Sizes))


def test_fits_of_other_rows_or_options_are_said_to_be_left_alone_once(examples, tiny, tmp_path):
    for trees in (8, 9):
        FinishedFits(tmp_path).fit_member("xgboost", examples, replace(tiny, xgboost_trees=trees))
    fewer = replace(examples, matrix=examples.matrix[1:], results=examples.results[1:], weights=examples.weights[1:])
    said = []
    fits = FinishedFits(tmp_path, said.append)
    for kind in ("xgboost", "tree"):
        fits.fit_member(kind, fewer, tiny)

    rows = f"{len(fewer.results):,} rows with these options, libraries and code"
    assert [f"Not taken up: 2 in {tmp_path}, none of which is xgboost on these {rows}"] == said
    assert 0 == fits.taken_up
    said.clear()
    FinishedFits(tmp_path, said.append).fit_member("tree", fewer, tiny)
    assert said[0].startswith("Taken up: tree on ")
    assert 1 == len(said)


class Larger:
    """Another value of a size."""

    @staticmethod
    def of(sizes, name):
        value = getattr(sizes, name)
        return (*value, 2) if isinstance(value, tuple) else value + 1


def test_a_damaged_file_is_told_and_fitted_anew(examples, tiny, tmp_path):
    wanted = arrays_of(FinishedFits(tmp_path).fit_member("xgboost", examples, tiny))["model"].tobytes()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    middle = len(whole) // 2
    damages = (b"", whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    for damaged in damages:
        file.write_bytes(damaged)
        said = []
        fits = FinishedFits(tmp_path, said.append)

        member = fits.fit_member("xgboost", examples, tiny)

        assert wanted == arrays_of(member)["model"].tobytes()
        assert (0, 1) == (fits.taken_up, len(said))
        assert f"{file} is damaged" in said[0]
        assert file.read_bytes() != damaged


def test_the_oldest_fits_leave_when_there_are_too_many_bytes(examples, tiny, tmp_path):
    sizes = [replace(tiny, xgboost_trees=trees) for trees in (8, 9, 10, 11)]
    for age, one in enumerate(sizes):
        FinishedFits(tmp_path).fit_member("xgboost", examples, one)
        file = tmp_path / f"{fit_digest('xgboost', examples, one)}.npz"
        os.utime(file, (1000 + age, 1000 + age))
    largest = file.stat().st_size
    one_more = replace(tiny, xgboost_trees=12)

    FinishedFits(tmp_path, most=3 * largest).fit_member("xgboost", examples, one_more)

    left = {f"{fit_digest('xgboost', examples, one)}.npz" for one in (*sizes[-1:], one_more)}
    assert left <= {file.name for file in tmp_path.iterdir()}
    assert f"{fit_digest('xgboost', examples, sizes[0])}.npz" not in {file.name for file in tmp_path.iterdir()}
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 3 * largest


def test_a_folder_that_cannot_be_written_costs_a_sentence_and_no_training(examples, tiny, tmp_path):
    (tmp_path / "file").touch()
    said = []

    FinishedFits(tmp_path / "file" / "fits", said.append).fit_member("tree", examples, tiny)

    assert [f"a finished fit could not be kept in {tmp_path}/file/fits: Not a directory"] == said
