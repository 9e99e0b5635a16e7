"""What commands of the store of models are told: which one, and who changes it why."""

import functools
import getpass
import os
import time
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

import click

from models.entries import Act
from models.manifest import BundleError, StoreError
from models.store import ModelStore
from streams.bundles import store_of
from streams.commands.errors import UserError
from streams.settings import SettingsError, read_settings

P = ParamSpec("P")
R = TypeVar("R")
NONE: Final = "none"


def store_options(command: Callable[Concatenate[ModelStore, P], R]) -> Callable[P, R]:
    """Give *command* the options which name a store, the store as its first argument, and one sentence for an error."""

    @click.option(
        "--store",
        metavar="FOLDER|URL",
        help="Store of models, mlflow: for MLflow (default: TOUCHLINE_MODEL_STORE, or a folder of yours).",
    )
    @functools.wraps(command)
    def with_store(*args: P.args, **options: P.kwargs) -> R:
        url = options.pop("store")
        try:
            return command(store_of(read_settings(model_store=url)), *args, **options)
        except (BundleError, SettingsError, StoreError) as error:
            raise UserError(" ".join(str(error).split())) from error

    return with_store


def act_options(command: Callable[Concatenate[Act, P], R]) -> Callable[P, R]:
    """Give *command* the options which say who changes something and why, as its first argument."""

    @click.option("--why", required=True, metavar="TEXT", help="Why; it is kept.")
    @click.option("--by", metavar="NAME", help="Who (default: the user of this machine).")
    @functools.wraps(command)
    def with_act(*args: P.args, **options: P.kwargs) -> R:
        why, by = str(options.pop("why")), options.pop("by")
        return command(Act(user_name() if by is None else str(by), why, time.time_ns() // 1_000_000), *args, **options)

    return with_act


def user_name() -> str:
    """Return the name of who runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"
