"""Model cards: what a bundle is, what it learned from, what it is worth and where, and how to make it again.

After Mitchell et al. 2019, "Model Cards for Model Reporting". A card stands beside the files that are served; it names
the bundle's digest, and nothing is loaded from it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from models.manifest import BundleError, Manifest, json_object
from models.scores import Judged

CARD: Final = "card.json"
CARD_TEXT: Final = "card.md"
MEASURES: Final = ("log_loss", "rps", "brier", "accuracy", "ece")
MODEL: Final = "model"
"""The name under which the model itself is judged, beside the baselines."""

Segments = Mapping[str, Mapping[str, Judged]]
"""What the hold-out was worth before kick-off, by what it is parted by, then by part."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card says beyond the manifest.

    Attributes:
        history: Which matches, in words.
        segments: Of the hold-out.
        limits: What the model cannot do, a sentence each.
        reproduce: The command that makes it again from the same data.
    """

    history: str
    segments: Segments
    limits: Sequence[str]
    reproduce: str


def card_files(manifest: Manifest, facts: Facts) -> dict[str, bytes]:
    """Return the card of a bundle by name of the file: as JSON, and as Markdown made from it."""
    card: dict[str, Any] = {
        "digest": manifest.digest,
        **{name: getattr(manifest, name) for name in ("model", "version", "kind")},
        "history": facts.history,
        "training": asdict(manifest.training),
        "contract": {
            "feature_set": manifest.feature_set,
            "features": list(manifest.features),
            "classes": list(manifest.classes),
        },
        "metrics": manifest.metrics,
        "segments": {
            by: {part: asdict(judged) for part, judged in parts.items()} for by, parts in facts.segments.items()
        },
        "limits": list(facts.limits),
        "reproduce": facts.reproduce,
        "libraries": manifest.libraries,
    }
    content = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    return {CARD: content.encode() + b"\n", CARD_TEXT: card_text(json.loads(content)).encode()}


def read_card(folder: Path, digest: str) -> dict[str, Any]:
    """Return the card in *folder*.

    Raises:
        BundleError: There is none, it is damaged, or it is that of another bundle than *digest*.
    """
    try:
        content = (folder / CARD).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder} has no {CARD}: {error.strerror}") from error
    return checked_card(content, digest, str(folder))


def checked_card(content: bytes, digest: str, where: str) -> dict[str, Any]:
    """Return the card in *content*.

    Raises:
        BundleError: It is damaged, or that of another bundle than *digest*; *where* begins the sentence.
    """
    card: dict[str, Any] = json_object(content, f"{where}: {CARD}")
    if card.get("digest") != digest:
        raise BundleError(f"{where}: {CARD} is of bundle {card.get('digest')!r:.80}, not of {digest}")
    try:
        card_text(card)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BundleError(f"{where}: {CARD} is no card: {type(error).__name__}: {error!s:.100}") from error
    return card


def card_text(card: Mapping[str, Any]) -> str:
    """Return *card* as Markdown."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    training, contract = card["training"], card["contract"]
    yield f"# {card['model']} {card['version']} ({card['kind']})"
    yield f"\nDigest `{card['digest']}`.\n\n## Data\n"
    yield f"- {card['history']}"
    yield f"- {training['first']} to {training['until']}: {training['matches']:,} matches, {training['rows']:,} rows"
    yield f"- SHA-256 of the rows: `{training['digest']}`"
    yield "\n## Contract\n"
    yield f"- Feature set {contract['feature_set']}: {', '.join(contract['features'])}"
    yield f"- Probabilities of {', '.join(contract['classes'])}, in this order"
    yield "\n## What it is worth\n"
    yield "On the hold-out, by a model that was fitted before it; log loss in nats.\n"
    yield from _table("moment", [(name.replace("_", " "), one) for name, one in card["metrics"].items()])
    for by, parts in card["segments"].items():
        yield f"\nBefore kick-off, by {by}:\n"
        yield from _table(by, [(part, one["kinds"][MODEL] | {"n": one["n"]}) for part, one in parts.items()])
    yield "\n## Limits\n"
    yield from (f"- {limit}" for limit in card["limits"])
    yield f"\n## To make it again\n\n```\n{card['reproduce']}\n```\n"
    yield "With " + ", ".join(f"{name} {number}" for name, number in card["libraries"].items()) + "."


def _table(first: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    compared = all("versus_elo" in measures for _, measures in rows)
    columns = [first, "n", *(name.replace("_", " ") for name in MEASURES), *(["less Elo's"] if compared else [])]
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for name, measures in rows:
        cells = [name, f"{measures['n']:,.0f}", *(f"{measures[one]:.4f}" for one in MEASURES)]
        if compared:
            low, high = measures["versus_elo"]
            cells.append(f"{low:+.4f} to {high:+.4f}")
        yield f"| {' | '.join(cells)} |"
