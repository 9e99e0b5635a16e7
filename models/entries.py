"""What happens to a model in a store: a version comes in, an alias is pointed, a version is retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from models.manifest import BundleError, TrainingRange

Alias = Literal["champion", "challenger"]

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


def written(entry: Entry) -> bytes:
    """Return *entry* as JSON.

    Raises:
        BundleError: Something in it cannot be kept: who or why is empty, or too long.
    """
    try:
        content = _ENTRIES.dump_json(entry, indent=2) + b"\n"
        _ENTRIES.validate_json(content)
    except ValidationError as error:
        raise BundleError(f"this cannot be recorded: {_told(error)}") from error
    except ValueError as error:  # half a surrogate
        raise BundleError(f"this cannot be recorded: {error!s:.200}") from error
    return content


def entry_of(content: bytes | str, where: str) -> Entry:
    """Return the entry whose JSON is *content*; *where* names it in errors.

    Raises:
        BundleError: It is damaged.
    """
    try:
        return _ENTRIES.validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{where} is damaged: {_told(error)}") from error


def _told(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = f"{problem['loc'][-1]} {problem['input']!r:.100}: " if problem["loc"] else ""
    return f"{where}{problem['msg']:.200}"
