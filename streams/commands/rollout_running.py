"""`touchline rollout start` and `status`: the gate over the running stream."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from models.serving import Serving
from monitors.rollout import HOUR_MS, Rollout, begun
from monitors.rollout_plan import Plan
from streams.bundles import digest_of
from streams.commands.control import model_option
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.rollout_options import chosen_plan, plan_option
from streams.commands.rollout_views import Course
from streams.commands.sentences import in_one_sentence
from streams.control.asking import Wish, ask, first_champion, model_of, read_changes, read_standing
from streams.control.errors import ChangeError
from streams.control.telling import in_words
from streams.playing.interruption import interruptible
from streams.rollouts.live_evidence import GRACE_MS
from streams.rollouts.running import judgements
from streams.rollouts.standing import standing_as_json, window_as_json
from streams.rollouts.trials import Trial, first_wish, trial_in
from streams.settings import Settings

_SHORTEST_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 60.0
"""Between two looks of who watches."""


@click.command()
@click.argument("challenger")
@plan_option
@click.option("--why", required=True, help="Why; it is kept with each change for ever.")
@model_option
@cluster_options
@in_one_sentence
def start(settings: Settings, *, challenger: str, plan_file: Path | None, why: str, model: str) -> None:
    """Try CHALLENGER by a plan, step after step, until it is promoted or rolled back.

    It asks for each change as `touchline model` does, and writes to `shadow-comparisons` what each window told: after
    Ctrl-C the same command goes on where the topics say. The exit code is 0 after a promotion and 1 after a rollback.

    \b
    Example:
      touchline rollout start internationals@2 --plan plan.yaml --why "trained on this season"
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan = _served_plan(plan_file)
    try:
        with interruptible():
            rollout = _run(settings, plan, model or model_of(read_standing(settings)), challenger, why)
    except KeyboardInterrupt:
        click.echo("Stopped; what is served stays. The same command goes on.")
        raise SystemExit(130) from None
    raise SystemExit(0 if rollout.status == "PROMOTED" else 1)


def _run(settings: Settings, plan: Plan, model: str, challenger: str, why: str) -> Rollout:
    trial = _begun(settings, plan, model, digest_of(settings, challenger), why)

    def follow(wish: Wish, reason: str) -> None:
        _ask(settings, model, wish, f"{why}: {reason}")

    for rollout, judgement in judgements(settings, plan, trial, _now_ms, follow):
        click.echo(f"{_clock(rollout.until_ms)}  {judgement.why}")
    return rollout


def _ask(settings: Settings, model: str, wish: Wish, why: str) -> None:
    serving = ask(settings, model, lambda _: wish, why)
    click.echo(f"change {serving.revision}: {in_words(serving)}")


def _begun(settings: Settings, plan: Plan, model: str, challenger: str, why: str) -> Trial:
    trial, serving = _tried(settings, model)
    if trial is None or trial.challenger != challenger:
        if serving.challenger is not None:
            raise ChangeError(f"{serving.challenger:.12} is tried at present: promote it or roll it back first")
        champion = serving.champion or first_champion(read_standing(settings))
        _ask(settings, model, first_wish(plan, champion, challenger), why)
        trial, _ = _tried(settings, model)
        if trial is None or trial.challenger != challenger:
            raise ChangeError("what is served was changed by somebody else just now")
    click.echo(f"{plan.steps[0].name} of {challenger:.12} beside {trial.champion:.12}, since {_clock(trial.since_ms)}")
    return trial


@click.command()
@plan_option
@model_option
@click.option("--watch", is_flag=True, help="Go on, window after window, until the roll-out is over; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs; with --watch a line a window.")
@cluster_options
@in_one_sentence
def status(settings: Settings, *, plan_file: Path | None, model: str, watch: bool, as_json: bool) -> None:
    """Tell where the roll-out stands by a plan, window by window; nothing is changed.

    With --json also the steps, and of each window the difference in log loss with its bounds.

    \b
    Example:
      touchline rollout status --plan plan.yaml
      touchline rollout status --plan plan.yaml --watch
    """  # noqa: D301 - as above
    plan = _served_plan(plan_file)
    trial, found = _judged(settings, plan, model)
    if as_json and not watch:
        last = found[-1][0] if found else begun(trial.since_ms)
        windows = [window_as_json(*one) for one in found]
        click.echo(json.dumps({**standing_as_json(plan, trial, last), "windows": windows}))
        return
    _show(found, as_json=as_json)
    if not found and not as_json:
        click.echo(f"{plan.steps[0].name} since {_clock(trial.since_ms)}; the first window has not ended.")
    if watch:
        _watch(settings, plan, trial, found, as_json=as_json)


def _watch(settings: Settings, plan: Plan, trial: Trial, found: Course, *, as_json: bool) -> None:
    """Print windows as they end, until what is tried is tried no longer."""
    with suppress(KeyboardInterrupt):
        while True:
            until_ms = found[-1][0].until_ms if found else trial.since_ms
            ends_ms = until_ms + plan.window_hours * HOUR_MS + GRACE_MS
            time.sleep(min(max(_SHORTEST_SECONDS, (ends_ms - _now_ms()) / 1000), _LONGEST_SECONDS))
            changes, serving = read_changes(settings, trial.model)
            if (serving.champion, serving.challenger) != (trial.champion, trial.challenger):
                whys = [one.record.why for one in changes if one.record is not None and one.void is None]
                click.echo(f"The roll-out is over: {in_words(serving)} ({whys[-1]})", err=as_json)
                return
            if _now_ms() >= ends_ms:
                told, found = len(found), list(judgements(settings, plan, trial, _now_ms, None))
                _show(found[told:], as_json=as_json)


def _show(found: Course, *, as_json: bool) -> None:
    for one, judgement in found:
        told = json.dumps(window_as_json(one, judgement)) if as_json else f"{_clock(one.until_ms)}  {judgement.why}"
        click.echo(told)


@click.command("go-on")
@plan_option
@click.option("--why", required=True, help="Why; it is kept for ever.")
@model_option
@cluster_options
@in_one_sentence
def go_on(settings: Settings, *, plan_file: Path | None, why: str, model: str) -> None:
    """Let a step that is held go on, for as long again; what is served stays as it is.

    \b
    Example:
      touchline rollout go-on --plan plan.yaml --why "half of the season has no results yet"
    """  # noqa: D301 - as above
    plan = _served_plan(plan_file)
    trial, found = _judged(settings, plan, model)
    if not found or found[-1][0].status != "HELD":
        raise UserError(f"no step is held: {found[-1][1].why if found else 'the first window has not ended'}")
    rollout, judgement = found[-1]
    _ask(settings, trial.model, first_wish(plan, trial.champion, trial.challenger, rollout.step), why)
    click.echo(f"{judgement.step} goes on with the window which ends next.")


def _served_plan(file: Path | None) -> Plan:
    plan = chosen_plan(file)
    if bandits := [step.name for step in plan.steps if step.stage == "bandit"]:
        raise UserError(f"{bandits[0]}: a bandit is simulated and compared only; on the running stream use a canary")
    return plan


def _judged(settings: Settings, plan: Plan, model: str) -> tuple[Trial, Course]:
    """Return what is tried, and the judgement of every window so far."""
    name = model or model_of(read_standing(settings))
    trial, _ = _tried(settings, name)
    if trial is None:
        raise UserError("no challenger is tried; begin with: touchline rollout start")
    return trial, list(judgements(settings, plan, trial, _now_ms, None))


def _tried(settings: Settings, model: str) -> tuple[Trial | None, Serving]:
    changes, serving = read_changes(settings, model)
    return trial_in(model, changes, serving), serving


def _now_ms() -> float:
    return time.time() * 1000


def _clock(time_ms: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms / 1000))
