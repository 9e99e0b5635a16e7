"""In what two bundles differ."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from models.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two bundles differ.

    Attributes:
        what: A dotted path: ``kind``, ``training.rows``, ``metrics.pre_match.log_loss`` and so on.
        first: Of the first bundle; None when it has no such thing, as second.
    """

    what: str
    first: object
    second: object


def differences(first: Manifest, second: Manifest) -> list[Difference]:
    """Return in what *first* and *second* differ, in the order of a manifest's fields; nothing for equal ones."""
    here, there = dict(_facts(first)), dict(_facts(second))
    found = [
        Difference(what, here.get(what), there.get(what))
        for what in {**here, **there}
        if here.get(what) != there.get(what)
    ]
    common = [[name for name in one.features if name in other.features] for one, other in _both(first, second)]
    if common[0] != common[1]:
        found.append(Difference("order of features", ", ".join(common[0]), ", ".join(common[1])))
    return found


def same_holdout(first: Manifest, second: Manifest) -> bool:
    """Return whether the metrics of both seem to be of the same matches: they end on one day, and are as many."""
    sizes = [{segment: measures.get("n") for segment, measures in one.metrics.items()} for one in (first, second)]
    shared = sizes[0].keys() & sizes[1].keys()
    return first.training.until == second.training.until and all(sizes[0][one] == sizes[1][one] for one in shared)


def _both(first: Manifest, second: Manifest) -> tuple[tuple[Manifest, Manifest], tuple[Manifest, Manifest]]:
    return (first, second), (second, first)


def _facts(manifest: Manifest) -> Iterator[tuple[str, object]]:
    yield "digest", manifest.digest
    for name in ("model", "version", "kind", "created", "feature_set"):
        yield name, getattr(manifest, name)
    yield "declared", None if manifest.declared is None else manifest.declared.get("digest")
    for name in manifest.features:
        yield f"features.{name}", "there"
    yield "classes", ", ".join(manifest.classes)
    yield from _flat("training", asdict(manifest.training))
    for segment, measures in manifest.metrics.items():
        yield from _flat(f"metrics.{segment}", measures)
    yield from _flat("libraries", manifest.libraries)
    yield from _flat("bytes", {name: entry.size for name, entry in manifest.files.items()})


def _flat(what: str, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        yield f"{what}.{name}", value
