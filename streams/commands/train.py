"""`touchline train`: from the match history to a bundle, with honest numbers."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from models.bundle import BundleError
from models.finished_fits import FinishedFits
from models.manifest import Manifest
from models.match_sets import SETS
from models.predictors import KINDS
from models.training import steps_of
from models.walking import TooFewError
from streams.commands.errors import UserError
from streams.commands.feature_files import match_events_option, read_feature_set, read_told, with_recorded
from streams.commands.model_options import fitting_options, read_date, read_history, read_kind
from streams.commands.training import Order, make_bundle
from streams.commands.training_progress import training_progress
from streams.commands.training_runs import track, tracking_of
from streams.local.places import cache_folder
from streams.playing.interruption import interruptible

INTERRUPTED: Final = 130
MEASURES: Final = ("n", "log_loss", "rps", "brier", "accuracy", "ece")


@click.command("train")
@click.option("--kind", default="stack", show_default=True, metavar="KIND", help=f"One of {', '.join(KINDS)}.")
@click.option(
    "--set",
    "history",
    type=click.Choice(["internationals", "clubs"]),
    default="internationals",
    show_default=True,
    help="Which matches to learn from.",
)
@click.option("--until", metavar="DATE", help="Last day to learn from (default: the last of the history).")
@click.option(
    "--holdout-days",
    type=click.IntRange(1, 3650),
    default=730,
    show_default=True,
    help="The last days, on which the metrics are measured by a model that has not seen them.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle; replaced as a whole."
)
@click.option("--name", help="Name of the model (default: that of the set).")
@click.option("--version", "model_version", default="1", show_default=True, help="Version of the bundle.")
@click.option("--anew", is_flag=True, help="Fit all members anew, and keep none in case this is interrupted.")
@match_events_option
@fitting_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def train_command(  # noqa: PLR0917 - click passes them by name
    data: Path,
    kind: str,
    history: str,
    until: str | None,
    since: str,
    holdout_days: int,
    out: Path,
    name: str | None,
    model_version: str,
    match_events: Path | None,
    feature_set: str,
    feature_events: Path | None,
    share: float,
    threads: int,
    *,
    anew: bool,
    as_json: bool,
) -> None:
    """Train a model on the match history and write its bundle.

    The same data gives the same model, byte for byte. The metrics are of a model which was fitted before the hold-out.

    Training that is interrupted, or killed, goes on when it is started again: members that had been fitted are taken up
    and named. They are kept in the folder touchline/fits of the user's cache (~/.cache), 256 MB at most, and found by a
    digest of rows, options, libraries and code, so that others are never taken up. Those of a training that has written
    its bundle are removed; the folder itself can be, at any time.

    Where MLFLOW_TRACKING_URI is set, the training is a run there, with parameters, metrics, charts and the bundle, and
    the bundle is registered (pip install 'touchline[mlflow]'; docs/models.md).

    \b
    Example:
      touchline train --kind lightgbm --until 2022-11-19 --out bundles/lightgbm
      touchline train --feature-set odds.toml --feature-events odds.jsonl --out bundles/with-odds
      MLFLOW_TRACKING_URI=http://mlflow.internal:5000 touchline train --version 2 --out bundles/2
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    matches = with_recorded(read_history(SETS[history].read, data), match_events)
    last = read_date("--until", until) if until is not None else matches[-1].day
    features = read_feature_set(feature_set)
    order = Order(
        history,
        read_kind(kind),
        features,
        read_told(feature_events, features),
        read_date("--since", since),
        last,
        last - timedelta(days=holdout_days - 1),
        share,
        threads,
        match_events is not None,
    )
    if order.since >= order.holdout:
        raise UserError(
            f"the hold-out begins on {order.holdout}, not after --since {order.since}: nothing to learn from"
        )
    tracking = tracking_of(os.environ)
    console = Console(stderr=True, quiet=as_json)
    fits = None if anew else FinishedFits(cache_folder() / "fits", lambda said: console.print(said, soft_wrap=True))
    try:
        steps = steps_of(order.kind) + (3 if tracking is None else 4)
        with interruptible(), training_progress(steps, quiet=as_json, console=console) as step:
            known = [match for match in matches if match.day <= last]
            made = make_bundle(order, known, out, (name or history, model_version), step, fits)
            tracked = None if tracking is None else track(tracking, order, made, out, step)
    except (TooFewError, BundleError) as error:
        raise UserError(str(error)) from error
    except KeyboardInterrupt:
        console.print(_interrupted(fits), soft_wrap=True)
        sys.exit(INTERRUPTED)
    if fits is not None:
        fits.forget()
    _show(made.manifest, out, tracked, taken_up=fits.taken_up if fits else 0, as_json=as_json)


def _interrupted(fits: FinishedFits | None) -> str:
    if fits is None or not fits.kept:
        return "Interrupted; nothing was written."
    return f"Interrupted; {len(fits.kept)} finished fits are in {fits.folder}, and the same command goes on from them."


def _show(manifest: Manifest, out: Path, tracked: Mapping[str, str] | None, *, taken_up: int, as_json: bool) -> None:
    if as_json:
        told = {"bundle": str(out), "digest": manifest.digest, "fits_taken_up": taken_up, "mlflow": tracked}
        click.echo(json.dumps(told | asdict(manifest)))
        return
    table = Table("segment", *MEASURES, title=f"{manifest.model} {manifest.version} ({manifest.kind}): hold-out")
    for segment, measures in manifest.metrics.items():
        table.add_row(segment, *(f"{measures[one]:,.0f}" if one == "n" else f"{measures[one]:.4f}" for one in MEASURES))
    console = Console()
    console.print(table)
    console.print(f"{out}: {manifest.files['model.onnx'].size:,} bytes, digest {manifest.digest}", soft_wrap=True)
    if tracked is not None:
        where = "{store}: run {run_id}, registered as version {version} of {model}".format(**tracked)
        console.print(where, soft_wrap=True, highlight=False)
