"""Versions of models as a person sees them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.comparing import Difference
from models.entries import Pointed, Registered, Retired
from models.journal import SHOWN_DIGITS, StoredModel
from models.manifest import Manifest
from streams.commands.letter_views import printable, shown_time


def row_of(model: StoredModel, version: Registered) -> dict[str, Any]:
    """Return what a list says of *version*."""
    provenance = version.provenance
    return {
        "model": model.name,
        "version": version.version,
        "digest": version.digest,
        "aliases": model.aliases_of(version.version),
        "retired": version.version in model.retired,
        "kind": provenance.kind,
        "feature_set": provenance.feature_set,
        "trained_until": provenance.training.until,
        "bytes": provenance.size,
        "registered_at": shown_time(version.act.at_ms),
        "by": version.act.by,
        "why": version.act.why,
    }


def details_of(model: StoredModel, version: Registered, signed_by: Sequence[str], manifest: Manifest) -> dict[str, Any]:
    """Return all that the store knows of *version*; *signed_by* names the keys whose signatures are there."""
    return {
        **row_of(model, version),
        "provenance": asdict(version.provenance),
        "features": list(manifest.features),
        "classes": list(manifest.classes),
        "metrics": manifest.metrics,
        "card": version.card is not None,
        "signed_by": list(signed_by),
        "changes": [_told(entry) for entry in model.entries if _concerns(entry, version.version)],
    }


def version_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return *rows* as a table."""
    table = Table(
        "model", "version", "digest", "standing", "kind", "features", "trained until", "bytes", "registered", "by",
        box=None, pad_edge=False,
    )  # fmt: skip
    table.add_column("why", overflow="fold")
    for row in rows:
        standing = "retired" if row["retired"] else ", ".join(row["aliases"])
        table.add_row(
            *map(_cell, (row["model"], row["version"], row["digest"][:SHOWN_DIGITS], standing, row["kind"])),
            *map(_cell, (row["feature_set"], row["trained_until"], row["bytes"], row["registered_at"], row["by"])),
            _cell(row["why"]),
        )
    return table


def difference_table(found: Iterable[Difference], first: str, second: str) -> Table:
    """Return *found* as a table; numbers have their difference beside them."""
    table = Table("", box=None, pad_edge=False)
    for name in (first, second):
        table.add_column(escape(printable(name)), overflow="fold")
    table.add_column("change")
    for one in found:
        table.add_row(_cell(one.what), _cell(one.first), _cell(one.second), _change(one.first, one.second))
    return table


def show_details(console: Console, details: Mapping[str, Any]) -> None:
    """Print what details_of has found."""
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for name, value in _lines(details):
        table.add_row(name, _cell(value))
    console.print(table)
    changes = Table("at", "change", "by", box=None, pad_edge=False)
    changes.add_column("why", overflow="fold")
    for one in details["changes"]:
        changes.add_row(*map(_cell, (one["at"], one["change"], one["by"], one["why"])))
    console.print()
    console.print(changes)


def _lines(details: Mapping[str, Any]) -> Iterable[tuple[str, object]]:
    provenance = details["provenance"]
    training = provenance["training"]
    yield "model", f"{details['model']} {details['version']} ({details['kind']})"
    yield "digest", details["digest"]
    yield (
        "standing",
        "retired" if details["retired"] else ", ".join(details["aliases"]) or "neither champion nor challenger",
    )
    yield "signed by", ", ".join(details["signed_by"]) or "nobody"
    yield "feature set", f"{details['feature_set']}: {', '.join(details['features'])}"
    yield "classes", ", ".join(details["classes"])
    yield "trained on", provenance["history"] or "the history that its manifest names by digest"
    yield "", f"{training['first']} to {training['until']}: {training['matches']:,} matches, {training['rows']:,} rows"
    yield "rows' digest", training["digest"]
    yield "libraries", ", ".join(f"{name} {number}" for name, number in provenance["libraries"].items())
    yield "bytes", details["bytes"]
    for segment, measures in details["metrics"].items():
        told = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in measures.items())
        yield segment.replace("_", " "), told
    yield "made by", provenance["reproduce"] or "a command that no card tells"


def _concerns(entry: Registered | Pointed | Retired, version: str) -> bool:
    return version in {entry.version, entry.replaces if isinstance(entry, Pointed) else None}


def _told(entry: Registered | Pointed | Retired) -> dict[str, object]:
    match entry:
        case Registered():
            change = f"registered as {entry.version}"
        case Pointed():
            change = f"{entry.alias} from {entry.replaces or 'none'} to {entry.version or 'none'}"
        case Retired():
            change = "retired"
    act = asdict(entry.act)
    return {"at": shown_time(act.pop("at_ms")), "change": change, **act}


def _change(first: object, second: object) -> str:
    if isinstance(first, int) and isinstance(second, int):
        return f"{second - first:+,}"
    return f"{second - first:+.4f}" if isinstance(first, float) and isinstance(second, float) else ""


def _cell(value: object) -> Text:
    if isinstance(value, float):
        return Text(f"{value:,.4f}")
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value if value is not None else "-")))
