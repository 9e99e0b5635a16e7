"""The `touchline` command: a table of names, each loaded only when it is used."""

import importlib
from collections.abc import Mapping

import click

COMMANDS: Mapping[str, tuple[str, str]] = {
    "ablate": ("streams.commands.ablate:ablate", "Tell what each part of a model is worth, and what it costs."),
    "accuracy": ("streams.commands.accuracy:accuracy", "Tell how good the predictions were, once results are known."),
    "backtest": ("streams.commands.backtest:backtest", "Forecast past matches, and tell what that was worth."),
    "dashboard": (
        "streams.commands.dashboard:dashboard",
        "Serve a live page of matches, stream, drift, models and schemas.",
    ),
    "data": ("streams.commands.data:data", "Get the public history of matches that models learn from."),
    "dead-letters": ("streams.commands.dead_letters:dead_letters", "List, show, keep and replay what was set aside."),
    "demo": ("streams.commands.demo:demo", "Play match days through real workers on a real Kafka."),
    "doctor": ("streams.commands.doctor:doctor", "Check brokers, registry, topics, schemas, bundle and clock."),
    "down": ("streams.commands.cluster:down", "Stop what `touchline up` started, and nothing else."),
    "drift": ("streams.commands.drift:drift", "Show drift, and how often its alarms are right."),
    "lag": ("streams.commands.lag:lag", "Show how far the groups of the roles are behind."),
    "latency": ("streams.commands.latency:latency", "Show how long predictions take, by stage."),
    "leaks": ("streams.commands.leaks:leaks", "Look for signs that a bundle knows what it should not."),
    "model": ("streams.commands.model:model", "Tell what a model bundle is."),
    "produce": ("streams.commands.produce:produce", "Send one record for each line of JSON to a topic."),
    "ratings": ("streams.commands.ratings:ratings", "Load or show the ratings of the teams."),
    "replay": ("streams.commands.replay:replay", "Play match days through the roles, and check what comes."),
    "reset": ("streams.commands.reset:reset", "Prepare a role to process events again."),
    "retrain": ("streams.commands.retrain:retrain", "Train a challenger from what has been played since."),
    "rollout": ("streams.commands.rollout:rollout", "Judge by a plan whether a challenger may become champion."),
    "schema": (
        "streams.commands.schema:schema",
        "List, check and register the schemas of the topics; take up new versions.",
    ),
    "simulate": ("streams.commands.simulate:simulate", "Send seasons of simulated matches to match-events."),
    "status": ("streams.commands.cluster:status", "Tell whether the local cluster runs, and where."),
    "tail": ("streams.commands.tail:tail", "Show the records of a topic."),
    "topics": ("streams.commands.topics:topics", "Create, list, delete or repartition topics."),
    "train": ("streams.commands.train:train_command", "Train a model on the match history and write its bundle."),
    "up": ("streams.commands.cluster:up", "Start Kafka and the schema registry on this machine."),
    "worker": ("streams.commands.worker:worker", "Run roles until Ctrl-C."),
}
"""Where each command is, and what `touchline --help` says of it without a look there."""


class LazyGroup(click.Group):
    """A group which imports a command's module only when the command is asked for: some load models."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command called *cmd_name*, or None."""
        if cmd_name not in COMMANDS:
            return None
        place, _ = COMMANDS[cmd_name]
        module, attribute = place.split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is a {type(command).__name__}, not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write what each command does."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in sorted(COMMANDS.items())])


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
