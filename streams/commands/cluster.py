"""`touchline up`, `down` and `status`: the local cluster."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table

from streams.admin import Admin
from streams.commands.errors import UserError
from streams.commands.sentences import in_one_sentence
from streams.local.cluster import LocalCluster
from streams.local.errors import ClusterError
from streams.local.state import RunningCluster, running_cluster
from streams.local.takedown import one_at_a_time, take_down
from streams.local.takedown import wipe as wipe_data
from streams.patient_registry import patient_registry
from streams.registering import register_all
from streams.settings import read_settings


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except ClusterError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}") from error


@click.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), default=None, help="Brokers; each number has its own data. [1]")
@click.option("--ephemeral", is_flag=True, help="On free ports, and without a trace after `touchline down`.")
def up(nodes: str | None, *, ephemeral: bool) -> None:
    """Start Kafka and the schema registry on this machine, downloading them once, with all topics and schemas.

    Data is kept between starts. The other commands find the cluster by themselves.

    \b
    Example:
      touchline up --nodes 3
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    before = running_cluster()
    wanted = int(nodes) if nodes else before.nodes if before else 1
    cluster = LocalCluster(wanted, ephemeral=ephemeral, detached=True, say=_say)
    with _one_sentence():
        if before is None or _missing(before):
            _say(f"Starting Kafka ({wanted} broker{'s' if wanted > 1 else ''}) and the schema registry on loopback.")
        cluster.start()
    _furnish(cluster)
    print("The local cluster was up already." if cluster.was_up else "The local cluster is up.")
    print(f"bootstrap servers  {cluster.bootstrap_servers}")
    print(f"schema registry    {cluster.registry_url}")


@in_one_sentence
def _furnish(cluster: LocalCluster) -> None:
    """Create the topics and register the schemas which are not there yet."""
    settings = read_settings(bootstrap_servers=cluster.bootstrap_servers, registry_url=cluster.registry_url)
    Admin(settings).create_topics()
    register_all(patient_registry(settings), settings.topic_prefix)


@click.command()
@click.option("--wipe", is_flag=True, help="Also remove all data: topics, offsets, schemas.")
def down(*, wipe: bool) -> None:
    """Stop what `touchline up` started, and nothing else.

    \b
    Example:
      touchline down --wipe
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    with _one_sentence(), one_at_a_time(os.environ, _say):
        stopped = take_down(say=_say)
        if wipe:
            wipe_data()
    print(f"Stopped {', '.join(stopped)}." if stopped else "No local cluster was running.")
    if wipe:
        print("Its data has been removed.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, as_json: bool) -> None:
    """Tell whether the local cluster runs, and where; the exit code is 1 when it does not run whole.

    \b
    Example:
      touchline status --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    cluster = running_cluster()
    missing = _missing(cluster) if cluster else []
    if as_json:
        print(json.dumps(_described(cluster, missing), indent=2))
    elif cluster is None:
        print("No local cluster is running; `touchline up` starts one.")
    else:
        _show(cluster, missing)
    raise click.exceptions.Exit(0 if cluster and not missing else 1)


def _missing(cluster: RunningCluster) -> list[str]:
    expected = [*(f"broker-{node}" for node in range(1, cluster.nodes + 1)), "registry"]
    return [name for name in expected if name not in cluster.pids]


def _described(cluster: RunningCluster | None, missing: list[str]) -> dict[str, object]:
    if cluster is None:
        return {"running": False}
    return {
        "running": True,
        "bootstrap_servers": cluster.bootstrap_servers,
        "registry_url": cluster.registry_url,
        "nodes": cluster.nodes,
        "pids": dict(cluster.pids),
        "missing": missing,
    }


def _show(cluster: RunningCluster, missing: list[str]) -> None:
    table = Table(box=None, show_header=False)
    table.add_row("bootstrap servers", cluster.bootstrap_servers)
    table.add_row("schema registry", cluster.registry_url)
    for name, pid in sorted(cluster.pids.items()):
        table.add_row(name, f"process {pid}")
    for name in missing:
        table.add_row(name, "[red]has ended; `touchline up` starts it again")
    Console(soft_wrap=True).print(table)
