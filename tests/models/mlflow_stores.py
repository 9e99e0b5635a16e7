"""A real MLflow in a SQLite file, made once a session; models in it are told apart by their names.

With ``TOUCHLINE_TEST_MLFLOW=http://127.0.0.1:5000`` it is the server there.
"""

import os
import uuid
from contextlib import contextmanager

from models.mlflow_connection import mlflow_store
from models.store import Demands, ModelStore

AT_ONCE = Demands(clock=lambda: 0.0)


@contextmanager
def in_folder(folder):
    """Let MLflow, which puts artifacts beside where it is started, be started in *folder*."""
    before = os.getcwd()  # noqa: PTH109 - as chdir takes it
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def sqlite_store(folder, experiment=None):
    """Return a store in MLflow whose database and artifacts are in *folder*."""
    environment = {"MLFLOW_EXPERIMENT_NAME": experiment or f"e{uuid.uuid4().hex}"}
    with in_folder(folder):
        uri = os.environ.get("TOUCHLINE_TEST_MLFLOW") or f"sqlite:///{folder}/mlflow.db"
        files = mlflow_store(f"mlflow:{uri}", environment)
        files.experiment_id()
    return ModelStore(files, AT_ONCE)
