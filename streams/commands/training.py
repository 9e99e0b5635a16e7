"""What `touchline train` is told to make, and how it makes a bundle of it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from features.feature_sets import FeatureSet
from features.history import HistoricMatch
from models.bundle import save_bundle
from models.card import Facts
from models.evaluation import evaluate_parts
from models.finished_fits import FinishedFits
from models.fitting import Sizes, fit_member
from models.manifest import Manifest, TrainingRange
from models.match_sets import SETS, limits_of
from models.predictors import CLASSES, GraphPredictor, Kind
from models.rows import Rows, Told, as_served, grid_minutes, history_rows
from models.segments import BY
from models.training import Trained, train
from models.walking import Step
from monitors.reference import ReferenceHistograms
from streams.commands.feature_files import check_known
from streams.commands.model_options import days_of

LIBRARIES: Final = ("numpy", "onnx", "onnxruntime", "scikit-learn", "xgboost-cpu", "lightgbm", "touchline")
REFERENCE_YEARS: Final = 10


@dataclass(frozen=True, slots=True)
class Order:
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


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an order.

    Attributes:
        manifest: Of the bundle, which is written.
    """

    manifest: Manifest
    trained: Trained
    facts: Facts


def make_bundle(  # noqa: PLR0917 - what is trained, from what, to where
    order: Order,
    matches: Sequence[HistoricMatch],
    out: Path,
    name: tuple[str, str],
    step: Step,
    fits: FinishedFits | None = None,
) -> Made:
    """Train what is ordered, and write its bundle.

    Args:
        order: What.
        matches: The history up to the last day to learn from.
        out: Folder of the bundle.
        name: Name and version of the model.
        step: Called with what is done next, `steps_of` the kind and three more times.
        fits: Those which are taken up and kept; None for neither.

    Raises:
        TooFewError: Too few matches before the hold-out, or in it.
        BundleError: There is something else in *out*.
    """
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
    return Made(save_bundle(out, manifest, found.graph, reference.to_dict(), recent.matrix, facts), found, facts)


def _facts(order: Order, matches: Sequence[HistoricMatch], found: Trained, name: tuple[str, str]) -> Facts:
    competitions = {match.match_id: match.competition for match in matches}
    segments = {by: evaluate_parts(found.holdout, labels(found.holdout, competitions)) for by, labels in BY.items()}
    chosen = SETS[order.history]
    return Facts(chosen.told, segments, limits_of(chosen, order.features), order.command(*name))


def _reference(features: FeatureSet, rows: Rows, graph: bytes) -> ReferenceHistograms:
    names = (*features.names, *(f"probability_{one}" for one in CLASSES))
    columns = np.concatenate([rows.matrix, GraphPredictor(graph).predict_proba(rows.matrix)], axis=1)
    return ReferenceHistograms.from_matrix(names, columns, rows.match_ids)


def _manifest(order: Order, rows: Rows, found: Trained, name: tuple[str, str]) -> Manifest:
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
