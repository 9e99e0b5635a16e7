"""A bundle is served whole and of the right contract, or refused in one sentence."""

import json
import os
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from features.declared import Column, Declaration, declared_set
from features.feature_sets import NEWEST
from models import bundle as bundle_module
from models.bundle import (
    BundleError,
    bundle_of_kind,
    default_bundle_path,
    load_bundle,
    open_bundle,
    save_bundle,
)
from models.contract import contract_digest
from models.graph import GraphBuilder
from models.heuristic import heuristic_member
from models.manifest import read_manifest
from models.predictors import CLASSES, KINDS
from tests.models.conftest import synthetic_rows
from tests.models.small_bundles import REFERENCE, constant_graph, heuristic_graph, manifest_of, replace_file, rewrite


@pytest.fixture(scope="module")
def graph(names):
    return heuristic_graph(names)


@pytest.fixture(scope="module")
def manifest(names):
    return manifest_of(names)


@pytest.fixture
def folder(tmp_path, manifest, graph, rows):
    save_bundle(tmp_path / "bundle", manifest, graph, REFERENCE, rows.matrix)
    return tmp_path / "bundle"


def refusal(folder):
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence.strip()
    return sentence


def test_a_bundle_survives_the_disk(folder, rows, names):
    bundle = load_bundle(folder)

    assert ("m", "7", "v1", names, CLASSES) == (
        bundle.model,
        bundle.version,
        bundle.feature_set,
        bundle.feature_names,
        bundle.classes,
    )
    assert ["z", "a"] == list(bundle.reference["columns"])
    expected = heuristic_member(names).predict_proba(rows.matrix)
    assert np.abs(expected - bundle.score(rows.matrix, "v1")).max() <= 1e-6


def test_the_digest_is_the_same_at_each_load_and_another_for_any_other_content(folder):
    first = load_bundle(folder).digest
    assert first == load_bundle(folder).digest
    assert 64 == len(first)

    rewrite(folder, version="8")
    second = load_bundle(folder).digest
    replace_file(folder, "reference.json", b"{}")

    assert 3 == len({first, second, load_bundle(folder).digest})


def test_saving_again_replaces_the_bundle_as_a_whole(folder, manifest, graph, rows):
    (folder / "stray").write_text("x")
    save_bundle(folder, replace(manifest, version="8"), graph, REFERENCE, rows.matrix)

    assert "8" == load_bundle(folder).version
    assert {"manifest.json", "model.onnx", "reference.json", "golden.json"} == {file.name for file in folder.iterdir()}
    assert [folder] == list(folder.parent.iterdir())


def test_a_save_which_fails_leaves_what_was_there(folder, manifest, graph, rows):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for wrong, reference in ((replace(manifest, classes=("a",)), REFERENCE), (manifest, {"x": float("nan")})):
        with pytest.raises(BundleError):
            save_bundle(folder, wrong, graph, reference, rows.matrix)

    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}
    assert [folder] == list(folder.parent.iterdir())


def test_a_folder_which_is_no_bundle_is_never_replaced(tmp_path, manifest, graph, rows):
    (tmp_path / "letters").mkdir()
    with pytest.raises(BundleError, match="letters exists and is not a bundle"):
        save_bundle(tmp_path / "letters", manifest, graph, REFERENCE, rows.matrix)


def test_a_save_interrupted_while_it_replaces_puts_the_old_bundle_back(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        bundle_module._put(tmp_path / "never written", folder, tmp_path / "old")

    assert "7" == load_bundle(folder).version


def test_a_file_of_absurd_size_is_not_read(folder):
    os.truncate(folder / "model.onnx", 300 * 2**20)

    assert "model.onnx is larger than 268435456 bytes" in refusal(folder)


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "reference.json", "golden.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()

    assert f"{folder}: {name} cannot be read: No such file or directory" == refusal(folder)


@pytest.mark.parametrize("name", ["model.onnx", "reference.json", "golden.json"])
def test_a_truncated_or_altered_file_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    assert f"{name} has {len(content) - 1} bytes, its manifest says {len(content)}" in refusal(folder)

    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{name} has SHA-256 " in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000])
def test_a_damaged_manifest_is_refused(folder, content):
    (folder / "manifest.json").write_bytes(content)

    assert "manifest.json" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, "has format 2; this version reads 1"),
        ({"model": 3}, "model of manifest.json is int, not str"),
        ({"training": {"rows": True}}, "rows of manifest.json is bool, not int"),
        (
            {"classes": ["away", "draw", "home"]},
            "its classes are away, draw, home; this version's are home, draw, away",
        ),
        ({"feature_set": "v9"}, "trained on feature set 'v9'; this version knows v1"),
        ({"features": ["minute"]}, "feature 1 is 'minute' there and 'elo_difference' here"),
        ({"files": {"../model.onnx": {}}}, "names the file '../model.onnx'; a bundle holds model.onnx, "),
        ({"files": {"/etc/passwd": {}}}, "names the file '/etc/passwd'; a bundle holds model.onnx, "),
        ({"files": {}}, "names no model.onnx"),
    ],
)
def test_a_manifest_of_another_contract_is_refused(folder, changes, sentence):
    rewrite(folder, **changes)

    assert sentence in refusal(folder)


def test_features_in_another_order_or_number_are_refused(folder, names):
    rewrite(folder, features=[names[1], names[0], *names[2:]])
    assert f"feature 1 is '{names[1]}' there and '{names[0]}' here" in refusal(folder)

    rewrite(folder, features=[*names, "odds"])
    assert f"{len(names) + 1} features there and {len(names)} here" in refusal(folder)


DECLARATION = Declaration("v1+odds", "v1", (Column("odds", "odds", "home", 60, age=True),))


@pytest.fixture
def declared(tmp_path, manifest):
    features = declared_set(DECLARATION)
    builder = GraphBuilder(len(features.names))
    graph = builder.serialised(heuristic_member(features.names).add_to(builder))
    own = replace(manifest, feature_set="v1+odds", features=features.names, declared=features.declared)
    save_bundle(tmp_path / "declared", own, graph, REFERENCE, np.zeros((20, len(features.names)), np.float32))
    return tmp_path / "declared"


def test_the_digest_of_the_contract_is_of_what_is_served_and_of_nothing_else(names):
    found = contract_digest(manifest_of(names))
    changes = (
        {"feature_set": "v2"},
        {"features": names[::-1]},
        {"classes": CLASSES[::-1]},
        {"declared": {"digest": "a"}},
    )
    others = {contract_digest(manifest_of(names, **one)) for one in changes}

    assert found == contract_digest(manifest_of(names, version="8", kind="tree", metrics={}))
    assert 5 == len({found, *others})


def test_a_bundle_carries_the_whole_declaration_of_its_feature_set(declared):
    bundle = load_bundle(declared)

    told = json.loads((declared / "manifest.json").read_text())["declared"]
    column = {
        "name": "odds",
        "source": "odds",
        "key": "home",
        "max_age_seconds": 60,
        "max_ahead_seconds": 0,
        "age": True,
    }
    assert {"base": "v1", "columns": [column], "digest": DECLARATION.digest} == told
    assert ("v1+odds", DECLARATION.names) == (bundle.features.version, bundle.features.names)
    assert bundle.feature_names == bundle.features.names


def test_the_digest_of_a_bundle_of_a_published_set_does_not_know_of_declarations(folder):
    assert "declared" not in json.loads((folder / "manifest.json").read_text())
    assert b"declared" not in load_bundle(folder).manifest.serialised()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"max_age_seconds": 61}, f"feature set v1+odds of digest '{DECLARATION.digest}'; what it declares has '"),
        ({"key": "away"}, "' in this version"),
        (
            {"name": "price"},
            "other features of v1+odds than this version computes: feature 33 is 'odds' there and 'price'",
        ),
        ({"age": False}, "34 features there and 33 here"),
        ({"source": "ratings"}, "manifest.json: declared: column 1 (odds): source 'ratings' is Touchline's own"),
        ({"half_life": 3}, "manifest.json: declared: column 1 has 'half_life', which is not one of name, source"),
    ],
)
def test_a_bundle_whose_declaration_is_not_what_is_computed_is_refused(declared, changes, sentence):
    told = json.loads((declared / "manifest.json").read_text())["declared"]
    rewrite(declared, declared=told | {"columns": [told["columns"][0] | changes]})

    assert sentence in refusal(declared)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (["odds"], "declared of manifest.json is list, not dict"),
        ({"base": "v7", "columns": [], "digest": ""}, "declared: base is 'v7', not one of v1, v2"),
        ({"base": "v1"}, "declared has no 'columns'; it needs version, base, columns"),
    ],
)
def test_what_is_no_declaration_is_refused(declared, told, sentence):
    rewrite(declared, declared=told)

    assert sentence in refusal(declared)


def test_a_missing_field_is_named(folder):
    fields = json.loads((folder / "manifest.json").read_text())
    del fields["version"]
    (folder / "manifest.json").write_text(json.dumps(fields))

    assert "manifest.json has no 'version'" in refusal(folder)


@pytest.mark.parametrize("content", [b"no graph", b""])
def test_what_is_not_a_graph_is_refused(folder, content):
    replace_file(folder, "model.onnx", content)

    assert "model.onnx is not an ONNX graph" in refusal(folder)


def test_a_graph_of_another_shape_is_refused(folder):
    builder = GraphBuilder(3)
    builder_graph = builder.serialised(builder.double("features"))
    replace_file(folder, "model.onnx", builder_graph)

    assert "does not go from 32 float32 features to 3 probabilities" in refusal(folder)


def test_a_graph_with_foreign_operators_or_files_is_refused(folder, graph):
    model = onnx.load_from_string(graph)
    model.graph.node[0].domain = "evil"
    replace_file(folder, "model.onnx", model.SerializeToString())
    assert "uses operators of evil, not only standard ones" in refusal(folder)

    model = onnx.load_from_string(graph)
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(onnx.StringStringEntryProto(key="location", value="/etc/passwd"))
    replace_file(folder, "model.onnx", model.SerializeToString())
    assert "keeps constants in another file" in refusal(folder)


def test_a_graph_which_the_runtime_refuses_is_refused(folder, graph):
    model = onnx.load_from_string(graph)
    model.graph.node[0].input[0] = "nowhere"
    replace_file(folder, "model.onnx", model.SerializeToString())

    with pytest.raises(BundleError, match=r"model\.onnx cannot be run"):
        load_bundle(folder)


def test_a_graph_which_answers_nan_or_otherwise_on_the_golden_rows_is_refused(folder, names):
    misses = "the model misses its golden rows by 0."
    for value, told in ((float("nan"), "the model's answer to golden row 1 is not finite"), (0.25, misses)):
        replace_file(folder, "model.onnx", constant_graph(names, value))

        assert told in refusal(folder)


@pytest.mark.parametrize("content", [b"{}", b'{"rows": [[1]], "probabilities": [[1, 0, 0]]}', b"[]", b"{"])
def test_golden_rows_which_do_not_fit_are_refused(folder, content):
    replace_file(folder, "golden.json", content)

    assert "golden.json" in refusal(folder)


def test_rows_of_another_contract_are_not_scored(folder, rows):
    bundle = load_bundle(folder)

    with pytest.raises(BundleError, match=r"model m 7 scores feature set v1 \(32 features\), not v2"):
        bundle.score(rows.matrix, "v2")
    with pytest.raises(BundleError, match=r"v1 \(32 features\), not v1 \(shape \(1200, 31\)\)"):
        bundle.score(rows.matrix[:, 1:], "v1")


def test_the_shipped_bundle_predicts_at_once():
    bundle = open_bundle(None)
    size = sum(file.stat().st_size for file in default_bundle_path().iterdir())

    assert np.isfinite(bundle.score(synthetic_rows(bundle.feature_names).matrix, bundle.feature_set)).all()
    assert size < 5 * 2**20
    assert bundle.manifest.metrics["pre_match"]["log_loss"] < bundle.manifest.metrics["prior"]["log_loss"]
    assert "2022-11-19" == bundle.manifest.training.until


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_shipped_with_a_card_of_it(kind):
    folder = bundle_of_kind(kind)
    bundle = open_bundle(None, kind)

    assert (kind, NEWEST) == (bundle.manifest.kind, bundle.feature_set)
    assert bundle.digest in (folder / "card.md").read_text()
    assert np.isfinite(bundle.score(synthetic_rows(bundle.feature_names).matrix, NEWEST)).all()
    assert bundle.manifest.metrics["pre_match"]["log_loss"] < bundle.manifest.metrics["prior"]["log_loss"]


def test_all_shipped_bundles_together_are_small():
    assert sum(file.stat().st_size for file in default_bundle_path().parent.rglob("*")) < 5 * 2**20


def test_a_kind_is_chosen_by_name(folder):
    assert "heuristic" == open_bundle(None, "heuristic").manifest.kind
    assert "m" == open_bundle(folder, "heuristic").model
    with pytest.raises(BundleError, match="holds a heuristic, but the predictor asked for is stack"):
        open_bundle(folder, "stack")
    with pytest.raises(BundleError, match="no bundle of kind 'oracle' comes with Touchline, only "):
        bundle_of_kind("oracle")


def test_the_manifest_survives_json(folder):
    found = read_manifest((folder / "manifest.json").read_bytes(), "here")

    assert found == read_manifest(found.serialised(), "here")
    assert found.digest == read_manifest(found.serialised(indent=None), "here").digest


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metrics": {"all": {"log_loss": float("nan")}}}, "manifest.json is damaged: Out of range float values"),
        ({"metrics": {"all": {"log_loss": "low"}}}, "metrics.all.log_loss of manifest.json is str, not int"),
        ({"metrics": {"all": 5}}, "metrics.all of manifest.json is int, not dict"),
        ({"model": ""}, "model of manifest.json is '', not 1 to 200 characters"),
        ({"version": "v" * 201}, "not 1 to 200 characters"),
        ({"model": "\ud800"}, "manifest.json is damaged"),
    ],
)
def test_a_manifest_which_could_not_be_written_again_is_refused(folder, changes, sentence):
    rewrite(folder, **changes)

    assert sentence in refusal(folder)


def test_a_number_of_more_digits_than_python_reads_is_refused(folder):
    (folder / "manifest.json").write_text('{"format": ' + "9" * 5_000 + "}")

    assert "manifest.json is damaged: Exceeds the limit" in refusal(folder)


@pytest.mark.parametrize(
    "golden", [{"rows": [[10**400]], "probabilities": [[0, 0, 1]]}, {"rows": [], "probabilities": [0.5, 0.25, 0.25]}]
)
def test_golden_rows_of_another_shape_or_size_are_refused(folder, golden):
    replace_file(folder, "golden.json", json.dumps(golden).encode())

    assert "golden.json does not fit the model" in refusal(folder)


def test_a_graph_within_the_graph_and_constants_kept_elsewhere_are_refused(folder, graph):
    inner = onnx.load_from_string(graph)
    inner.graph.node[0].attribute.append(helper.make_attribute("then_branch", inner.graph))
    replace_file(folder, "model.onnx", inner.SerializeToString())

    assert "holds a graph within the graph" in refusal(folder)

    outer = onnx.load_from_string(graph)
    tensor = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
    tensor.external_data.add(key="location", value="../secret")
    outer.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))
    replace_file(folder, "model.onnx", outer.SerializeToString())

    assert "keeps constants in another file" in refusal(folder)
