"""The `touchline` command: a table of names, each loaded only when it is used."""

import importlib
from collections.abc import Mapping

import click

COMMANDS: Mapping[str, str] = {
    "dashboard": "streams.commands.dashboard:dashboard",
    "dead-letters": "streams.commands.dead_letters:dead_letters",
    "demo": "streams.commands.demo:demo",
    "doctor": "streams.commands.doctor:doctor",
    "down": "streams.commands.cluster:down",
    "lag": "streams.commands.lag:lag",
    "produce": "streams.commands.produce:produce",
    "ratings": "streams.commands.ratings:ratings",
    "replay": "streams.commands.replay:replay",
    "reset": "streams.commands.reset:reset",
    "schema": "streams.commands.schema:schema",
    "simulate": "streams.commands.simulate:simulate",
    "status": "streams.commands.cluster:status",
    "tail": "streams.commands.tail:tail",
    "topics": "streams.commands.topics:topics",
    "train": "streams.commands.train:train_command",
    "up": "streams.commands.cluster:up",
    "worker": "streams.commands.worker:worker",
}


class LazyGroup(click.Group):
    """A group which imports a command's module when the command is asked for, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command called *cmd_name*, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is a {type(command).__name__}, not a command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="touchline", prog_name="touchline")
def main() -> None:
    """Live football predictions from a stream.

    \b
    Example:
      touchline demo
    """  # noqa: D301 - \b is click's mark for a block kept as it is


if __name__ == "__main__":
    main()
