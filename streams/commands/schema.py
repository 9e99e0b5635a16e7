"""`touchline schema`: what is registered, what would be, and whether it fits."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table

from schemas.catalog import latest, schema_json, schemas, versions
from schemas.compatibility import SchemaError, incompatibilities
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.schema_bump import bump_command, plan_command
from streams.registering import register_all, topic_schemas
from streams.registry import Registry, registry_of
from streams.registry_errors import IncompatibleSchemaError, RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings

T = TypeVar("T")

_SUFFIX = "-value"
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_file = click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A schema of your own (.avsc)."
)
_subject = click.option("--subject", metavar="NAME", help="One subject, e.g. match-events-value.")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A schema which could be registered for a subject."""

    subject: str
    origin: str
    text: str


@dataclass(frozen=True, slots=True)
class _Finding:
    """What the registry has of a candidate, and which rules it breaks."""

    subject: str
    schema: str
    registered: Sequence[int]
    problems: Sequence[str]

    @property
    def verdict(self) -> str:
        if self.problems:
            return "incompatible"
        return "compatible" if self.registered else "not registered yet"


@click.group()
def schema() -> None:
    """List, check, register and show the schemas of the topics, and take up new versions.

    \b
    Example:
      touchline schema check
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@schema.command(name="list")
@_as_json
@cluster_options
def list_schemas(settings: Settings, *, as_json: bool) -> None:
    """List the subjects: versions registered, versions shipped.

    \b
    Example:
      touchline schema list --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    registry = registry_of(settings)
    known = set(_told(registry.subjects))
    rows = [
        {
            "subject": (subject := f"{settings.topic_prefix}{topic}{_SUFFIX}"),
            "schema": name,
            "shipped": list(versions(name)),
            "registered": _told(lambda subject=subject: registry.versions(subject)) if subject in known else [],  # type: ignore[misc] # the default binds it now
        }
        for topic, name in topic_schemas().items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    _print_table(
        ["subject", "schema", "shipped", "registered"], [[_text(cell) for cell in row.values()] for row in rows]
    )


@schema.command()
@_file
@_subject
@_as_json
@cluster_options
def check(settings: Settings, *, file: Path | None, subject: str | None, as_json: bool) -> None:
    """Tell which field breaks which rule, were the schemas registered; exit code 1 when one does.

    \b
    Example:
      touchline schema check --file my_event.avsc --subject match-events-value
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    registry = registry_of(settings)
    findings = [_finding(registry, one) for one in _candidates(settings, file, subject, None)]
    if as_json:
        click.echo(json.dumps([{**asdict(one), "verdict": one.verdict} for one in findings]))
    else:
        rows = [[one.subject, one.schema, _text(one.registered), one.verdict] for one in findings]
        _print_table(["subject", "schema", "registered", "verdict"], rows)
        for one in findings:
            for problem in one.problems:
                click.echo(f"{one.subject}: {problem}")
    if any(one.problems for one in findings):
        click.get_current_context().exit(1)


@schema.command()
@_file
@_subject
@click.option("--version", type=click.IntRange(min=1), help="Version of ours (default: all up to the latest).")
@_as_json
@cluster_options
def register(settings: Settings, *, file: Path | None, subject: str | None, version: int | None, as_json: bool) -> None:
    """Register the schemas of all topics, or one; the same again changes nothing.

    \b
    Example:
      touchline schema register --subject match-events-value --version 1
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    registry = registry_of(settings)
    if subject is None and file is None and version is None:
        found = _told(lambda: register_all(registry, settings.topic_prefix))
    else:
        one = _candidates(settings, file, subject, version)[0]
        found = {one.subject: _told(lambda: registry.register(one.subject, one.text))}
    if as_json:
        click.echo(json.dumps(found))
        return
    _print_table(["subject", "id"], [[name, str(schema_id)] for name, schema_id in found.items()])


@schema.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Which version (default: the latest).")
@_as_json
@cluster_options
def show(settings: Settings, name: str, *, version: int | None, as_json: bool) -> None:
    """Print a schema: NAME is one of ours (match_event), or a subject of the registry (match-events-value).

    \b
    Example:
      touchline schema show match_event --version 1
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if name in schemas():
        text = _told(lambda: schema_json(name, version))
    else:
        registry = registry_of(settings)
        text = _told(lambda: registry.latest(name) if version is None else registry.version(name, version))
    content = json.loads(text)
    if as_json:
        click.echo(json.dumps(content))
    else:
        Console().print_json(data=content, indent=2)


schema.add_command(plan_command)
schema.add_command(bump_command)


def _candidates(settings: Settings, file: Path | None, subject: str | None, version: int | None) -> list[_Candidate]:
    """Return the schemas which the options name, each with its subject."""
    ours = {f"{settings.topic_prefix}{topic}{_SUFFIX}": name for topic, name in topic_schemas().items()}
    if file is not None:
        if subject is None or version is not None:
            raise UserError("--file needs --subject, which says for which topic it is, and no --version")
        return [_Candidate(subject, file.name, file.read_text(encoding="utf-8"))]
    if subject is None and version is not None:
        raise UserError(f"--version {version} needs --subject, which says of which topic")
    if subject is None:
        return [_ours(name, schema, None) for name, schema in ours.items()]
    full = subject if subject in ours else f"{settings.topic_prefix}{subject}"
    if full not in ours:
        raise UserError(f"{subject} is no subject of ours; there are {', '.join(ours)}; another one needs --file")
    return [_ours(full, ours[full], version)]


def _ours(subject: str, name: str, version: int | None) -> _Candidate:
    text = _told(lambda: schema_json(name, version))
    return _Candidate(subject, f"{name} v{version or latest(name)}", text)


def _finding(registry: Registry, one: _Candidate) -> _Finding:
    try:
        registered = registry.versions(one.subject)
    except SchemaNotFoundError:
        registered = []
    except RegistryUnavailableError as error:
        raise UserError(str(error)) from error
    before = _told(lambda: registry.latest(one.subject)) if registered else one.text
    return _Finding(one.subject, one.origin, registered, _told(lambda: incompatibilities(one.text, before)))


def _told(ask: Callable[[], T]) -> T:
    """Return the answer, or tell in one sentence why there is none."""
    try:
        return ask()
    except (IncompatibleSchemaError, LookupError, RegistryUnavailableError, SchemaError) as error:
        raise UserError(str(error).strip("'\"")) from error


def _text(cell: object) -> str:
    return ", ".join(map(str, cell)) or "-" if isinstance(cell, (list, tuple)) else str(cell)


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*titles, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
