"""What a bundle and this version must agree on before one serves the other: names, their order, and a few answers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

import numpy as np

from features.declared import declared_set
from features.declaring import DeclarationError, declaration_of
from features.feature_sets import FEATURE_SETS, FeatureSet
from models.graph import TOLERANCE
from models.manifest import MANIFEST, BundleError, Manifest
from models.predictors import CLASSES, Matrix, Predictor

GOLDEN_ROWS: Final = 16


def check_contract(manifest: Manifest, where: str) -> FeatureSet:
    """Return the feature set of *manifest*, which speaks of the classes and features of this version, in their order.

    Raises:
        BundleError: Both, the bundle's and ours.
    """
    if tuple(manifest.classes) != CLASSES:
        raise BundleError(f"{where}: its classes are {_list(manifest.classes)}; this version's are {_list(CLASSES)}")
    known = _published(manifest, where) if manifest.declared is None else _declared(manifest, manifest.declared, where)
    if tuple(manifest.features) != known.names:
        raise BundleError(
            f"{where}: it was trained on other features of {manifest.feature_set} than this version computes: "
            f"{_difference(manifest.features, known.names)}"
        )
    ours = known.declared or {}
    if manifest.declared is not None and manifest.declared.get("digest") != ours.get("digest"):
        raise BundleError(
            f"{where}: it was trained on feature set {manifest.feature_set} of digest "
            f"{manifest.declared.get('digest')!r:.80}; what it declares has {ours.get('digest')!r} in this version"
        )
    return known


def contract_digest(manifest: Manifest) -> str:
    """Return the SHA-256, in hexadecimal, of what *manifest* asks of who serves it: classes and features, in order."""
    declared = (manifest.declared or {}).get("digest")
    asked = [manifest.feature_set, list(manifest.features), list(manifest.classes), declared]
    return hashlib.sha256(json.dumps(asked, separators=(",", ":")).encode()).hexdigest()


def _published(manifest: Manifest, where: str) -> FeatureSet:
    known = FEATURE_SETS.get(manifest.feature_set)
    if known is None:
        raise BundleError(
            f"{where}: it was trained on feature set {manifest.feature_set!r}; this version knows {_list(FEATURE_SETS)}"
        )
    return known


def _declared(manifest: Manifest, declared: Mapping[str, object], where: str) -> FeatureSet:
    told = {name: value for name, value in declared.items() if name != "digest"}
    try:
        return declared_set(declaration_of({"version": manifest.feature_set, **told}, f"{where}: {MANIFEST}: declared"))
    except DeclarationError as error:
        raise BundleError(str(error)) from error


def _list(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(names)


def _difference(trained: Sequence[str], ours: Sequence[str]) -> str:
    for place, (theirs, name) in enumerate(zip(trained, ours, strict=False), start=1):
        if theirs != name:
            return f"feature {place} is {theirs!r} there and {name!r} here"
    return f"{len(trained)} features there and {len(ours)} here"


def golden_rows(predictor: Predictor, sample: Matrix) -> Mapping[str, object]:
    """Return some rows of *sample*, and one with nothing known, with their probabilities; None is missing."""
    places = np.unique(np.linspace(0, len(sample) - 1, GOLDEN_ROWS).astype(int))
    rows = np.concatenate([sample[places], np.full((1, sample.shape[1]), np.nan, dtype=np.float32)])
    known = [[None if isnan(value) else value for value in row] for row in rows.tolist()]
    return {"rows": known, "probabilities": predictor.predict_proba(rows).tolist()}


def golden_matrix(golden: Mapping[str, object]) -> Matrix:
    """Return the rows in *golden*, which are as golden_rows made them."""
    return np.array(golden["rows"], dtype=np.float32)


def check_golden(predictor: Predictor, golden: Mapping[str, object], where: str) -> None:
    """Check that *predictor* answers on the golden rows, together and alone, as it did when the bundle was made.

    Raises:
        BundleError: The rows do not fit, an answer is not finite, or answers differ by more than TOLERANCE.
    """
    try:
        rows = golden_matrix(golden)
        expected = np.array(golden["probabilities"], dtype=np.float32)
        if expected.shape != (len(rows), len(CLASSES)):
            raise ValueError(f"probabilities of shape {expected.shape} for {len(rows)} rows")  # noqa: TRY301 - told below
        alone = np.concatenate([predictor.predict_proba(rows[one : one + 1]) for one in range(len(rows))])
        answers = np.stack([predictor.predict_proba(rows), alone])
        worst = float(np.abs(answers - expected).max())
    except Exception as error:  # those of the runtime, which takes any graph, have no parent of their own
        raise BundleError(f"{where}: golden.json does not fit the model: {error!s:.200}") from error
    if not np.isfinite(answers).all():
        row = int(np.argwhere(~np.isfinite(answers))[0, 1]) + 1
        raise BundleError(f"{where}: the model's answer to golden row {row} is not finite")
    if not worst <= TOLERANCE:  # so is a NaN which is expected
        raise BundleError(f"{where}: the model misses its golden rows by {worst:.2g}, more than {TOLERANCE}")
