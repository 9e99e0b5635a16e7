"""Options which many commands share."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import click

from streams.commands.errors import UserError
from streams.settings import Settings, SettingsError, read_settings

P = ParamSpec("P")
R = TypeVar("R")


def cluster_options(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give *command* the options which name a cluster, and the settings as its first argument."""

    @click.option("--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka brokers (default: the local cluster's).")
    @click.option("--registry-url", metavar="URL", help="Schema registry (default: the local cluster's).")
    @click.option("--topic-prefix", metavar="TEXT", help="What stands before every topic's name.")
    @functools.wraps(command)
    def with_settings(*args: P.args, **options: P.kwargs) -> R:
        given = {name: options.pop(name) for name in ("bootstrap_servers", "registry_url", "topic_prefix")}
        try:
            settings = read_settings(**given)
        except SettingsError as error:
            raise UserError(str(error)) from error
        return command(settings, *args, **options)

    return with_settings
