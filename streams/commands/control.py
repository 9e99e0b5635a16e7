"""`touchline model promote`, `canary`, `pause`, `rollback`, `status` and `history`: what is served, by one message."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from models.serving import Serving
from schemas.records import ControlAction
from streams.bundles import digest_of
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.control.asking import (
    ChangeError,
    Wish,
    ask,
    first_champion,
    read_changes,
    read_standing,
    wait_for_workers,
)
from streams.control.log import Change
from streams.control.status import Standing
from streams.settings import Settings

_SHOWN = 12
_PIPED_WIDTH = 200

model_option = click.option("--model", default="", help="Name of the model (default: the one that workers serve).")
_why_option = click.option("--why", required=True, help="Why; it is kept with the change for ever.")
_wait_option = click.option(
    "--wait", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds for the workers to follow."
)


@click.command()
@click.argument("bundle", required=False)
@click.option("--running", is_flag=True, help="Running matches change too.")
@_why_option
@model_option
@_wait_option
@cluster_options
@in_one_sentence
def promote(settings: Settings, *, bundle: str | None, running: bool, why: str, model: str, wait: float) -> None:
    """Let BUNDLE serve matches which kick off from now on, by default the challenger.

    Running matches keep the bundle they began with, unless --running is given.

    \b
    Example:
      touchline model promote --why "better over 1,200 matches"
    """  # noqa: D301 - \b is click's mark for a block kept as it is

    def wish(serving: Serving) -> Wish:
        digest = digest_of(settings, bundle) if bundle else serving.challenger
        if digest is None:
            raise ChangeError("there is no challenger; name the bundle which shall serve")
        return Wish(ControlAction.PROMOTE, digest, running=running)

    _change(settings, model, wish, why, wait)


@click.command()
@click.argument("bundle")
@click.option("--percent", type=click.FloatRange(0, 100), required=True, help="Of the matches which kick off.")
@_why_option
@model_option
@_wait_option
@cluster_options
@in_one_sentence
def canary(settings: Settings, *, bundle: str, percent: float, why: str, model: str, wait: float) -> None:
    """Let BUNDLE serve a share of the matches which kick off from now on.

    Which, each match draws once. A larger share keeps the matches of a smaller one.

    \b
    Example:
      touchline model canary internationals@2 --percent 5 --why "trained on this season"
    """  # noqa: D301 - as above

    def wish(serving: Serving) -> Wish:
        champion = serving.champion or first_champion(read_standing(settings))
        return Wish(ControlAction.CANARY, champion, digest_of(settings, bundle), percent / 100)

    _change(settings, model, wish, why, wait)


@click.command()
@_why_option
@model_option
@_wait_option
@cluster_options
@in_one_sentence
def pause(settings: Settings, *, why: str, model: str, wait: float) -> None:
    """Give the challenger no more matches; those which it has it keeps.

    \b
    Example:
      touchline model pause --why "waiting for results"
    """  # noqa: D301 - as above

    def wish(serving: Serving) -> Wish:
        if serving.champion is None or serving.challenger is None:
            raise ChangeError("there is no challenger to pause")
        return Wish(ControlAction.PAUSE, serving.champion, serving.challenger)

    _change(settings, model, wish, why, wait)


@click.command()
@click.argument("bundle", required=False)
@_why_option
@model_option
@_wait_option
@cluster_options
@in_one_sentence
def rollback(settings: Settings, *, bundle: str | None, why: str, model: str, wait: float) -> None:
    """Take every match back at once, running ones too.

    They go to BUNDLE; by default to the champion while a challenger is tried, else to the champion before.

    \b
    Example:
      touchline model rollback --why "log loss up by 0.05"
    """  # noqa: D301 - as above

    def wish(serving: Serving) -> Wish:
        before = serving.champion if serving.challenger else serving.previous
        digest = digest_of(settings, bundle) if bundle else before
        if digest is None:
            raise ChangeError("there was no champion before this one; name the bundle which shall serve")
        return Wish(ControlAction.ROLLBACK, digest)

    _change(settings, model, wish, why, wait)


@click.command()
@model_option
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, help="Seconds for the workers to follow.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def status(settings: Settings, *, model: str, wait: float, as_json: bool) -> None:
    """Show what is served, and whether every worker does.

    The exit code is 1 when one does not, or refuses to.

    \b
    Example:
      touchline model status --wait 10
    """  # noqa: D301 - as above
    found = read_standing(settings)
    _, serving = read_changes(settings, model or model_of(found))
    found = wait_for_workers(settings, serving.revision, wait)
    if as_json:
        click.echo(json.dumps(_as_json(serving, found)))
    else:
        _tell(serving, found)
    raise SystemExit(0 if found.carries_out(serving.revision) and not found.refusals else 1)


@click.command()
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line a change, for programs.")
@cluster_options
@in_one_sentence
def history(settings: Settings, *, model: str, as_json: bool) -> None:
    """Show every change that was asked for: by whom, when, why, and which had no effect.

    \b
    Example:
      touchline model history
    """  # noqa: D301 - as above
    changes, _ = read_changes(settings, model or model_of(read_standing(settings)))
    if as_json:
        for change in changes:
            click.echo(json.dumps(_change_as_json(change), ensure_ascii=False))
        return
    table = Table("change", "when", "what", "champion", "challenger", "share", "by", "why", "effect", box=None)
    for change in changes:
        table.add_row(*_change_row(change))
    _print(table if changes else "Nothing has been changed: workers serve their own bundle.")


def _change(settings: Settings, model: str, wish: Callable[[Serving], Wish], why: str, wait: float) -> None:
    name = model or model_of(read_standing(settings))
    try:
        serving = ask(settings, name, wish, why)
    except ChangeError as error:
        raise UserError(str(error)) from error
    click.echo(f"change {serving.revision}: {in_words(serving)}")
    if wait:
        began = time.monotonic()
        found = wait_for_workers(settings, serving.revision, wait)
        _tell_following(serving, found, time.monotonic() - began)
        raise SystemExit(0 if found.carries_out(serving.revision) and not found.refusals else 1)


def model_of(reports: Standing) -> str:
    """Return the name of the model which workers serve.

    Raises:
        UserError: They serve none, or several.
    """
    names = sorted({one.model for one in reports.by_partition.values()})
    if len(names) != 1:
        said = f"workers serve {', '.join(names)}" if names else "no worker has said what it serves"
        raise UserError(f"{said}: name the model with --model")
    return names[0]


def in_words(serving: Serving) -> str:
    """Return what is served, for people."""
    champion, challenger = _short(serving.champion), _short(serving.challenger)
    if serving.challenger is None:
        return f"{champion} serves"
    if serving.canary_share:
        share = f"gets {serving.canary_share:.4g} of the matches which kick off from now on"
        return f"{champion} serves; {challenger} {share}{', and both score every match' if serving.shadow else ''}"
    said = "scores the same events in the shadow" if serving.shadow else "gets no more matches"
    return f"{champion} serves; {challenger} {said}"


def _tell_following(serving: Serving, found: Standing, seconds: float) -> None:
    partitions = len(found.by_partition) + len(found.missing)
    done = sum(one.revision >= serving.revision for one in found.by_partition.values())
    workers = len({one.worker for one in found.by_partition.values()})
    click.echo(
        f"{done} of {partitions} partitions follow, {workers} worker{'s'[: workers != 1]}, after {seconds:.1f} s"
    )
    for reason in found.refusals:
        click.echo(f"refused: {reason}", err=True)


def _tell(serving: Serving, found: Standing) -> None:
    click.echo(
        f"change {serving.revision}: {in_words(serving)}" if serving.revision else "No change has been asked for."
    )
    table = Table("worker", "version", "bundle", "change", "partitions", "refuses", box=None)
    reports = {one.worker: one for one in found.by_partition.values()}
    for worker, report in sorted(reports.items()):
        partitions = sorted(number for number, one in found.by_partition.items() if one.worker == worker)
        table.add_row(
            worker, report.model_version, _short(report.bundle_digest), str(report.revision),
            ", ".join(map(str, partitions)), report.refused or "",
        )  # fmt: skip
    _print(table)
    if found.missing:
        click.echo(f"No worker serves the partitions {', '.join(map(str, found.missing))}.")


def _print(what: Table | str) -> None:
    console = Console()
    (console if console.is_terminal else Console(width=_PIPED_WIDTH)).print(what)


def _as_json(serving: Serving, found: Standing) -> dict[str, Any]:
    return {
        "revision": serving.revision,
        "champion": serving.champion,
        "challenger": serving.challenger,
        "canary_share": serving.canary_share,
        "done": found.carries_out(serving.revision),
        "missing_partitions": list(found.missing),
        "workers": [
            {
                "worker": one.worker,
                "version": one.model_version,
                "bundle": one.bundle_digest,
                "revision": one.revision,
                "partitions": list(one.partitions),
                "refused": one.refused,
            }
            for one in {one.worker: one for one in found.by_partition.values()}.values()
        ],
    }


def _change_as_json(change: Change) -> dict[str, Any]:
    record = change.record
    said = {} if record is None else {
        "revision": record.revision, "action": record.action.value, "champion": record.champion,
        "challenger": record.challenger, "canary_share": record.canary_share, "running": record.running,
        "by": record.by, "why": record.why, "at_ms": record.at_ms, "replaces": record.replaces,
    }  # fmt: skip
    return {"offset": change.offset, **said, "void": change.void}


def _change_row(change: Change) -> tuple[str, ...]:
    record = change.record
    if record is None:
        return ("?", "", "", "", "", "", "", "", f"none: {change.void}")
    when = datetime.fromtimestamp(record.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    what = record.action.value.lower() + (" running" if record.running else "")
    share = f"{record.canary_share:.4g}" if record.canary_share else ""
    effect = "yes" if change.void is None else f"none: {change.void}"
    digests = (_short(record.champion), _short(record.challenger))
    return (str(record.revision), when, what, *digests, share, record.by, record.why, effect)


def _short(digest: str | None) -> str:
    return "" if digest is None else digest[:_SHOWN]
