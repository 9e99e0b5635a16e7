"""`touchline schema plan` and `bump`: what a new version of a schema would change, and taking it up."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from schemas.compatibility import SchemaError, incompatibilities
from streams.admin import Admin
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.dashboard.membership import Membership
from streams.registering import topic_schemas
from streams.registry import Registry, registry_of
from streams.registry_errors import SchemaNotFoundError
from streams.schema_plan import UNREAD, SchemaPlan, plan_of
from streams.settings import Settings

_topic = click.argument("topic", metavar="TOPIC")
_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command("plan")
@_topic
@_file
@_as_json
@cluster_options
@in_one_sentence
def plan_command(settings: Settings, *, topic: str, file: Path, as_json: bool) -> None:
    """Tell what the schema in FILE, as a new version of TOPIC's, would change: for whom, and who has to go first.

    Nothing is registered. Exit code 1 when somebody who reads the topic now could not read it.

    \b
    Example:
      touchline schema plan match-events my_match_event.avsc
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan = _planned(settings, topic, _proposed(file), registry_of(settings))
    if as_json:
        click.echo(json.dumps(_told(plan)))
    else:
        _show(plan)
    if plan.order in UNREAD:
        click.get_current_context().exit(1)


@click.command("bump")
@_topic
@_file
@click.option("--others-can-read", is_flag=True, help="Groups of others which read the topic are ready for it.")
@_as_json
@cluster_options
@in_one_sentence
def bump_command(settings: Settings, *, topic: str, file: Path, others_can_read: bool, as_json: bool) -> None:
    """Register the schema in FILE as a new version of TOPIC's, unless somebody who reads the topic could not read it.

    \b
    Example:
      touchline schema bump match-events my_match_event.avsc
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    text, registry = _proposed(file), registry_of(settings)
    plan = _planned(settings, topic, text, registry)
    if not as_json:
        _show(plan)
    _refuse(plan, others_can_read=others_can_read)
    schema_id = registry.register(plan.subject, text)
    if as_json:
        click.echo(json.dumps(_told(plan) | {"id": schema_id}))
    else:
        click.echo(f"Registered for {plan.subject}, as id {schema_id}.")


def _proposed(file: Path) -> str:
    """Return the schema in *file*."""
    try:
        text = file.read_text(encoding="utf-8")
        incompatibilities(text, text)
    except (SchemaError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be taken up: {error}") from error
    return text


def _planned(settings: Settings, topic: str, text: str, registry: Registry) -> SchemaPlan:
    known = topic_schemas()
    if topic not in known:
        raise UserError(f"{topic} is no topic with a schema; there are {', '.join(known)}")
    groups = Membership(settings, Admin(settings).group_names()).groups()
    return plan_of(settings, topic, text, _registered(registry, f"{settings.topic(topic)}-value"), groups)


def _registered(registry: Registry, subject: str) -> Mapping[int, str]:
    try:
        return {version: registry.version(subject, version) for version in registry.versions(subject)}
    except SchemaNotFoundError:
        return {}


def _refuse(plan: SchemaPlan, *, others_can_read: bool) -> None:
    if plan.order in UNREAD:
        raise UserError(f"not registered: {plan.order.sentence}")
    if plan.others and not others_can_read:
        raise UserError(
            f"not registered: {', '.join(plan.others)} read {plan.topic} too, and how they read it is not known here; "
            "say --others-can-read once they can"
        )


def _told(plan: SchemaPlan) -> dict[str, object]:
    return asdict(plan) | {"order": plan.order.value}


def _show(plan: SchemaPlan) -> None:
    versions = ", ".join(f"v{version}" for version in plan.registered) or "no version yet"
    click.echo(f"{plan.subject} has {versions}.")
    for sentence in plan.changes or ["No field differs from the newest."]:
        click.echo(f"  {sentence}")
    if plan.writers:
        click.echo(f"Written by {', '.join(plan.writers)} of Touchline, which keep to the version they come with.")
    for reader in plan.readers:
        running = "" if reader.running is None else f", {reader.running} running"
        verdict = "can read it" if not reader.problems else f"cannot read it: {'; '.join(reader.problems)}"
        click.echo(f"{reader.name} (as {reader.reads}{running}) {verdict}")
    for group, count in plan.others.items():
        click.echo(f"{group} ({count} running) is not Touchline's: nobody here knows how it reads")
    for version, problems in plan.older.items():
        click.echo(f"Records of v{version} could not be read as it: {'; '.join(problems)}")
    click.echo(f"{plan.order.value.capitalize()}. {plan.order.sentence}")
