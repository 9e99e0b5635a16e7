"""What differs between two bundles is told, and nothing else."""

from dataclasses import replace

import pytest

from models.comparing import Difference, differences, same_holdout
from models.manifest import FileEntry, TrainingRange
from tests.models.small_bundles import manifest_of


@pytest.fixture
def first(names):
    metrics = {"pre_match": {"n": 9.0, "log_loss": 0.9}}
    return manifest_of(names, metrics=metrics, files={"model.onnx": FileEntry("ab", 10)})


def test_a_bundle_does_not_differ_from_itself(first):
    assert [] == differences(first, replace(first))


def test_each_thing_that_differs_is_told_once_with_both_values(first, names):
    second = replace(
        first,
        version="8",
        kind="tree",
        feature_set="v1+odds",
        features=[*names[1:], "odds"],
        classes=("away", "draw", "home"),
        training=TrainingRange("1990-01-01", "2023-11-19", 12, 6, "cd"),
        metrics={"pre_match": {"n": 9.0, "log_loss": 0.8, "rps": 0.2}},
        libraries={"numpy": "3"},
        files={"model.onnx": FileEntry("cd", 11)},
        declared={"digest": "ef"},
    )

    assert [
        Difference("digest", first.digest, second.digest),
        Difference("version", "7", "8"),
        Difference("kind", "heuristic", "tree"),
        Difference("feature_set", "v1", "v1+odds"),
        Difference("declared", None, "ef"),
        Difference(f"features.{names[0]}", "there", None),
        Difference("classes", "home, draw, away", "away, draw, home"),
        Difference("training.until", "2022-11-19", "2023-11-19"),
        Difference("training.rows", 10, 12),
        Difference("training.matches", 5, 6),
        Difference("training.digest", "ab", "cd"),
        Difference("metrics.pre_match.log_loss", 0.9, 0.8),
        Difference("libraries.numpy", "2", "3"),
        Difference("bytes.model.onnx", 10, 11),
        Difference("features.odds", None, "there"),
        Difference("metrics.pre_match.rps", None, 0.2),
    ] == differences(first, second)


def test_the_same_features_in_another_order_differ(first, names):
    second = replace(first, features=[names[1], names[0], *names[2:]])

    told = {one.what: one for one in differences(first, second)}

    assert {"digest", "order of features"} == told.keys()
    assert told["order of features"].first.startswith(f"{names[0]}, {names[1]}, ")
    assert told["order of features"].second.startswith(f"{names[1]}, {names[0]}, ")


def test_metrics_of_other_matches_are_known_as_such(first):
    assert same_holdout(first, replace(first, metrics={"pre_match": {"n": 9.0, "log_loss": 0.1}, "prior": {"n": 3.0}}))
    assert not same_holdout(first, replace(first, metrics={"pre_match": {"n": 8.0}}))
    assert not same_holdout(first, replace(first, training=replace(first.training, until="2023-01-01")))
