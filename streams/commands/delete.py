"""`touchline topics delete`: what a prefix has left behind."""

import json
from dataclasses import asdict

import click

from streams.admin import Admin
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.deletion import Deletion, Remains
from streams.patient_registry import patient_registry
from streams.settings import Settings


@click.command()
@click.option("--everything", is_flag=True, help="Also changelogs, consumer groups and registered schemas.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs; needs --yes.")
@cluster_options
@in_one_sentence
def delete(settings: Settings, *, everything: bool, yes: bool, as_json: bool) -> None:
    """Delete the topics of one prefix, with all records in them.

    Topics that are not Touchline's, and those of other prefixes, are never touched. It is refused while a worker or a
    consumer of the prefix runs. `touchline topics list` shows which prefixes there are.

    \b
    Example:
      touchline topics delete --topic-prefix replay-20261120-224501- --everything
      touchline topics delete --topic-prefix test- --yes --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if as_json and not yes:
        raise UserError("--json asks nothing, so it needs --yes")
    deletion = Deletion(settings.topic_prefix, Admin(settings), patient_registry(settings))
    remains = deletion.find(everything=everything)
    whose = f"prefix {settings.topic_prefix!r} at {settings.bootstrap_servers}"
    if not remains and not as_json:
        click.echo(f"There is nothing of {whose}.")
        return
    if not yes:
        for name in (*remains.topics, *remains.groups, *remains.subjects):
            click.echo(f"  {name}")
        click.confirm(f"Delete {_counted(remains)} of {whose}? This cannot be undone", abort=True)
    deletion.carry_out(remains)
    click.echo(json.dumps(asdict(remains)) if as_json else f"Deleted {_counted(remains)} of {whose}.")


def _counted(remains: Remains) -> str:
    parts = [f"{len(remains.topics)} topics"]
    if remains.groups or remains.subjects:
        parts += [f"{len(remains.groups)} groups", f"{len(remains.subjects)} schemas' subjects"]
    return ", ".join(parts)
