"""The champion that a retraining starts from: its files, its recipe, and what it has learned from."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from models.bundle import shipped_bundles
from models.card import CARD, read_card
from models.contents import Contents, in_folder, read_contents
from models.manifest import MANIFEST, read_manifest
from models.store import read_models, resolve, stored_contents
from streams.bundles import store_of
from streams.control.asking import first_champion, model_of, read_changes, read_standing, served_models
from streams.control.errors import ChangeError
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Champion:
    """What serves now, and how it was made.

    Attributes:
        contents: Its files.
        options: Of the command that made it, without dashes, as its card has them; none without a card.
    """

    contents: Contents
    options: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest."""
        return self.contents.manifest.digest

    @property
    def learned_until(self) -> date | None:
        """The last day it has learned from; None when it was made without training."""
        until = self.contents.manifest.training.until
        return None if until is None else date.fromisoformat(until)

    def write(self, folder: Path) -> None:
        """Write its files to *folder*."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {**self.contents.files, MANIFEST: self.contents.manifest.serialised()}.items():
            (folder / name).write_bytes(content)


def champion_of(settings: Settings, model: str) -> Champion:
    """Return the bundle that serves *model*; "" for the one which all workers serve.

    Raises:
        BrokerError: The brokers are away.
        BundleError: It cannot be found, or is damaged.
        ChangeError: Nobody has said what is served, or workers serve several models.
    """
    standing = read_standing(settings)
    names = served_models(standing)
    if model and names and model not in names:
        raise ChangeError(f"no worker serves {model!r}; they serve {', '.join(names)}")
    digest = read_changes(settings, model or model_of(standing))[1].champion or first_champion(standing)
    return _opened(settings, digest)


def tried_now(settings: Settings, model: str) -> str | None:
    """Return the digest of the challenger of *model* that is tried at present, or None; raises BrokerError."""
    return read_changes(settings, model)[1].challenger


def next_version(settings: Settings, model: str) -> str:
    """Return the number after the highest version of *model* in the store and among the included bundles.

    Raises:
        BundleError: A journal of the store is damaged.
        StoreError: The store does not answer.
    """
    known = [version for one in read_models(store_of(settings)) if one.name == model for version in one.versions]
    shipped = [read_manifest((one / MANIFEST).read_bytes(), str(one)) for one in shipped_bundles().values()]
    known += [one.version for one in shipped if one.model == model]
    return str(max((int(version) for version in known if version.isdecimal()), default=0) + 1)


def _opened(settings: Settings, digest: str) -> Champion:
    folder = shipped_bundles().get(digest)
    if folder is not None:
        card = read_card(folder, digest) if (folder / CARD).exists() else {}
        return Champion(read_contents(in_folder(folder), str(folder)), _options(card.get("reproduce", "")))
    store = store_of(settings)
    version = resolve(store, digest)[1]
    return Champion(stored_contents(store, digest), _options(version.provenance.reproduce or ""))


def _options(command: str) -> Mapping[str, str]:
    """Return the options of *command* which have a value.

    >>> _options("touchline train --kind tree --share 0.2")
    {'kind': 'tree', 'share': '0.2'}
    """
    words = shlex.split(command)
    return {
        word.removeprefix("--"): value
        for word, value in pairwise(words)
        if word.startswith("--") and not value.startswith("--")
    }
