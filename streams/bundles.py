"""The bundle that the settings name: one that comes with Touchline, one in a folder, or one in the store."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from models.bundle import Bundle, bundle_folder, check_kind, load_bundle, open_bundle, shipped_bundles
from models.contents import Contents, in_folder, read_contents
from models.manifest import BundleError
from streams.local.places import cache_folder, data_folder
from streams.settings import PREFIX, Settings

if TYPE_CHECKING:
    from models.store import Demands, ModelStore
    from models.store_files import Files

IN_MLFLOW: Final = "mlflow:"
IN_STORE: Final = "store:"
_DIGITS: Final = 8


def bundle_of(settings: Settings, threads: int = 1) -> Bundle:
    """Load the bundle of *settings*.

    Raises:
        BundleError: It is refused.
        StoreError: It is in a store that does not answer.
    """
    named = settings.bundle or ""
    if named.startswith(IN_STORE):
        return _stored(settings, named.removeprefix(IN_STORE), threads)
    if settings.model_signers_file is not None:
        raise BundleError(
            f"{PREFIX}MODEL_SIGNERS_FILE asks for signed bundles, and only those in a store are: {PREFIX}BUNDLE is "
            f"{settings.bundle!r}, not {IN_STORE}NAME@champion or the like"
        )
    return open_bundle(Path(named) if named else None, settings.predictor, threads)


def contents_of(settings: Settings) -> Contents:
    """Return the files of the bundle of *settings*; errors as of `bundle_of`."""
    named = settings.bundle or ""
    if not named.startswith(IN_STORE):
        folder = bundle_folder(Path(named) if named else None, settings.predictor)
        return read_contents(in_folder(folder), str(folder))
    from models.store import resolve, stored_contents  # noqa: PLC0415 - as in bundle_of

    store = store_of(settings)
    return stored_contents(store, resolve(store, named.removeprefix(IN_STORE))[1].digest)


def bundle_with(settings: Settings, digest: str, threads: int = 1) -> Bundle:
    """Load the bundle with *digest*: one that comes with Touchline, or one in the store.

    Raises:
        BundleError: It is in neither, or refused.
        StoreError: The store does not answer.
    """
    folder = None if settings.model_signers_file else shipped_bundles().get(digest)
    if folder is not None:
        return load_bundle(folder, threads)
    from models.store import open_stored  # noqa: PLC0415 - workers whose model never changes need none of this

    return open_stored(store_of(settings), digest, threads, retired=settings.model_allow_retired)


def digest_of(settings: Settings, reference: str) -> str:
    """Return the digest of the bundle which an operator names: by NAME@VERSION, NAME@ALIAS, or 8 digits of it or more.

    Raises:
        BundleError: There is none, or several.
        StoreError: The store does not answer.
    """
    from models.store import resolve  # noqa: PLC0415 - as above

    shipped = [digest for digest in shipped_bundles() if digest.startswith(reference) and len(reference) >= _DIGITS]
    if len(shipped) == 1 and settings.model_signers_file is None:
        return shipped[0]
    return resolve(store_of(settings), reference)[1].digest


def store_of(settings: Settings) -> "ModelStore":
    """Return the store of *settings*; nothing is asked of it yet.

    Raises:
        BundleError: It is none that can be opened, or the file of public keys is damaged.
        StoreError: It does not open now.
    """
    from models.store import ModelStore  # noqa: PLC0415 - workers whose bundle is in a folder need none of this

    demands = demands_of(settings)
    url = settings.model_store or str(data_folder() / "models")
    return ModelStore(_files(url), demands, cache_folder() / "bundles")


def demands_of(settings: Settings) -> "Demands":
    """Return what is asked of bundles in a store.

    Raises:
        BundleError: The file of public keys is damaged.
    """
    from models.signatures import read_signers  # noqa: PLC0415 - the same
    from models.store import Demands  # noqa: PLC0415 - the same

    file = settings.model_signers_file
    return Demands(None if file is None else read_signers(file), settings.model_budget_us / 1e6)


def _files(url: str) -> "Files":
    if url.startswith(IN_MLFLOW):
        from models.mlflow_connection import mlflow_store  # noqa: PLC0415 - the same

        return mlflow_store(url, os.environ)
    from models.store_files import store_files  # noqa: PLC0415 - the same

    return store_files(url)


def _stored(settings: Settings, reference: str, threads: int) -> Bundle:
    from models.store import open_stored, resolve  # noqa: PLC0415 - the same

    store = store_of(settings)
    _, version = resolve(store, reference)
    bundle = open_stored(store, version.digest, threads, retired=settings.model_allow_retired)
    check_kind(bundle, settings.predictor, f"{IN_STORE}{reference}")
    return bundle
