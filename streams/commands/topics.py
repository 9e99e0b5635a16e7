"""`touchline topics`: the topics of the design, created and listed."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from streams.admin import Admin, TopicOutcome
from streams.commands.delete import delete
from streams.commands.options import cluster_options
from streams.commands.repartition import repartition
from streams.commands.sentences import in_one_sentence
from streams.prefixes import prefixes
from streams.settings import Settings
from streams.topics import TOPICS, TopicSpec

_PIPED_WIDTH = 140


@click.group()
def topics() -> None:
    """Create or list the topics which Touchline needs.

    \b
    Example:
      touchline topics create
      touchline topics list --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is


topics.add_command(delete)
topics.add_command(repartition)


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def create(settings: Settings, *, as_json: bool) -> None:
    """Create the topics that are not there yet; what is there is left as it is.

    Replication is 3, or the number of brokers when there are fewer; TOUCHLINE_REPLICATION_FACTOR and
    TOUCHLINE_PARTITIONS change what is asked for. A topic with another number of partitions is reported.

    \b
    Example:
      touchline topics create --topic-prefix test-
    """  # noqa: D301 - as above
    outcomes = Admin(settings).create_topics()
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes]))
        return
    for outcome in outcomes:
        click.echo(_told(outcome))


def _told(outcome: TopicOutcome) -> str:
    if outcome.outcome == "differs":
        return (
            f"{outcome.name}: exists with {outcome.partitions} partitions, not {outcome.wanted}; left as it is "
            f"(set TOUCHLINE_PARTITIONS={outcome.partitions}, or use another --topic-prefix)"
        )
    return f"{outcome.name}: {outcome.outcome}, {outcome.partitions} partitions"


@topics.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def list_topics(settings: Settings, *, as_json: bool) -> None:
    """List the topics of the design: what they are for, and whether they are there; and which prefixes there are.

    \b
    Example:
      touchline topics list --json
    """  # noqa: D301 - as above
    admin = Admin(settings)
    rows = [_row(settings, spec) for spec in TOPICS.values()]
    there = admin.topics(str(row["name"]) for row in rows)
    for row in rows:
        state = there.get(str(row["name"]))
        row |= {
            "exists": state is not None,
            "partitions": state.partitions if state else None,
            "replicas": state.replicas if state else None,
            "topic_id": state.topic_id if state else None,
        }
    if as_json:
        click.echo(json.dumps(rows))
        return
    _show(rows)
    others = {name: count for name, count in prefixes(admin.topic_names()).items() if name != settings.topic_prefix}
    for name, count in others.items():
        click.echo(f"Other prefix: {name!r} with {count} topics")


def _row(settings: Settings, spec: TopicSpec) -> dict[str, object]:
    return {
        "name": settings.topic(spec.name),
        "schema": spec.schema,
        "key": spec.key,
        "retention_days": spec.retention_days,
    }


def _show(rows: list[dict[str, object]]) -> None:
    table = Table("topic", "partitions", "replicas", "key", "schema", "kept", box=None, pad_edge=False)
    for row in rows:
        kept = "for ever" if row["retention_days"] is None else f"{row['retention_days']} d"
        partitions = str(row["partitions"]) if row["exists"] else "[red]missing[/red]"
        table.add_row(
            str(row["name"]),
            partitions,
            str(row["replicas"] or ""),
            str(row["key"]),
            str(row["schema"] or "bytes"),
            kept,
        )
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    console.print(table)
    if not all(row["exists"] for row in rows):
        console.print("Create what is missing: touchline topics create", highlight=False)
