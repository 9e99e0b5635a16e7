"""What is served, and every change of it, as tables for people."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from models.serving import Serving
from schemas.records import ModelStatus
from streams.control.log import Change
from streams.control.status import Standing
from streams.control.telling import in_words, short

_PIPED_WIDTH = 200


def tell_following(serving: Serving, found: Standing, seconds: float) -> None:
    """Say how many partitions follow a change, and why some do not."""
    partitions = len(found.by_partition) + len(found.missing)
    done = sum(one.revision >= serving.revision for one in found.by_partition.values())
    workers = len({one.worker for one in found.by_partition.values()})
    click.echo(
        f"{done} of {partitions} partitions follow, {workers} worker{'s'[: workers != 1]}, after {seconds:.1f} s"
    )
    for reason in found.refusals:
        click.echo(f"refused: {reason}", err=True)


def tell(serving: Serving, found: Standing) -> None:
    """Show what is served, and by whom."""
    click.echo(
        f"change {serving.revision}: {in_words(serving)}" if serving.revision else "No change has been asked for."
    )
    reports = {one.worker: one for one in found.by_partition.values()}
    _tell_workers(
        (one, [number for number, its in found.by_partition.items() if its.worker == worker])
        for worker, one in sorted(reports.items())
    )
    if found.missing:
        click.echo(f"No worker serves the partitions {', '.join(map(str, found.missing))}.")
    if found.shadows:
        click.echo("Beside them, in the role shadow:")
        _tell_workers((one, one.partitions) for one in found.shadows)


def _tell_workers(workers: Iterable[tuple[ModelStatus, Collection[int]]]) -> None:
    table = Table("worker", "version", "bundle", "change", "partitions", "refuses", box=None)
    for report, partitions in workers:
        table.add_row(
            report.worker, report.model_version, short(report.bundle_digest), str(report.revision),
            ", ".join(map(str, sorted(partitions))), report.refused or "",
        )  # fmt: skip
    _print(table)


def tell_changes(changes: Sequence[Change]) -> None:
    """Show every change that was asked for, and its effect."""
    table = Table("change", "when", "what", "champion", "challenger", "share", "by", "why", "effect", box=None)
    for change in changes:
        table.add_row(*_row(change))
    _print(table if changes else "Nothing has been changed: workers serve their own bundle.")


def _print(what: Table | str) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=_PIPED_WIDTH)).print(what)


def _row(change: Change) -> tuple[str, ...]:
    record = change.record
    if record is None:
        return ("?", "", "", "", "", "", "", "", f"none: {change.void}")
    when = datetime.fromtimestamp(record.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    what = record.action.value.lower() + (" running" if record.running else "")
    share = f"{record.canary_share:.4g}" if record.canary_share else ""
    effect = "yes" if change.void is None else f"none: {change.void}"
    digests = (short(record.champion), short(record.challenger))
    return (str(record.revision), when, what, *digests, share, record.by, record.why, effect)
