"""What `touchline train` tells MLflow, where MLFLOW_TRACKING_URI says where that is."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from models.card import MODEL
from models.contract import contract_digest
from models.entries import Act
from models.importance import permutation_importance
from models.manifest import BundleError, StoreError
from models.mlflow_connection import TRACKING, mlflow_store
from models.mlflow_runs import Measured, Run, log_run
from models.mlflow_store import ARTIFACTS, MlflowStore
from models.predictors import CLASSES
from models.registering import files_of, register
from models.reliability import reliability
from models.store import ModelStore
from models.walking import Step
from streams.bundles import IN_MLFLOW, demands_of
from streams.code_version import code_version
from streams.commands.errors import UserError
from streams.commands.store_options import user_name
from streams.commands.training import Made, Order
from streams.reporting.charts import bars_chart, reliability_chart
from streams.settings import SettingsError, read_settings

_SHOWN = 15  # features in the chart


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where a training is told, and its bundle registered.

    Attributes:
        files: Those of the store.
    """

    store: ModelStore
    files: MlflowStore


def tracking_of(environment: Mapping[str, str]) -> Tracking | None:
    """Return where *environment* wants trainings to be told; None when it wants none.

    Raises:
        UserError: It cannot be done: better told now than after the training.
    """
    if not environment.get(TRACKING):
        return None
    if find_spec("mlflow") is None or find_spec("matplotlib") is None:
        raise UserError(
            f"{TRACKING} asks for MLflow, which is not installed: pip install 'touchline[mlflow]', or unset it"
        )
    try:
        files = mlflow_store(IN_MLFLOW, environment)
        files.experiment_id()
        return Tracking(ModelStore(files, demands_of(read_settings())), files)
    except (BundleError, SettingsError, StoreError) as error:
        raise UserError(" ".join(str(error).split())) from error


def track(tracking: Tracking, order: Order, made: Made, out: Path, step: Step) -> Mapping[str, str]:
    """Tell MLflow of a training and register its bundle, in one *step*; return where it is found.

    Raises:
        UserError: MLflow does not take it; the bundle in *out* is written all the same.
    """
    step(f"telling {tracking.files.url}")
    try:
        run_id = log_run(tracking.files, _run(order, made, out))
    except (BundleError, StoreError) as error:
        raise UserError(f"{out} is written, but {error}; the same command goes on from here") from error
    try:
        act = Act(user_name(), "trained by touchline train", time.time_ns() // 1_000_000)
        _, version = register(tracking.store, out, act)
    except (BundleError, StoreError) as error:
        raise UserError(f"{out} is written, and is in MLflow as run {run_id}, but not registered: {error}") from error
    return {"store": tracking.files.url, "run_id": run_id, "model": made.manifest.model, "version": version.version}


def _run(order: Order, made: Made, out: Path) -> Run:
    manifest = made.manifest
    tags = {
        "touchline.data": manifest.training.digest,
        "touchline.feature_set": manifest.feature_set,
        "touchline.contract": contract_digest(manifest),
        "touchline.reproduce": made.facts.reproduce,
        **code_version(),
    }
    return Run(
        f"{manifest.model} {manifest.version} {manifest.kind}",
        manifest.digest,
        _params(order, made),
        tags,
        [*_holdout(made), *_folds(made), *_seasons(made)],
        {**{f"{ARTIFACTS}/{name}": content for name, content in files_of(out).items()}, **_plots(made)},
    )


def _params(order: Order, made: Made) -> Mapping[str, object]:
    return {
        "model": made.manifest.model,
        "version": made.manifest.version,
        "kind": order.kind,
        "set": order.history,
        "since": order.since,
        "until": order.until,
        "holdout": order.holdout,
        "feature_set": made.manifest.feature_set,
        "share": order.share,
        **asdict(order.sizes),
    }


def _holdout(made: Made) -> Iterator[Measured]:
    for segment, measures in made.manifest.metrics.items():
        yield from (Measured(f"holdout/{segment}/{name}", value) for name, value in measures.items())


def _folds(made: Made) -> Iterator[Measured]:
    for number, fold in enumerate(made.trained.folds, start=1):
        for kind, measures in fold.metrics.items():
            yield from (Measured(f"fold/{kind}/{name}", value, number) for name, value in measures.items())


def _seasons(made: Made) -> Iterator[Measured]:
    for season, judged in made.facts.segments["season"].items():
        first = int(season[:4])
        yield Measured("season/n", judged.n, first)
        for name, value in judged.kinds[MODEL].items():
            if isinstance(value, float):  # and no interval
                yield Measured(f"season/{name}", value, first)


def _plots(made: Made) -> Mapping[str, bytes]:
    holdout = made.trained.holdout
    said, results = holdout.probabilities[MODEL], holdout.rows.results
    bins = {name: reliability(said[:, one], results == one) for one, name in enumerate(CLASSES)}
    worth = permutation_importance(made.trained.before.predict_proba, made.manifest.features, holdout.rows)
    top = dict(sorted(worth.items(), key=lambda one: -one[1])[:_SHOWN])
    bars = bars_chart(top, "Feature importance", "log loss more when it is shuffled, nats")
    return {
        "plots/reliability.svg": reliability_chart(bins).encode(),
        "plots/importance.svg": bars.encode(),
        "plots/importance.json": json.dumps(worth, indent=2).encode(),
    }
