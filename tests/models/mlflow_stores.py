"""A real MLflow, made once for a module: in a SQLite file, or its own server over one; names tell models apart."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager

from models.mlflow_connection import mlflow_store
from models.store import Demands, ModelStore

AT_ONCE = Demands(clock=lambda: 0.0)
PATIENCE_SECONDS = 180
SERVER = """
import sys
from mlflow.server import app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
"""


@contextmanager
def in_folder(folder):
    """Let MLflow, which puts artifacts of a database beside where it is started, be started in *folder*."""
    before = os.getcwd()  # noqa: PTH109 - as chdir takes it
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def sqlite_store(folder, experiment=None):
    """Return a store in MLflow whose database and artifacts are in *folder*."""
    with in_folder(folder):
        return store_at(f"sqlite:///{folder}/mlflow.db", experiment)


def store_at(uri, experiment=None):
    """Return a store in the MLflow of *uri*, with an experiment that is there."""
    environment = {"MLFLOW_EXPERIMENT_NAME": experiment or f"e{uuid.uuid4().hex}"}
    files = mlflow_store(f"mlflow:{uri}", environment)
    files.experiment_id()
    return ModelStore(files, AT_ONCE)


@contextmanager
def running_server(folder):
    """Run MLflow's server, with its database and its artifacts in *folder*, and give its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = f"sqlite:///{folder}/mlflow.db"
    given = {
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{folder}/artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER, str(port)],
            cwd=folder,
            env=os.environ | given,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url, process, log):
    """Wait until *process* answers at *url*."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
