"""`touchline retrain`: a challenger from what has been played since, when asked or when an alarm asks."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from features.feature_sets import FeatureSet
from models.contract import check_contract
from models.match_sets import SETS
from streams.brokers import BrokerError
from streams.commands.errors import UserError
from streams.commands.feature_files import read_feature_set, read_told
from streams.commands.model_options import data_option, read_date, read_history, read_kind
from streams.commands.options import cluster_options
from streams.commands.rollout_options import chosen_plan, plan_option
from streams.commands.sentences import in_one_sentence
from streams.local.places import data_folder
from streams.playing.interruption import interruptible
from streams.registry_errors import RegistryUnavailableError
from streams.retraining.causes import Triggers, cause_of
from streams.retraining.champion import Champion, champion_of, next_version, tried_now
from streams.retraining.run import Cause, Recipe, Run, RunError, read_runs, run_name, save
from streams.retraining.steps import Retraining
from streams.settings import Settings

INTERRUPTED: Final = 130
_LOOK_SECONDS: Final = 10.0

runs_option: Final = click.option(
    "--runs", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Where runs are kept (default: touchline/retraining in the user's data folder).",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked for; what is None is as the champion was trained."""

    settings: Settings
    runs: Path
    data: Path
    history: str | None
    kind: str | None
    share: float | None
    since: str | None
    holdout_days: int
    threads: int
    plan: Path | None
    rollout: bool
    model: str
    why: str
    anew: bool
    quiet: bool
    key: Path | None
    feature_set: str | None
    feature_events: Path | None

    def recipe(self, champion: Champion) -> Recipe:
        """Return how it is trained."""
        manifest, options = champion.contents.manifest, champion.options
        own = check_contract(manifest, f"{manifest.model}@{manifest.version}")
        features = own if self.feature_set is None else read_feature_set(self.feature_set)
        sources = tuple(source for source, _ in features.reads.sources)
        if self.feature_events is not None and not (sources or own.reads.sources):
            read_told(self.feature_events, own, features)  # says that nobody reads them
        history = self.history or options.get("set", "internationals")
        return Recipe(
            str(self.data.resolve()),
            "clubs" if history == "clubs" else "internationals",
            read_kind(self.kind or manifest.kind),
            self._named(features),
            str(read_date("--since", self.since or options.get("since", "1990-01-01"))),
            self.holdout_days,
            self.share or float(options.get("share", 1.0)),
            self.threads,
            sources,
            None if self.feature_events is None else str(self.feature_events.resolve()),
        )

    def _named(self, features: FeatureSet) -> str:
        """Return how `touchline train` is told of *features*; nothing for the champion's, whose manifest says it."""
        if features.declared is None:
            return features.version
        return "" if self.feature_set is None else str(Path(self.feature_set).resolve())


@click.group(invoke_without_command=True)
@data_option
@click.option("--set", "history", type=click.Choice(["internationals", "clubs"]), help="Which (default: champion's).")
@click.option("--kind", metavar="KIND", help="Kind of the model (default: the champion's).")
@click.option(
    "--feature-set", metavar="NAME|FILE", help="A published set, or a file that declares one (default: the champion's)."
)
@click.option(
    "--feature-events", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="What users' sources told before the topic feature-events begins, as lines of JSON.",
)  # fmt: skip
@click.option("--share", type=click.FloatRange(0.001, 1.0), help="Share of the trees (default: the champion's).")
@click.option("--since", metavar="DATE", help="First day to learn from (default: the champion's).")
@click.option(
    "--holdout-days", type=click.IntRange(1, 3650), default=730, show_default=True,
    help="The last days, on which it is judged against the champion, as far as that has not seen them.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads of a fit.")
@plan_option
@click.option("--rollout", is_flag=True, help="Go on by the plan to the end, which may promote it.")
@click.option("--model", default="", help="Name of the model (default: the one that workers serve).")
@click.option("--why", default="retrained", show_default=True, help="Why; it is kept with each change for ever.")
@click.option(
    "--on",
    "alarms",
    multiple=True,
    type=click.Choice(["drift", "accuracy"]),
    help="Wait for such an alarm, and train then; may be repeated.",
)
@click.option(
    "--every", "every_days", type=click.FloatRange(min=0.001), metavar="DAYS", help="Train so long after the last run."
)
@click.option(
    "--worse-by", type=click.FloatRange(0.0, 10.0), default=0.05, show_default=True, metavar="NATS",
    help="Alarm of accuracy: log loss beyond what the probabilities say, over --fewest matches or more.",
)  # fmt: skip
@click.option("--fewest", type=click.IntRange(min=1), default=200, show_default=True, help="See --worse-by.")
@click.option(
    "--rest-hours", type=click.FloatRange(min=0.0), default=24.0, show_default=True,
    help="After a run began, none begins by itself for so long.",
)  # fmt: skip
@click.option(
    "--key", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Private key (PEM, Ed25519) that signs the bundle.",
)  # fmt: skip
@click.option("--anew", is_flag=True, help="Begin a new run, and leave one that was interrupted as it is.")
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a run a line, for programs.")
@cluster_options
@click.pass_context
@in_one_sentence
def retrain(
    context: click.Context,
    settings: Settings,
    *,
    data: Path,
    history: str | None,
    kind: str | None,
    feature_set: str | None,
    feature_events: Path | None,
    share: float | None,
    since: str | None,
    holdout_days: int,
    threads: int,
    plan_file: Path | None,
    rollout: bool,
    model: str,
    why: str,
    alarms: Sequence[str],
    every_days: float | None,
    worse_by: float,
    fewest: int,
    rest_hours: float,
    key: Path | None,
    anew: bool,
    runs: Path | None,
    as_json: bool,
) -> None:
    """Train a challenger from the history and what the stream has told since, and let it score beside the champion.

    Record the finished matches of match-events; fit a model that has not seen the last days; judge it on them against
    the champion, by the plan of a roll-out; look for leaks; train on everything; register; shadow. Each step may say
    no, which ends the run with exit code 1. What is interrupted goes on with the same command. A person promotes, or
    --rollout does by the plan.

    With --on or --every it waits for alarms of the champion, or for time, run after run until Ctrl-C.

    \b
    Example:
      touchline retrain --why "half of the season is over"
      touchline retrain --on drift --on accuracy --every 30 --why "by itself"
      touchline retrain history
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if context.invoked_subcommand is not None:
        return
    chosen_plan(plan_file)
    order = _Order(
        settings, _folder(runs), data, history, kind, share, since, holdout_days, threads, plan_file, rollout, model,
        why, anew, as_json, key, feature_set, feature_events,
    )  # fmt: skip
    triggers = Triggers("drift" in alarms, worse_by if "accuracy" in alarms else None, fewest, every_days, rest_hours)
    try:
        with interruptible():
            if alarms or every_days is not None:
                _wait(order, triggers)
            run = _retrain(order, Cause("asked", "somebody asked for it", _now_ms()))
    except KeyboardInterrupt:
        click.echo("Interrupted; the same command goes on.", err=True)
        raise SystemExit(INTERRUPTED) from None
    raise SystemExit(1 if run.verdict in {"refused", "rolled back"} else 0)


@retrain.command()
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a run a line, for programs.")
def history(*, runs: Path | None, as_json: bool) -> None:
    """Show all retrainings: why each began, how far it came, and what its last step has said.

    \b
    Example:
      touchline retrain history
    """  # noqa: D301 - as above
    found = _runs(_folder(runs))
    if as_json:
        for run in found:
            click.echo(json.dumps(asdict(run), ensure_ascii=False))
        return
    if not found:
        raise UserError(f"there is no retraining in {_folder(runs)}; begin with: touchline retrain")
    table = Table("run", "model", "because of", "verdict", "last step")
    for run in found:
        last = f"{run.steps[-1].name}: {run.steps[-1].said}" if run.steps else ""
        table.add_row(run.name, f"{run.model}@{run.version}", run.cause.said, run.verdict or "not ended", last)
    Console().print(table)


def _wait(order: _Order, triggers: Triggers) -> None:
    """Train again whenever there is a cause, until Ctrl-C."""
    _say(order, "Waiting for a cause; Ctrl-C ends it.")
    away = False
    while True:
        try:
            cause, away = _cause(order, triggers), False
        except (BrokerError, RegistryUnavailableError) as error:
            if not away:
                _say(order, f"{_clock(_now_ms())}  {error}; looking again every {_LOOK_SECONDS:g} s")
            cause, away = None, True
        if cause is not None:
            _say(order, f"{_clock(_now_ms())}  {cause.said}")
            _retrain(order, cause)
        time.sleep(_LOOK_SECONDS)


def _cause(order: _Order, triggers: Triggers) -> Cause | None:
    champion = champion_of(order.settings, order.model)
    name = champion.contents.manifest.model
    if tried_now(order.settings, name) is not None:
        return None  # one at a time
    begun = [run for run in _runs(order.runs) if run.model == name]
    return cause_of(order.settings, triggers, champion.digest, begun, _now_ms())


def _retrain(order: _Order, cause: Cause) -> Run:
    champion = champion_of(order.settings, order.model)
    runs = [run for run in _runs(order.runs) if run.model == champion.contents.manifest.model]
    run = _open_run(order, champion, runs)
    if run is None:
        run = _new_run(order, champion, cause)
        save(order.runs, run)
        _say(order, f"Retraining {run.name}: {run.model}@{run.version} beside {champion.digest:.12}, {cause.said}")
    else:
        _say(order, f"Retraining {run.name} goes on, after {len(run.steps)} steps")
    known = read_history(SETS[run.recipe.history].read, Path(run.recipe.data))
    before = next((one for one in reversed(runs) if one.name != run.name and one.step("record")), None)
    doing = Retraining(
        order.settings, order.runs, run, champion, known[-1].day, before, lambda said: _say(order, said), order.quiet,
        order.key,
    )  # fmt: skip
    try:
        done = doing.go_on()
    except RunError as error:
        raise UserError(f"{error}; the same command goes on with run {run.name}") from error
    _say(order, f"Retraining {done.name} ended: {done.verdict}")
    if order.quiet:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
    return done


def _open_run(order: _Order, champion: Champion, runs: Sequence[Run]) -> Run | None:
    """Return the last run when it has not ended, was asked for alike and is against the same champion."""
    if order.anew or not runs or runs[-1].verdict is not None:
        return None
    run = runs[-1]
    same = (run.champion, run.recipe, run.rollout) == (champion.digest, order.recipe(champion), order.rollout)
    return run if same else None


def _new_run(order: _Order, champion: Champion, cause: Cause) -> Run:
    manifest = champion.contents.manifest
    now = _now_ms()
    run = Run(
        run_name(now), manifest.model, champion.digest, next_version(order.settings, manifest.model), order.why, cause,
        order.recipe(champion), now, None if order.plan is None else str(order.plan.resolve()), order.rollout,
    )  # fmt: skip
    if (order.runs / run.name).exists():
        return replace(run, name=f"{run.name}-{now % 1000:03}")
    return run


def _runs(folder: Path) -> list[Run]:
    try:
        return read_runs(folder)
    except RunError as error:
        raise UserError(str(error)) from error


def _folder(runs: Path | None) -> Path:
    return data_folder() / "retraining" if runs is None else runs


def _say(order: _Order, said: str) -> None:
    click.echo(said, err=order.quiet)


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
