import re

import numpy as np
import pytest

from models.bundle import bundle_of_kind, default_bundle_path, load_bundle
from models.predictors import GraphPredictor
from streams.api.explaining import Explainer, OtherBundleError, told
from tests.streams.api.matches import NAMES, made_by, predicted


@pytest.mark.parametrize("path", [default_bundle_path(), bundle_of_kind("mlp"), bundle_of_kind("heuristic")], ids=str)
def test_a_change_is_what_the_graph_says_of_the_row_with_that_feature_at_its_median_less_what_it_says_of_the_row(path):
    bundle = load_bundle(path)
    prediction = made_by(bundle, "m", 1)
    found = Explainer(bundle).features(prediction)

    graph = GraphPredictor((path / "model.onnx").read_bytes())  # ONNX Runtime, a row at a time
    row = np.array([prediction.features], np.float32)
    was = graph.predict_proba(row)[0]
    for place, (name, feature) in enumerate(zip(bundle.manifest.features, found, strict=True)):
        edges = bundle.reference["columns"][name]
        changed = row.copy()
        changed[0, place] = np.nan if feature["usual"] is None else feature["usual"]
        expected = graph.predict_proba(changed)[0] - was
        assert name == feature["name"]
        assert (None if np.isnan(row[0, place]) else row[0, place]) == feature["value"]
        assert feature["usual"] in {None, *(np.float32(one) for one in values(edges["bins"]))}
        np.testing.assert_allclose([feature["change"][one] for one in ("home", "draw", "away")], expected, atol=2e-6)
    assert any(abs(change) > 1e-4 for feature in found for change in feature["change"].values())


def values(bins):
    return bins["edges"] if "edges" in bins else bins["values"]


def test_a_prediction_of_another_bundle_is_refused_with_both(bundle):
    with pytest.raises(OtherBundleError, match=re.escape("made by bundle dddddddddddd (m 1), and")) as caught:
        Explainer(bundle).features(predicted("m", 1))

    assert f"{bundle.digest[:12]} ({bundle.model} {bundle.version}) is loaded here" in str(caught.value)


def test_features_which_are_not_those_of_the_bundle_are_refused(bundle):
    prediction = made_by(bundle, "m", 1, features=[1.0], feature_set="v1")
    with pytest.raises(OtherBundleError, match=f"has 1 features of 'v1', not the 42 of {bundle.feature_set}"):
        Explainer(bundle).features(prediction)


def test_features_are_told_by_name_where_their_set_is_known():
    first = {"name": NAMES["v1"][0], "value": None}

    assert first == told(predicted("m", 1), NAMES)["features"][0]
    assert {"name": None, "value": None} == told(predicted("m", 1, feature_set="v0"), NAMES)["features"][0]
    assert {"name": None, "value": 2.0} == told(predicted("m", 1, features=[2.0]), NAMES)["features"][0]
