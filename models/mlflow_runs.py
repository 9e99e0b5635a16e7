"""A training as a run of MLflow: what went in, what came out, and the bundle."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.manifest import StoreError
from models.mlflow_store import MlflowStore
from models.store_files import told


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric.

    Attributes:
        step: Its place in a series; 0 when there is one value.
    """

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What is told of a training.

    Attributes:
        digest: Of the bundle.
        files: Artifacts, by path.
    """

    name: str
    digest: str
    params: Mapping[str, object]
    tags: Mapping[str, str]
    metrics: Sequence[Measured]
    files: Mapping[str, bytes]


def log_run(store: MlflowStore, run: Run) -> str:
    """Write *run* into *store*, and return the id that MLflow gives it.

    A run which is not taken as a whole is left with the status FAILED, if that is.

    Raises:
        StoreError: MLflow does not answer, or does not take it.
    """
    run_id = store.new_run(run.digest, run.name)
    status = "FAILED"
    try:
        _write(store, run_id, run)
        status = "FINISHED"
    except Exception as error:  # as in MlflowStore
        raise StoreError(f"{store.url} does not take run {run_id}: {told(error)}") from error
    finally:  # also after Ctrl-C
        with suppress(Exception):
            store.client.set_terminated(run_id, status)
    return run_id


def _write(store: MlflowStore, run_id: str, run: Run) -> None:
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - an extra, which the store has imported

    now = int(time.time() * 1000)
    store.client.log_batch(
        run_id,
        metrics=[Metric(one.name, one.value, now, one.step) for one in run.metrics],
        params=[Param(name, str(value)) for name, value in run.params.items()],
        tags=[RunTag(name, value) for name, value in run.tags.items()],
    )
    with tempfile.TemporaryDirectory() as staging:
        for path, content in run.files.items():
            file = Path(staging, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        store.client.log_artifacts(run_id, staging)
