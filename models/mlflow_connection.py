"""How MLflow is reached; it is an extra, and imported only when it is asked for."""

import os
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from models.manifest import BundleError, StoreError
from models.mlflow_store import MlflowStore
from models.store_files import told, without_password

SCHEME: Final = "mlflow:"
TRACKING: Final = "MLFLOW_TRACKING_URI"
_EXPERIMENT: Final = "MLFLOW_EXPERIMENT_NAME"
_DEFAULTS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # what models are called is nobody else's business
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its 7 take four minutes to say that nobody is there
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # where programs read JSON
}


def mlflow_store(url: str, environment: Mapping[str, str]) -> MlflowStore:
    """Return the store at *url*.

    Args:
        url: ``mlflow:`` for what MLFLOW_TRACKING_URI names, or ``mlflow:URI``.
        environment: Where MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME are looked up; MLflow reads others itself.

    Raises:
        BundleError: MLflow is not installed, or *url* names none.
        StoreError: It cannot be opened now; a server is not asked yet.
    """
    given = url.removeprefix(SCHEME)
    uri = given or environment.get(TRACKING, "")
    if not uri:
        raise BundleError(f"the store {url} is in MLflow, and {TRACKING} does not say where: set it, or {SCHEME}URI")
    if urlsplit(given).password is not None:  # a store is named in messages
        raise BundleError(f"a store {SCHEME}URI has no password in it; {TRACKING} may have one")
    if find_spec("mlflow") is None:
        raise BundleError(
            f"{SCHEME}{without_password(uri)} needs MLflow, which is not installed: pip install 'touchline[mlflow]'"
        )
    try:
        client = _client(uri)
    except Exception as error:  # MLflow's and its database's errors have no parent of their own
        raise StoreError(f"the store {SCHEME}{without_password(uri)} does not open: {told(error)}") from error
    return MlflowStore(f"{SCHEME}{without_password(uri)}", client, environment.get(_EXPERIMENT) or "touchline")


def _client(uri: str) -> Any:
    for name, value in _DEFAULTS.items():  # MLflow has no other way to be told
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about its own ways, and nothing a user of ours can change
        from mlflow import MlflowClient  # noqa: PLC0415 - an extra, and a second or more to import

        return MlflowClient(uri)
