"""Where this machine keeps what is downloaded and what is stored."""

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of downloaded software; losing it costs a download.

    >>> cache_folder({"XDG_CACHE_HOME": "/var/cache/anna"}).as_posix()
    '/var/cache/anna/touchline'
    """
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the local cluster's data, logs and state file.

    >>> state_folder({"HOME": "/home/anna"}).as_posix()
    '/home/anna/.local/state/touchline'
    """
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what cannot be had again: the store of models.

    >>> data_folder({"HOME": "/home/anna"}).as_posix()
    '/home/anna/.local/share/touchline'
    """
    return _folder(environment, "XDG_DATA_HOME", ".local/share")


def _folder(environment: Mapping[str, str], variable: str, otherwise: str) -> Path:
    given = Path(environment.get(variable, ""))
    # The XDG specification has a relative path ignored.
    root = given if given.is_absolute() else Path(environment.get("HOME") or Path.home()) / otherwise
    return root / "touchline"
