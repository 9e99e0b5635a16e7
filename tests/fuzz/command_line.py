"""Command lines of any words for every command, up to where a broker would be asked."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from unittest import mock

import click
from click.testing import CliRunner

from streams.brokers import BrokerError
from streams.cli import main
from streams.settings import Settings

ALLOWED_EXITS = (0, 1, 2)  # 1: `doctor` and `status` have found something wrong
_STARTING = (
    "dashboard",
    "demo",
    "down",
    "drift",
    "rollout",
    "train",
    "up",
    "worker",
)  # these do something before they ask a broker
_ENVIRONMENT = {
    "TOUCHLINE_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "TOUCHLINE_REGISTRY_URL": "http://127.0.0.1:1",
    "XDG_STATE_HOME": "/nonexistent",
}
_TRACE = "Traceback (most recent call last)"


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _leaves(inner, (*path, name))


def commands() -> Mapping[tuple[str, ...], click.Command]:
    """Return every command by its words."""
    return dict(_leaves(main))


COMMANDS = commands()
PATHS = tuple(sorted(COMMANDS))
OPTIONS = tuple(sorted({name for one in COMMANDS.values() for option in one.params for name in option.opts}))


def arguments(data: bytes) -> None:
    """Run the command which the first byte chooses, with the words that follow, up to the first call to a broker."""
    path = PATHS[data[0] % len(PATHS)] if data else PATHS[0]
    run(path, [os.fsdecode(word) for word in data[1:].split(b"\x00")] if data[1:] else [])


def run(path: tuple[str, ...], words: list[str]) -> None:
    """Run a command; its end is an exit code and, if it was refused, a sentence."""
    command, runner = COMMANDS[path], CliRunner()
    body = mock.patch.object(command, "callback", _nothing) if path[0] in _STARTING else mock.patch.dict({})
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(Settings, "librdkafka", _no_broker),
        body,
        runner.isolated_filesystem(folder),
    ):
        result = runner.invoke(main, [*path, *words], env=_ENVIRONMENT)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{path} {words} raises {result.exception!r}") from result.exception
    assert result.exit_code in ALLOWED_EXITS, f"{path} {words} ends with {result.exit_code}"
    assert _TRACE not in result.output
    if result.exit_code == 2:
        assert "Error: " in result.stderr


def _nothing(**_options: object) -> None:
    """Stand for what starts processes."""


def _no_broker(settings: Settings, **_more: object) -> dict[str, object]:
    raise BrokerError(f"no broker answers at {settings.bootstrap_servers}")
