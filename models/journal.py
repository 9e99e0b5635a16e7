"""What a store knows of a model: a journal of numbered entries that are only ever added, and what follows from them.

An entry is a file that nobody changes, and the next one has the next number. Of two who want to write the same number
the store takes one; the other reads again and finds out whether its change still makes sense. So versions, aliases and
retirements of a model have one order, everywhere where a store creates a file only once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, runtime_checkable

from models.entries import Alias, Entry, Pointed, Registered, Retired, entry_of, written
from models.manifest import BundleError, StoreError
from models.store_files import Files

FOLDER: Final = "models"
SHOWN_DIGITS: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_RESERVED: Final = frozenset({"champion", "challenger", "none"})
_ENTRY: Final = re.compile(r"[0-9]{6}\.json")
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What follows from the entries of a model's journal.

    Attributes:
        entries: In their order.
        versions: As they were registered, by version, in the order of their registration.
        aliases: As they were pointed last, by alias.
        retired: Retirements by version.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    versions: Mapping[str, Registered] = field(default_factory=dict)
    aliases: Mapping[Alias, Pointed] = field(default_factory=dict)
    retired: Mapping[str, Retired] = field(default_factory=dict)

    def version_of(self, alias: Alias) -> str | None:
        """Return the version that *alias* points at, or None."""
        pointed = self.aliases.get(alias)
        return None if pointed is None else pointed.version

    def aliases_of(self, version: str) -> list[Alias]:
        """Return the aliases that point at *version*."""
        return [alias for alias, pointed in self.aliases.items() if pointed.version == version]

    def after(self, entry: Entry) -> "StoredModel":
        """Return the model after *entry*.

        Raises:
            BundleError: It makes no sense now.
        """
        entries = (*self.entries, entry)
        match entry:
            case Registered():
                self.check_new(entry)
                return replace(self, entries=entries, versions={**self.versions, entry.version: entry})
            case Pointed():
                self._check_alias(entry)
                return replace(self, entries=entries, aliases={**self.aliases, entry.alias: entry})
            case Retired():
                self._check_known(entry.version)
                if aliases := self.aliases_of(entry.version):
                    raise BundleError(
                        f"{self.name} {entry.version} is the {' and '.join(aliases)}; point that elsewhere first"
                    )
                return replace(self, entries=entries, retired={**self.retired, entry.version: entry})

    def check_served(self, version: str) -> None:
        """Check that *version* is not retired.

        Raises:
            BundleError: It is: since when, by whom and why.
        """
        if (gone := self.retired.get(version)) is not None:
            raise BundleError(f"{self.name} {version} is retired: by {gone.act.by}, because {gone.act.why!r}")

    def check_new(self, entry: Registered) -> None:
        """Check that *entry* can come in, as there is no other version of its name.

        Raises:
            BundleError: There is, or it cannot have this name.
        """
        check_name(entry.version, "version")
        if entry.version in _RESERVED:
            raise BundleError(f"a version cannot be called {entry.version!r}, which stands for another one")
        if (there := self.versions.get(entry.version)) is not None:
            raise BundleError(
                f"{self.name} {entry.version} is bundle {there.digest[:SHOWN_DIGITS]} in the store, registered by "
                f"{there.act.by}, not {entry.digest[:SHOWN_DIGITS]}: versions never change, so give this one another"
            )

    def _check_known(self, version: str) -> None:
        if version not in self.versions:
            known = ", ".join(self.versions) or "none"
            raise BundleError(f"there is no version {version!r:.100} of {self.name} in the store, only {known}")
        self.check_served(version)

    def _check_alias(self, entry: Pointed) -> None:
        if entry.version is not None:
            self._check_known(entry.version)
        if (now := self.version_of(entry.alias)) != entry.replaces:
            last = self.aliases.get(entry.alias)
            by = "" if last is None else f" (by {last.act.by}, because {last.act.why!r})"
            raise BundleError(
                f"the {entry.alias} of {self.name} is {now or 'none'}{by}, not {entry.replaces or 'none'}: "
                f"look again before you change it"
            )
        if entry.version == now:
            raise BundleError(f"the {entry.alias} of {self.name} is {now or 'none'} already")


@runtime_checkable
class Registry(Protocol):
    """A store that knows what becomes of models in its own way, without a journal among its files."""

    def read_model(self, name: str) -> StoredModel:
        """Return what it knows of the model called *name*; errors as of the function."""

    def append(self, name: str, entry: Entry) -> StoredModel:
        """Let *entry* happen to the model called *name*, and return it afterwards; errors as of the function."""


def check_name(text: str, what: str) -> None:
    """Check that *text* can be the name of a file in every store.

    Raises:
        BundleError: It cannot.
    """
    if not _NAME.fullmatch(text):
        raise BundleError(f"{what} {text!r:.100} is not 1 to 100 letters, digits, dots, plus signs, _ and -")


def read_model(files: Files, name: str) -> StoredModel:
    """Return what the store knows of the model called *name*: nothing, when it has none.

    Raises:
        BundleError: The journal is damaged, or no model can have such a name.
        StoreError: The store does not answer.
    """
    check_name(name, "model")
    if isinstance(files, Registry):
        return files.read_model(name)
    found = StoredModel(name)
    numbers = [one for one in files.names(f"{FOLDER}/{name}") if _ENTRY.fullmatch(one)]
    for number, there in enumerate(numbers, start=1):
        path = _path(name, number)
        if not path.endswith(there):
            raise BundleError(f"{files.url}: {path} is missing: entries come after it")
        found = found.after(entry_of(files.read(path), f"{files.url}: {path}"))
    return found


def append(files: Files, name: str, entry: Entry) -> StoredModel:
    """Write *entry* as the next one of the model called *name*, and return the model after it.

    Raises:
        BundleError: It makes no sense, or no longer: somebody else was first.
        StoreError: The store does not answer.
    """
    content = written(entry)
    if isinstance(files, Registry):
        return files.append(name, entry)
    for _ in range(_TRIES):
        model = read_model(files, name)
        after = model.after(entry)
        try:
            files.create(_path(name, len(after.entries)), content)
        except FileExistsError:
            continue  # somebody was first, and the entry is judged by what is there now
        return after
    raise StoreError(f"{files.url}: the journal of {name} changes all the time, or cannot be listed")


def _path(name: str, number: int) -> str:
    return f"{FOLDER}/{name}/{number:06}.json"
