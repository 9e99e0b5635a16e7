"""A store of bundles by digest: what is opened from it has proved itself again, and is what was registered.

A store has three folders::

    bundles/DIGEST/       manifest.json, model.onnx, reference.json, golden.json and, where there is one, card.json
    signatures/DIGEST/    a file for each key that has signed
    models/NAME/          the journal of a model: 000001.json, 000002.json, ...
"""

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.bundle import Bundle, checked_bundle
from models.card import CARD, checked_card
from models.contents import Contents, in_folder, read_contents
from models.contract import golden_matrix
from models.entries import Registered
from models.journal import FOLDER, StoredModel, read_model
from models.manifest import FILES, MANIFEST, BundleError, Manifest, file_entry, json_object, read_manifest
from models.signatures import Signers, is_signed
from models.speed import BUDGET_SECONDS, check_speed
from models.store_files import Files

BUNDLES: Final = "bundles"
SIGNATURES: Final = "signatures"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_BEGINNING: Final = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Demands:
    """What is asked of a bundle, beyond that it is whole and of this version's contract.

    Attributes:
        signers: One of whom must have signed it; None when no signature is needed.
        budget_seconds: For one prediction; see models.speed.
        clock: In seconds, from any moment on.
    """

    signers: Signers | None = None
    budget_seconds: float = BUDGET_SECONDS
    clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A store, and what is asked of bundles in it.

    Attributes:
        cache: Folder in which bundles of a store that is not a folder itself are kept; None keeps none.
    """

    files: Files
    demands: Demands
    cache: Path | None = None

    def where(self, digest: str) -> str:
        """Return the address of the bundle of *digest*."""
        return f"{self.files.url.rstrip('/')}/{BUNDLES}/{digest}"


def open_stored(store: ModelStore, digest: str, threads: int = 1, *, retired: bool = False) -> Bundle:
    """Return the bundle of *digest*, ready to score. It may be called in any thread.

    Args:
        store: Where it is.
        digest: All 64 hexadecimal digits.
        threads: Threads within one call of the model.
        retired: Whether a retired version is opened, too.

    Raises:
        BundleError: It is not registered, retired, damaged, unsigned, of another contract, too slow, or does not answer
            its golden rows as it did.
        StoreError: The store does not answer; another try may succeed.
    """
    if not _DIGEST.fullmatch(digest):
        raise BundleError(f"{digest!r:.100} is not a digest, which is 64 hexadecimal digits")
    contents = stored_contents(store, digest)
    _check_standing(store, contents, retired=retired)
    check_signed(store, digest)
    return prove(contents, store.demands, threads)


def prove(contents: Contents, demands: Demands, threads: int = 1) -> Bundle:
    """Return the bundle of *contents* once it has shown that it answers rightly, and fast enough.

    Raises:
        BundleError: It does not.
    """
    bundle = checked_bundle(contents, threads)
    rows = golden_matrix(json_object(contents.files["golden.json"], f"{contents.where}: golden.json"))
    check_speed(bundle.predictor, rows, contents.where, demands.budget_seconds, demands.clock)
    return bundle


def check_signed(store: ModelStore, digest: str) -> None:
    """Check that one of those who must has signed the bundle of *digest*.

    Raises:
        BundleError: None has.
        StoreError: The store does not answer.
    """
    signers = store.demands.signers
    if signers is None:
        return
    for name in store.files.names(f"{SIGNATURES}/{digest}"):
        key = signers.keys.get(name)
        if key is not None and is_signed(digest, store.files.read(f"{SIGNATURES}/{digest}/{name}"), key):
            return
    raise BundleError(f"{store.where(digest)} is signed by none of the keys in {signers.file}")


def read_models(store: ModelStore) -> list[StoredModel]:
    """Return what the store knows of each of its models.

    Raises:
        BundleError: A journal is damaged.
        StoreError: The store does not answer.
    """
    return [read_model(store.files, name) for name in store.files.names(FOLDER)]


def resolve(store: ModelStore, reference: str) -> tuple[StoredModel, Registered]:
    """Return the version that *reference* means: ``NAME@VERSION``, ``NAME@ALIAS``, or 8 digits or more of a digest.

    Raises:
        BundleError: There is none, or there are several.
        StoreError: The store does not answer.
    """
    name, at, version = reference.partition("@")
    if at:
        model = read_model(store.files, name)
        version = next((p.version or "" for alias, p in model.aliases.items() if alias == version), version)
        found = [(model, one) for one in model.versions.values() if one.version == version]
    elif _BEGINNING.fullmatch(reference):
        models = read_models(store)
        found = [
            (model, one) for model in models for one in model.versions.values() if one.digest.startswith(reference)
        ]
    else:
        raise BundleError(f"{reference!r:.200} is neither NAME@VERSION, NAME@champion, NAME@challenger nor a digest")
    if len(found) != 1:
        raise BundleError(
            f"{store.files.url} holds {len(found) or 'no'} bundle{'s' if found else ''} {reference!r:.200}"
        )
    return found[0]


def read_stored_manifest(store: ModelStore, digest: str) -> Manifest:
    """Return the manifest of the bundle of *digest*, and nothing else of it.

    Raises:
        BundleError: It is damaged, or another one.
        StoreError: The store does not answer.
    """
    manifest = read_manifest(store.files.read(f"{BUNDLES}/{digest}/{MANIFEST}"), store.where(digest))
    return _of_digest(manifest, digest, store.where(digest))


def read_stored_card(store: ModelStore, version: Registered) -> dict[str, Any] | None:
    """Return the card of *version*, or None when it was registered without one.

    Raises:
        BundleError: It is not the one that was registered.
        StoreError: The store does not answer.
    """
    if version.card is None:
        return None
    content = store.files.read(f"{BUNDLES}/{version.digest}/{CARD}")
    if (found := file_entry(content).sha256) != version.card:
        raise BundleError(f"{store.where(version.digest)}: {CARD} has SHA-256 {found}, not {version.card}")
    return checked_card(content, version.digest, store.where(version.digest))


def stored_contents(store: ModelStore, digest: str) -> Contents:
    """Return the files of the bundle of *digest*, which have not proved themselves yet.

    Raises:
        BundleError: One is missing or damaged.
        StoreError: The store does not answer.
    """
    where = store.where(digest)
    kept = None if store.cache is None or store.files.is_folder else store.cache / digest
    if kept is not None:
        with suppress(BundleError):  # it is not there yet, or no longer what it was
            return _right(read_contents(in_folder(kept), where), digest)
    found = _right(read_contents(lambda name: store.files.read(f"{BUNDLES}/{digest}/{name}"), where), digest)
    if kept is not None:
        with suppress(OSError):  # a full disk costs the next start a download
            _keep(found, kept)
    return found


def _right(contents: Contents, digest: str) -> Contents:
    _of_digest(contents.manifest, digest, contents.where)
    return contents


def _of_digest(manifest: Manifest, digest: str, where: str) -> Manifest:
    if manifest.digest != digest:
        raise BundleError(f"{where}: {MANIFEST} has digest {manifest.digest}, not the one it is kept under")
    return manifest


def _keep(contents: Contents, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as staging:
        new = Path(staging, "new")
        new.mkdir()
        for name in FILES:
            (new / name).write_bytes(contents.files[name])
        (new / MANIFEST).write_bytes(contents.manifest.serialised())
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def _check_standing(store: ModelStore, contents: Contents, *, retired: bool) -> None:
    manifest = contents.manifest
    model = read_model(store.files, manifest.model)
    known = model.versions.get(manifest.version)
    if known is None or known.digest != manifest.digest:
        raise BundleError(f"{contents.where} is not registered as {manifest.model} {manifest.version:.100}")
    if not retired:
        model.check_served(manifest.version)
