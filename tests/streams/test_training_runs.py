"""`touchline train` tells a real MLflow, in SQLite, what it has made, and registers it there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from features.feature_sets import NEWEST
from models.bundle import load_bundle
from models.contract import contract_digest
from models.registering import verify
from models.store import open_stored, resolve
from streams.cli import main
from streams.commands import training_runs
from tests.models.mlflow_stores import in_folder, running_server, sqlite_store, store_at
from tests.streams.small_history import write_history

OPTIONS = ["--since", "2000-01-01", "--holdout-days", "100", "--share", "0.004", "--threads", "1", "--json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tracked")


@pytest.fixture(scope="module")
def store(folder):
    write_history(folder)
    return sqlite_store(folder, "touchline")


@pytest.fixture
def train(folder, store, monkeypatch, tmp_path):
    """Train as the command line does, with MLflow in *folder*."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.files.url.removeprefix("mlflow:"))
    monkeypatch.setenv("TOUCHLINE_MODEL_BUDGET_US", "1000000")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words):
        with in_folder(folder):
            return CliRunner().invoke(main, ["train", "--data", str(folder), *OPTIONS, *map(str, words)])

    return run


def test_a_run_holds_what_went_in_and_what_came_out_and_the_bundle_is_registered(train, store, tmp_path):
    result = train("--kind", "stack", "--out", tmp_path / "b", "--name", "stacked", "--version", "3")
    assert 0 == result.exit_code, result.stderr
    told = json.loads(result.stdout)
    manifest = load_bundle(tmp_path / "b").manifest
    run = store.files.client.get_run(told["mlflow"]["run_id"])

    assert "FINISHED" == run.info.status
    assert ("stack", "internationals", "0.004", "2000-01-01", "2001-05-15") == tuple(
        run.data.params[name] for name in ("kind", "set", "share", "since", "holdout")
    )
    assert {
        "touchline.digest": manifest.digest,
        "touchline.data": manifest.training.digest,
        "touchline.feature_set": NEWEST,
        "touchline.contract": contract_digest(manifest),
    }.items() <= run.data.tags.items()
    assert {"touchline.code", "touchline.reproduce"} <= run.data.tags.keys()
    for segment, measures in manifest.metrics.items():
        for name, value in measures.items():
            assert value == run.data.metrics[f"holdout/{segment}/{name}"]
    for kind in ("xgboost", "lightgbm", "mlp"):
        series = store.files.client.get_metric_history(run.info.run_id, f"fold/{kind}/log_loss")
        assert [1, 2, 3, 4] == [one.step for one in series]
    assert [2000, 2001] == [one.step for one in store.files.client.get_metric_history(run.info.run_id, "season/n")]
    assert 100 == sum(one.value for one in store.files.client.get_metric_history(run.info.run_id, "season/n"))

    _, version = resolve(store, "stacked@3")
    assert manifest.digest == told["digest"] == version.digest == open_stored(store, version.digest).digest
    assert "trained by touchline train" == version.act.why
    verify(store, version)


def test_the_artifacts_are_the_bundle_and_the_charts(train, store, tmp_path):
    result = train("--kind", "tree", "--out", tmp_path / "b", "--name", "charted")
    run_id = json.loads(result.stdout)["mlflow"]["run_id"]
    found = Path(store.files.client.download_artifacts(run_id, "", str(tmp_path)))

    assert load_bundle(tmp_path / "b").digest == load_bundle(found / "bundle").digest
    assert (tmp_path / "b" / "card.json").read_bytes() == (found / "bundle" / "card.json").read_bytes()
    for name in ("reliability", "importance"):
        assert (found / "plots" / f"{name}.svg").read_text().startswith("<svg ")
    worth = json.loads((found / "plots" / "importance.json").read_text())
    assert list(load_bundle(tmp_path / "b").feature_names) == list(worth)


def test_the_same_training_again_is_another_run_of_the_same_version(train, store, tmp_path):
    first, second = (
        json.loads(train("--kind", "tree", "--out", tmp_path / name, "--name", "again").stdout)["mlflow"]
        for name in ("one", "two")
    )

    assert first["run_id"] != second["run_id"]
    assert 1 == len(store.files.client.search_model_versions("name = 'again'"))


def test_another_bundle_of_a_version_is_told_and_kept_as_a_run(train, store, tmp_path):
    train("--kind", "tree", "--out", tmp_path / "one", "--name", "other")
    result = train("--kind", "heuristic", "--out", tmp_path / "two", "--name", "other")

    assert 2 == result.exit_code
    told = " ".join(result.stderr.split())
    assert f"{tmp_path / 'two'} is written, and is in MLflow as run " in told
    assert ", but not registered: other 1 is bundle " in told
    assert "versions never change, so give this one another" in told
    digest = load_bundle(tmp_path / "two").digest
    assert 1 == len(
        store.files.client.search_runs([store.files.experiment_id()], f"tags.`touchline.digest` = '{digest}'")
    )


def test_what_mlflow_does_not_take_costs_no_fit(train, store, tmp_path, monkeypatch):
    def refused(_self, _run_id, **_named):
        raise OSError("no space left")

    words = ["--kind", "tree", "--out", tmp_path / "b", "--name", "refused"]
    with monkeypatch.context() as patched:
        patched.setattr("mlflow.MlflowClient.log_batch", refused)
        failed = train(*words)
    again = train(*words)

    assert 2 == failed.exit_code
    assert f"{tmp_path / 'b'} is written, but {store.files.url} does not take run " in failed.stderr
    assert "OSError: no space left; the same command goes on from here" in failed.stderr
    failures = store.files.client.search_runs([store.files.experiment_id()], "attributes.status = 'FAILED'")
    assert ["refused 1 tree"] == [one.info.run_name for one in failures]
    assert 2 == json.loads(again.stdout)["fits_taken_up"]


def test_a_server_is_told_as_a_database_is_and_what_programs_read_is_json_alone(train, tmp_path, monkeypatch):
    with running_server(tmp_path) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        result = train("--kind", "tree", "--out", tmp_path / "b", "--name", "served")
        assert 0 == result.exit_code, result.stderr
        _, version = resolve(store_at(url), "served@1")

    told = json.loads(result.stdout)
    assert (f"mlflow:{url}", "served", "1") == tuple(told["mlflow"][name] for name in ("store", "model", "version"))
    assert told["digest"] == version.digest
    assert "" == result.stderr


def test_a_server_that_is_not_there_is_told_before_the_training(train, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:topsecret@127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = train("--kind", "tree", "--out", tmp_path / "b")

    assert 2 == result.exit_code
    assert result.stderr.startswith("Error: mlflow:http://***@127.0.0.1:1 does not answer for the experiment touch")
    assert "topsecret" not in result.stderr
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("missing", ["mlflow", "matplotlib"])
def test_without_the_extra_it_is_said_how_to_install_it(train, tmp_path, monkeypatch, missing):
    monkeypatch.setattr(training_runs, "find_spec", lambda name: None if name == missing else object())
    result = train("--kind", "tree", "--out", tmp_path / "b")

    assert 2 == result.exit_code
    assert (
        "Error: MLFLOW_TRACKING_URI asks for MLflow, which is not installed: pip install 'touchline[mlflow]', "
        "or unset it\n"
    ) == result.stderr
    assert not (tmp_path / "b").exists()


def test_nothing_of_mlflow_is_imported_before_it_is_asked_for():
    code = "import sys, streams.commands.train; print([one for one in sys.modules if one.startswith('mlflow')])"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)

    assert "[]" == done.stdout.strip()
