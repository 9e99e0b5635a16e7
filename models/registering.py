"""How versions come into a store, and whether they are still what came in."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.card import CARD, checked_card
from models.contents import Contents, in_folder, read_contents
from models.entries import Act, Provenance, Registered
from models.journal import StoredModel, append, read_model
from models.manifest import MANIFEST, BundleError, Manifest, file_entry
from models.signatures import key_name, signature_of
from models.store import (
    BUNDLES,
    SIGNATURES,
    ModelStore,
    check_signed,
    open_stored,
    prove,
    read_stored_card,
    read_stored_manifest,
)


def register(
    store: ModelStore, folder: Path, act: Act, key: Ed25519PrivateKey | None = None
) -> tuple[StoredModel, Registered]:
    """Take the bundle in *folder* into *store* as the version that its manifest says, and return both.

    One which is there already is left as it is; what is missing of it is added, and the signature of *key*.

    Args:
        store: Where to.
        folder: The bundle.
        act: Who registers it, why and when.
        key: Signs it.

    Raises:
        BundleError: It is not fit to be served, there is another bundle of this version, or it is retired.
        StoreError: The store does not answer.
    """
    contents = read_contents(in_folder(folder), str(folder))
    prove(contents, store.demands)
    manifest = contents.manifest
    content, card = _card(folder, manifest.digest)
    new = Registered(
        manifest.version,
        manifest.digest,
        None if content is None else file_entry(content).sha256,
        provenance_of(manifest, card),
        act,
    )
    model = read_model(store.files, manifest.model)
    known = model.versions.get(manifest.version)
    if known is None or known.digest != new.digest:
        model.after(new)  # refused before anything is written
        known = None
    else:
        model.check_served(manifest.version)
    _sign(store, contents, key)
    _write(store, contents, content if known is None or known.card == new.card else None)
    if known is not None:
        return model, known
    return append(store.files, manifest.model, new), new


def verify(store: ModelStore, version: Registered) -> None:
    """Check everything that *store* has of *version*, retired or not, as it is there and not in a cache.

    Raises:
        BundleError: What is wrong.
        StoreError: The store does not answer.
    """
    open_stored(replace(store, cache=None), version.digest, retired=True)
    card = read_stored_card(store, version)
    if provenance_of(read_stored_manifest(store, version.digest), card) != version.provenance:
        raise BundleError(
            f"{store.where(version.digest)}: the provenance that was registered is not that of its manifest and card"
        )


def provenance_of(manifest: Manifest, card: Mapping[str, Any] | None) -> Provenance:
    """Return what a bundle is and where it comes from."""
    told = card or {}
    return Provenance(
        manifest.kind,
        manifest.feature_set,
        manifest.created,
        manifest.training,
        manifest.libraries,
        sum(entry.size for entry in manifest.files.values()),
        told.get("history"),
        told.get("reproduce"),
    )


def files_of(folder: Path) -> Mapping[str, bytes]:
    """Return the files of the bundle in *folder* by name, with its card where there is one, as a store keeps them.

    Raises:
        BundleError: One is missing or damaged.
    """
    contents = read_contents(in_folder(folder), str(folder))
    return _files(contents, _card(folder, contents.manifest.digest)[0])


def _card(folder: Path, digest: str) -> tuple[bytes | None, Mapping[str, Any] | None]:
    if not (folder / CARD).exists():
        return None, None
    content = in_folder(folder)(CARD)
    return content, checked_card(content, digest, str(folder))


def _sign(store: ModelStore, contents: Contents, key: Ed25519PrivateKey | None) -> None:
    """Put the signature of *key* beside the bundle, and see that it is signed by one who must have."""
    digest, signers = contents.manifest.digest, store.demands.signers
    if key is not None:
        name = key_name(key.public_key())
        if signers is not None and name not in signers.keys:
            raise BundleError(f"the key that signs {contents.where} is none of those in {signers.file}")
        _create(store, f"{SIGNATURES}/{digest}/{name}", signature_of(digest, key))
    elif signers is not None:
        try:
            check_signed(store, digest)
        except BundleError as error:
            raise BundleError(f"{contents.where} is not signed by any of the keys in {signers.file}") from error


def _write(store: ModelStore, contents: Contents, card: bytes | None) -> None:
    """Write the files of a bundle, the manifest last."""
    for name, content in _files(contents, card).items():
        _create(store, f"{BUNDLES}/{contents.manifest.digest}/{name}", content)


def _files(contents: Contents, card: bytes | None) -> Mapping[str, bytes]:
    return {**contents.files, **({} if card is None else {CARD: card}), MANIFEST: contents.manifest.serialised()}


def _create(store: ModelStore, path: str, content: bytes) -> None:
    try:
        store.files.create(path, content)
    except FileExistsError as error:
        raise BundleError(
            f"{store.files.url}: {path} is there with another content, and nothing is written twice: it is damaged; "
            "remove it and register the bundle again"
        ) from error
