"""`touchline model promote`, `shadow`, `canary` and so on: what is served, by one message."""

import json
import time
from collections.abc import Callable

import click

from models.serving import Serving
from schemas.records import ControlAction
from streams.bundles import digest_of
from streams.commands.control_views import tell, tell_changes, tell_following
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.control.asking import (
    Wish,
    ask,
    first_champion,
    model_of,
    read_changes,
    read_standing,
    wait_for_workers,
)
from streams.control.errors import ChangeError
from streams.control.telling import change_as_json, in_words, serving_as_json
from streams.settings import Settings

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
@_why_option
@model_option
@_wait_option
@cluster_options
@in_one_sentence
def shadow(settings: Settings, *, bundle: str, why: str, model: str, wait: float) -> None:
    """Let BUNDLE score every match beside the champion, and serve none.

    What it says is in the topic shadow-predictions.

    \b
    Example:
      touchline model shadow internationals@2 --why "trained on this season"
    """  # noqa: D301 - as above

    def wish(serving: Serving) -> Wish:
        champion = serving.champion or first_champion(read_standing(settings))
        return Wish(ControlAction.SHADOW, champion, digest_of(settings, bundle), shadow=True)

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
        click.echo(json.dumps(serving_as_json(serving, found)))
    else:
        tell(serving, found)
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
            click.echo(json.dumps(change_as_json(change), ensure_ascii=False))
        return
    tell_changes(changes)


def _change(settings: Settings, model: str, wish: Callable[[Serving], Wish], why: str, wait: float) -> None:
    name = model or model_of(read_standing(settings))
    serving = ask(settings, name, wish, why)
    click.echo(f"change {serving.revision}: {in_words(serving)}")
    if wait:
        began = time.monotonic()
        found = wait_for_workers(settings, serving.revision, wait)
        tell_following(serving, found, time.monotonic() - began)
        raise SystemExit(0 if found.carries_out(serving.revision) and not found.refusals else 1)
