"""What MLflow's versions, aliases and tags say of models of ours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from models.entries import Act, Alias, Pointed, Registered, Retired, entry_of
from models.manifest import BundleError

ALIASES: Final[Sequence[Alias]] = ("champion", "challenger")
OURS: Final = "touchline"
DIGEST: Final = "touchline.digest"
ENTRY: Final = "touchline.entry"
RETIRED: Final = "touchline.retired"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of ours.

    Attributes:
        number: MLflow's.
        came: How it came in.
    """

    number: str
    came: Registered
    retired: Retired | None


def versions_of(found: Iterable[Any], url: str) -> list[Version]:
    """Return the versions of ours among those of MLflow in the order of their numbers; of two with one name the first.

    Raises:
        BundleError: A tag of ours is damaged; *url* begins the sentence.
    """
    ours: dict[str, Version] = {}
    for one in sorted(found, key=lambda one: int(one.version)):
        where = f"{url}: version {one.version} of {one.name}"
        came = _entry(one.tags, ENTRY, Registered, where)
        if came is not None:
            retired = _entry(one.tags, RETIRED, Retired, where)
            ours.setdefault(came.version, Version(str(one.version), came, retired))
    return list(ours.values())


def pointed_of(model: Any, alias: Alias, ours: Iterable[Version], url: str) -> Pointed | None:
    """Return how *alias* of MLflow's *model* was pointed: as its tag says, unless it was moved without us.

    Raises:
        BundleError: It points at no version of ours, or its tag is damaged; *url* begins the sentence.
    """
    number = model.aliases.get(alias)
    version = next((one.came.version for one in ours if one.number == str(number)), None)
    if number is not None and version is None:
        raise BundleError(f"{url}: the {alias} of {model.name} is version {number}, which is no bundle")
    told = _entry(model.tags, f"{OURS}.{alias}", Pointed, f"{url}: model {model.name}")
    if told is not None and told.version == version:
        return told
    moved = Act("MLflow", "it was pointed there without Touchline", model.last_updated_timestamp)
    return None if version is None else Pointed(alias, version, None, moved)


def _entry(tags: Mapping[str, str], tag: str, kind: type[T], where: str) -> T | None:
    if tag not in tags:
        return None
    entry = entry_of(tags[tag], f"{where}: tag {tag}")
    if not isinstance(entry, kind):
        raise BundleError(f"{where}: tag {tag} is damaged: it is of another action")
    return entry
