"""What a store knows of a model: a journal of numbered entries that are only ever added, and what follows from them.

An entry is a file that nobody changes, and the next one has the next number. Of two who want to write the same number
the store takes one; the other reads again and finds out whether its change still makes sense. So versions, aliases and
retirements of a model have one order, everywhere where a store creates a file only once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from models.manifest import BundleError, StoreError, TrainingRange
from models.store_files import StoreFiles

Alias = Literal["champion", "challenger"]
FOLDER: Final = "models"
SHOWN_DIGITS: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_RESERVED: Final = frozenset({"champion", "challenger", "none"})
_ENTRY: Final = re.compile(r"[0-9]{6}\.json")
_TRIES: Final = 100

Words = Annotated[str, Field(min_length=1, max_length=500)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Act:
    """Who changed a model, why, and when.

    Attributes:
        at_ms: Milliseconds since the epoch, UTC.
    """

    by: Words
    why: Words
    at_ms: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a bundle is and where it comes from, as its manifest and card say.

    Attributes:
        size: Of its files together, in bytes.
        history: Which matches, in words; None without a card, as reproduce.
        reproduce: The command that makes it again.
    """

    kind: str
    feature_set: str
    created: str
    training: TrainingRange
    libraries: Mapping[str, object]
    size: int
    history: str | None
    reproduce: str | None


@dataclass(frozen=True, slots=True)
class Registered:
    """A version came in.

    Attributes:
        card: SHA-256 of its card; None when it has none.
    """

    version: str
    digest: Digest
    card: Digest | None
    provenance: Provenance
    act: Act
    action: Literal["register"] = "register"


@dataclass(frozen=True, slots=True)
class Pointed:
    """An alias was pointed at a version.

    Attributes:
        version: None when the alias was taken away.
        replaces: What it was before; it is void when it was something else.
    """

    alias: Alias
    version: str | None
    replaces: str | None
    act: Act
    action: Literal["alias"] = "alias"


@dataclass(frozen=True, slots=True)
class Retired:
    """A version is not to be served any longer."""

    version: str
    act: Act
    action: Literal["retire"] = "retire"


Entry = Registered | Pointed | Retired
_ENTRIES: Final[TypeAdapter[Entry]] = TypeAdapter(Annotated[Entry, Field(discriminator="action")])


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
                self._check_new(entry)
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

    def _check_known(self, version: str) -> None:
        if version not in self.versions:
            known = ", ".join(self.versions) or "none"
            raise BundleError(f"there is no version {version!r:.100} of {self.name} in the store, only {known}")
        self.check_served(version)

    def _check_new(self, entry: Registered) -> None:
        check_name(entry.version, "version")
        if entry.version in _RESERVED:
            raise BundleError(f"a version cannot be called {entry.version!r}, which stands for another one")
        if (there := self.versions.get(entry.version)) is not None:
            raise BundleError(
                f"{self.name} {entry.version} is bundle {there.digest[:SHOWN_DIGITS]} in the store, registered by "
                f"{there.act.by}, not {entry.digest[:SHOWN_DIGITS]}: versions never change, so give this one another"
            )

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


def check_name(text: str, what: str) -> None:
    """Check that *text* can be the name of a file in every store.

    Raises:
        BundleError: It cannot.
    """
    if not _NAME.fullmatch(text):
        raise BundleError(f"{what} {text!r:.100} is not 1 to 100 letters, digits, dots, plus signs, _ and -")


def read_model(files: StoreFiles, name: str) -> StoredModel:
    """Return what the store knows of the model called *name*: nothing, when it has none.

    Raises:
        BundleError: The journal is damaged, or no model can have such a name.
        StoreError: The store does not answer.
    """
    check_name(name, "model")
    found = StoredModel(name)
    numbers = [one for one in files.names(f"{FOLDER}/{name}") if _ENTRY.fullmatch(one)]
    for number, there in enumerate(numbers, start=1):
        path = _path(name, number)
        if not path.endswith(there):
            raise BundleError(f"{files.url}: {path} is missing: entries come after it")
        try:
            found = found.after(_ENTRIES.validate_json(files.read(path)))
        except ValidationError as error:
            raise BundleError(f"{files.url}: {path} is damaged: {_told(error)}") from error
    return found


def append(files: StoreFiles, name: str, entry: Entry) -> StoredModel:
    """Write *entry* as the next one of the model called *name*, and return the model after it.

    Raises:
        BundleError: It makes no sense, or no longer: somebody else was first.
        StoreError: The store does not answer.
    """
    content = _written(entry)
    for _ in range(_TRIES):
        model = read_model(files, name)
        after = model.after(entry)
        try:
            files.create(_path(name, len(after.entries)), content)
        except FileExistsError:
            continue  # somebody was first, and the entry is judged by what is there now
        return after
    raise StoreError(f"{files.url}: the journal of {name} changes all the time, or cannot be listed")


def _written(entry: Entry) -> bytes:
    try:
        content = _ENTRIES.dump_json(entry, indent=2) + b"\n"
        _ENTRIES.validate_json(content)
    except ValidationError as error:
        raise BundleError(f"this cannot be recorded: {_told(error)}") from error
    except ValueError as error:  # half a surrogate
        raise BundleError(f"this cannot be recorded: {error!s:.200}") from error
    return content


def _told(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = f"{problem['loc'][-1]} {problem['input']!r:.100}: " if problem["loc"] else ""
    return f"{where}{problem['msg']:.200}"


def _path(name: str, number: int) -> str:
    return f"{FOLDER}/{name}/{number:06}.json"
