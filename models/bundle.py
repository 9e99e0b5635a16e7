"""Bundles: a folder with a model, its contract, its reference histograms and the digests of it all."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

from features.feature_sets import FeatureSet
from models.card import Facts, card_files
from models.compiled import fast_predictor
from models.contents import Contents, in_folder, read_contents
from models.contract import check_contract, check_golden, golden_rows
from models.manifest import FILES, MANIFEST, BundleError, Manifest, file_entry, json_object, read_manifest
from models.onnx_check import checked_graph
from models.predictors import GraphPredictor, Matrix, Predictor, Probabilities

__all__ = [
    "Bundle",
    "BundleError",
    "bundle_folder",
    "bundle_of_kind",
    "check_kind",
    "checked_bundle",
    "default_bundle_path",
    "load_bundle",
    "open_bundle",
    "save_bundle",
    "shipped_bundles",
]

DEFAULT: Final = "internationals-3"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model which is ready to score, and its contract.

    Attributes:
        digest: SHA-256 over the manifest, which holds the digests of the files.
        reference: Reference histograms of the training rows, as the monitors wrote them.
        features: Its feature set, which computes what it scores.
    """

    model: str
    version: str
    digest: str
    feature_set: str
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    reference: Mapping[str, object]
    predictor: Predictor
    manifest: Manifest
    features: FeatureSet

    def score(self, matrix: Matrix, feature_set: str) -> Probabilities:
        """Return the probabilities of *matrix*, whose columns are those of *feature_set*; shape ``(n, 3)``.

        Raises:
            BundleError: The rows are of another contract than the one the model was trained on.
        """
        if feature_set != self.feature_set or matrix.ndim != 2 or matrix.shape[1] != len(self.feature_names):  # noqa: PLR2004 - rows and columns
            raise BundleError(
                f"model {self.model} {self.version} scores feature set {self.feature_set} "
                f"({len(self.feature_names)} features), not {feature_set} (shape {matrix.shape})"
            )
        return self.predictor.predict_proba(matrix)


def save_bundle(  # noqa: PLR0917 - what is in a bundle
    folder: Path,
    manifest: Manifest,
    graph: bytes,
    reference: Mapping[str, object],
    sample: Matrix,
    facts: Facts | None = None,
) -> Manifest:
    """Write a bundle to *folder*, whole or not at all, and return its manifest with the files' digests.

    A bundle which is there already is replaced.

    Args:
        folder: Where; its parent is created.
        manifest: Without files.
        graph: The serialised ONNX graph.
        reference: Reference histograms, plain JSON.
        sample: Rows of which some become golden: stored with their probabilities and checked at each load.
        facts: What its card says beyond the manifest; without them it has no card.

    Raises:
        BundleError: *folder* exists and is no bundle, or the bundle could not be loaded again.
    """
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} exists and is not a bundle; choose another folder")
    contents = dict(
        zip(FILES, (graph, _json(reference), _json(golden_rows(GraphPredictor(graph), sample))), strict=True)
    )
    complete = replace(manifest, files={name: file_entry(content) for name, content in contents.items()})
    card = {} if facts is None else card_files(complete, facts)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as staging:
        new = Path(staging, "new")
        new.mkdir()
        for name, content in {**contents, **card, MANIFEST: complete.serialised() + b"\n"}.items():
            (new / name).write_bytes(content)
        load_bundle(new)
        _put(new, folder, Path(staging, "old"))
    return complete


def _put(new: Path, folder: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:  # Ctrl-C between the two renames must not cost the bundle that was there
        if old.exists():
            old.rename(folder)
        raise


def load_bundle(folder: Path, threads: int = 1) -> Bundle:
    """Read the bundle in *folder*, each file once, and prove it before it is served.

    Args:
        folder: The bundle.
        threads: Threads within one call of the model.

    Raises:
        BundleError: Anything missing, damaged, or of another contract than this version's.
    """
    return checked_bundle(read_contents(in_folder(folder), str(folder)), threads)


def checked_bundle(contents: Contents, threads: int = 1) -> Bundle:
    """Return the bundle of *contents* once it has proved that it can be served.

    Args:
        contents: Its files.
        threads: Threads within one call of the model.

    Raises:
        BundleError: It is of another contract than this version's, or does not answer as it did when it was made.
    """
    manifest, where = contents.manifest, contents.where
    features = check_contract(manifest, where)
    graph, _, golden = (contents.files[name] for name in FILES)
    predictor = _predictor(graph, manifest, threads, where)
    check_golden(predictor, json_object(golden, f"{where}: golden.json"), where)
    return Bundle(
        manifest.model,
        manifest.version,
        manifest.digest,
        manifest.feature_set,
        tuple(manifest.features),
        tuple(manifest.classes),
        contents.reference,
        predictor,
        manifest,
        features,
    )


def default_bundle_path() -> Path:
    """Return the folder of the bundle which comes with Touchline."""
    return _shipped() / DEFAULT


def shipped_bundles() -> Mapping[str, Path]:
    """Return the folders of the bundles which come with Touchline, by their digests."""
    folders = [file.parent for file in sorted(_shipped().glob(f"*/{MANIFEST}"))]
    return {read_manifest((one / MANIFEST).read_bytes(), str(one)).digest: one for one in folders}


def bundle_of_kind(kind: str) -> Path:
    """Return the folder of the shipped bundle whose predictor is of *kind*.

    Raises:
        BundleError: None is shipped.
    """
    found: dict[str, Path] = {}
    for file in sorted(_shipped().glob(f"*/{MANIFEST}")):
        found.setdefault(read_manifest(file.read_bytes(), str(file.parent)).kind, file.parent)
    if kind not in found:
        raise BundleError(f"no bundle of kind {kind!r} comes with Touchline, only {', '.join(sorted(found)) or 'none'}")
    return found[kind]


def bundle_folder(folder: Path | None, kind: str = "bundle") -> Path:
    """Return the bundle which the settings ask for; see `open_bundle`."""
    if folder is not None:
        return folder
    return default_bundle_path() if kind == "bundle" else bundle_of_kind(kind)


def open_bundle(folder: Path | None, kind: str = "bundle", threads: int = 1) -> Bundle:
    """Load what the settings ask for.

    Args:
        folder: A bundle; None for one which comes with Touchline.
        kind: ``bundle`` for any, else the kind of predictor which is wanted.
        threads: Threads within one call of the model.

    Raises:
        BundleError: It cannot be loaded, or is of another kind.
    """
    bundle = load_bundle(bundle_folder(folder, kind), threads)
    check_kind(bundle, kind, str(folder))
    return bundle


def check_kind(bundle: Bundle, kind: str, where: str) -> None:
    """Check that *bundle* is of *kind*; ``bundle`` is any.

    Raises:
        BundleError: It is of another; *where* begins the sentence.
    """
    if kind not in {"bundle", bundle.manifest.kind}:
        raise BundleError(f"{where} holds a {bundle.manifest.kind}, but the predictor asked for is {kind}")


def _shipped() -> Path:
    return Path(str(resources.files("models"))) / "bundles"


def _predictor(graph: bytes, manifest: Manifest, threads: int, where: str) -> Predictor:
    try:
        checked_graph(graph, len(manifest.features))
        return fast_predictor(graph, len(manifest.features), threads)
    except ValueError as error:
        raise BundleError(f"{where}: model.onnx {error}") from error


def _json(value: Mapping[str, object]) -> bytes:
    try:
        # The order of keys is kept: the reference's columns have one.
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise BundleError(f"a number which JSON cannot hold: {error}") from error
