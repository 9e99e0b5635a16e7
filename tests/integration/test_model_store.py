"""A worker serves the champion of the store, and refuses one that was tampered with."""

from pathlib import Path

import pytest

from models.bundle import bundle_of_kind
from models.entries import Act, Pointed
from models.journal import append
from models.registering import register
from schemas.records import EventKind, MatchEvent
from streams.bundles import store_of
from streams.stopping import REFUSED
from tests.models.mlflow_stores import sqlite_store

pytestmark = pytest.mark.integration

ACT = Act("ann", "a test", 0)
FIXTURE = MatchEvent(
    "scheduled", "m", EventKind.SCHEDULED, 1_668_960_000_000, home_team="Qatar", away_team="Ecuador",
    competition="FIFA World Cup", neutral=False, kick_off_ms=1_668_960_000_000,
)  # fmt: skip


def test_a_worker_serves_the_champion_of_the_store_and_refuses_one_that_was_tampered_with(world, tmp_path):
    store = store_of(world.settings.model_copy(update={"model_store": str(tmp_path), "model_budget_us": 1e6}))
    _, version = register(store, bundle_of_kind("heuristic"), ACT)
    append(store.files, "internationals", Pointed("champion", version.version, None, ACT))
    given = {"predictor": "bundle", "bundle": "store:internationals@champion", "model_store": tmp_path}
    world.worker("predict", **given, model_budget_us=1e6)
    world.send("match-events", FIXTURE)

    (prediction,) = world.wait_for_values("predictions", 1)
    assert version.digest == prediction.bundle_digest

    model = tmp_path / "bundles" / version.digest / "model.onnx"
    content = model.read_bytes()
    model.unlink()
    model.write_bytes(content[:-1])
    second = world.worker("predict", wait=False, **given)

    assert REFUSED == second.process.wait(60)
    assert f"model.onnx has {len(content) - 1} bytes, its manifest says {len(content)}" in second.said()
    assert "Traceback" not in second.said()


@pytest.mark.slow
def test_a_worker_serves_the_champion_of_a_store_in_mlflow_and_refuses_artifacts_that_were_changed(world, tmp_path):
    store = sqlite_store(tmp_path, "touchline")
    _, version = register(store, bundle_of_kind("heuristic"), ACT)
    append(store.files, "internationals", Pointed("champion", version.version, None, ACT))
    (model,) = Path(tmp_path, "mlruns").rglob("model.onnx")
    content = model.read_bytes()
    model.write_bytes(content[:-1])
    given = {"predictor": "bundle", "bundle": "store:internationals@champion", "model_budget_us": 1e6}
    given["model_store"] = store.files.url
    refused = world.worker("predict", wait=False, **given)

    assert REFUSED == refused.process.wait(120)
    assert f"model.onnx has {len(content) - 1} bytes, its manifest says {len(content)}" in refused.said()
    assert "Traceback" not in refused.said()

    model.write_bytes(content)
    world.worker("predict", **given)
    world.send("match-events", FIXTURE)
    (prediction,) = world.wait_for_values("predictions", 1)
    assert version.digest == prediction.bundle_digest
