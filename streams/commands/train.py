"""`touchline train`: from the match history to a bundle, with honest numbers."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from features.feature_sets import FeatureSet
from features.history import HistoricMatch
from models.bundle import BundleError, save_bundle
from models.card import Facts
from models.evaluation import evaluate_parts
from models.finished_fits import FinishedFits
from models.fitting import Sizes, fit_member
from models.manifest import Manifest, TrainingRange
from models.match_sets import SETS, limits_of
from models.predictors import CLASSES, KINDS, GraphPredictor, Kind
from models.rows import Rows, Told, as_served, grid_minutes, history_rows
from models.segments import BY
from models.training import Trained, steps_of, train
from models.walking import Step, TooFewError
from monitors.reference import ReferenceHistograms
from streams.commands.errors import UserError
from streams.commands.feature_files import (
    check_known,
    match_events_option,
    read_feature_set,
    read_told,
    with_recorded,
)
from streams.commands.model_options import (
    days_of,
    fitting_options,
    read_date,
    read_history,
    read_kind,
)
from streams.commands.training_progress import training_progress
from streams.local.places import cache_folder
from streams.playing.interruption import interruptible

LIBRARIES: Final = ("numpy", "onnx", "onnxruntime", "scikit-learn", "xgboost-cpu", "lightgbm", "touchline")
INTERRUPTED: Final = 130
REFERENCE_YEARS: Final = 10
MEASURES: Final = ("n", "log_loss", "rps", "brier", "accuracy", "ece")


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be trained, checked."""

    history: str
    kind: Kind
    features: FeatureSet
    told: Told
    since: date
    until: date
    holdout: date
    share: float
    threads: int
    recorded: bool = False

    @property
    def sizes(self) -> Sizes:
        """Return how large the model becomes."""
        return Sizes(threads=self.threads).scaled(self.share)

    def command(self, name: str, number: str) -> str:
        """Return the command that trains this, called *name* and *number*, from the same data."""
        days = (self.until - self.holdout).days + 1
        declared = self.features.declared is not None
        features = "FEATURE_SET --feature-events FEATURE_EVENTS" if declared else self.features.version
        features += " --match-events MATCH_EVENTS" if self.recorded else ""
        return (
            f"touchline train --data DIR --set {self.history} --kind {self.kind} --since {self.since} "
            f"--until {self.until} --holdout-days {days} --feature-set {features} --share {self.share} "
            f"--threads {self.threads} --name {shlex.quote(name)} --version {shlex.quote(number)} --out BUNDLE"
        )


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

    \b
    Example:
      touchline train --kind lightgbm --until 2022-11-19 --out bundles/lightgbm
      touchline train --feature-set odds.toml --feature-events odds.jsonl --out bundles/with-odds
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    matches = with_recorded(read_history(SETS[history].read, data), match_events)
    last = read_date("--until", until) if until is not None else matches[-1].day
    features = read_feature_set(feature_set)
    order = _Order(
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
    console = Console(stderr=True, quiet=as_json)
    fits = None if anew else FinishedFits(cache_folder() / "fits", lambda said: console.print(said, soft_wrap=True))
    try:
        with interruptible(), training_progress(steps_of(order.kind) + 3, quiet=as_json, console=console) as step:
            known = [match for match in matches if match.day <= last]
            manifest = _train(order, known, out, (name or history, model_version), step, fits)
    except (TooFewError, BundleError) as error:
        raise UserError(str(error)) from error
    except KeyboardInterrupt:
        console.print(_interrupted(fits), soft_wrap=True)
        sys.exit(INTERRUPTED)
    if fits is not None:
        fits.forget()
    _show(manifest, out, taken_up=fits.taken_up if fits else 0, as_json=as_json)


def _interrupted(fits: FinishedFits | None) -> str:
    if fits is None or not fits.kept:
        return "Interrupted; nothing was written."
    return f"Interrupted; {len(fits.kept)} finished fits are in {fits.folder}, and the same command goes on from them."


def _train(  # noqa: PLR0917 - what is trained, from what, to where
    order: _Order,
    matches: Sequence[HistoricMatch],
    out: Path,
    name: tuple[str, str],
    step: Step,
    fits: FinishedFits | None = None,
) -> Manifest:
    step(f"folding {len(matches):,} matches")
    chosen = SETS[order.history]
    rows = history_rows(matches, order.features, chosen.learned, days_of(order.since), order.told)
    check_known(order.features, rows)
    judged = history_rows(matches, order.features, grid_minutes, days_of(order.holdout), order.told)
    fit = fit_member if fits is None else fits.fit_member
    found = train(order.kind, order.features.names, rows, judged, sizes=order.sizes, step=step, fit=fit)
    step("counting the reference histograms")
    recent = as_served(rows.where(rows.days > days_of(order.until) - REFERENCE_YEARS * 365))
    reference = _reference(order.features, recent, found.graph)
    step(f"writing {out}")
    manifest = _manifest(order, rows, found, name)
    facts = _facts(order, matches, found, name)
    return save_bundle(out, manifest, found.graph, reference.to_dict(), recent.matrix, facts)


def _facts(order: _Order, matches: Sequence[HistoricMatch], found: Trained, name: tuple[str, str]) -> Facts:
    competitions = {match.match_id: match.competition for match in matches}
    segments = {by: evaluate_parts(found.holdout, labels(found.holdout, competitions)) for by, labels in BY.items()}
    chosen = SETS[order.history]
    return Facts(chosen.told, segments, limits_of(chosen, order.features), order.command(*name))


def _reference(features: FeatureSet, rows: Rows, graph: bytes) -> ReferenceHistograms:
    names = (*features.names, *(f"probability_{one}" for one in CLASSES))
    columns = np.concatenate([rows.matrix, GraphPredictor(graph).predict_proba(rows.matrix)], axis=1)
    return ReferenceHistograms.from_matrix(names, columns, rows.match_ids)


def _manifest(order: _Order, rows: Rows, found: Trained, name: tuple[str, str]) -> Manifest:
    learned = TrainingRange(
        order.since.isoformat(), order.until.isoformat(), len(rows.days), len(set(rows.match_ids)), rows.digest
    )
    return Manifest(
        model=name[0],
        version=name[1],
        kind=order.kind,
        feature_set=order.features.version,
        features=order.features.names,
        classes=CLASSES,
        training=learned,
        metrics=found.metrics,
        created=f"{order.until}T00:00:00+00:00",
        libraries={library: version(library) for library in LIBRARIES},
        files={},
        declared=order.features.declared,
    )


def _show(manifest: Manifest, out: Path, *, taken_up: int, as_json: bool) -> None:
    if as_json:
        told = {"bundle": str(out), "digest": manifest.digest, "fits_taken_up": taken_up}
        click.echo(json.dumps(told | asdict(manifest)))
        return
    table = Table("segment", *MEASURES, title=f"{manifest.model} {manifest.version} ({manifest.kind}): hold-out")
    for segment, measures in manifest.metrics.items():
        table.add_row(segment, *(f"{measures[one]:,.0f}" if one == "n" else f"{measures[one]:.4f}" for one in MEASURES))
    console = Console()
    console.print(table)
    console.print(f"{out}: {manifest.files['model.onnx'].size:,} bytes, digest {manifest.digest}", soft_wrap=True)
