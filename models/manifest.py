"""The manifest of a bundle: what the model is, what it may score, and the digests of its files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

from schemas.bounds import MAX_TEXT

FORMAT: Final = 1
FILES: Final = ("model.onnx", "reference.json", "golden.json")
MANIFEST: Final = "manifest.json"
HEX_DIGITS: Final = 64

T = TypeVar("T")


class BundleError(ValueError):
    """Raised when a bundle cannot be served; its message is one sentence."""


class StoreError(ConnectionError):
    """Raised when a store of bundles does not answer; another try may succeed, and its message is one sentence."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Digest and size of one file.

    Attributes:
        sha256: In hexadecimal.
        size: In bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class TrainingRange:
    """What a model has learned from.

    Attributes:
        first: First day of the rows (ISO); None for a model which was not trained, as until.
        until: Last day of the rows.
        rows: Rows it was fitted on.
        matches: Matches these rows come from.
        digest: SHA-256 of rows and results, in hexadecimal.
    """

    first: str | None
    until: str | None
    rows: int
    matches: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in ``manifest.json``.

    Attributes:
        model: Name of the model; bundles of one name replace each other.
        version: Of the bundle.
        kind: One of models.predictors.KINDS.
        features: Names in the order of the columns.
        classes: Order of the probabilities.
        metrics: Of the time-ordered hold-out, by segment, then by measure.
        created: ISO 8601, UTC; the day of the newest match, since the same data must give the same bytes.
        libraries: Versions with which it was made.
        declared: Base, columns and digest of a feature set which is no published one; see features.declared.
    """

    model: str
    version: str
    kind: str
    feature_set: str
    features: Sequence[str]
    classes: Sequence[str]
    training: TrainingRange
    metrics: Mapping[str, Mapping[str, float]]
    created: str
    libraries: Mapping[str, str]
    files: Mapping[str, FileEntry]
    declared: Mapping[str, object] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form, and through the files' digests over the whole bundle."""
        return hashlib.sha256(self.serialised(indent=None)).hexdigest()

    def serialised(self, indent: int | None = 2) -> bytes:
        """Return the manifest as JSON with sorted keys."""
        separators = (",", ":") if indent is None else None
        fields = {"format": FORMAT, **asdict(self)}
        if self.declared is None:  # as in manifests from before there were any: their digests stay
            del fields["declared"]
        return json.dumps(fields, sort_keys=True, indent=indent, separators=separators, allow_nan=False).encode()


def file_entry(content: bytes) -> FileEntry:
    """Return digest and size of *content*."""
    return FileEntry(hashlib.sha256(content).hexdigest(), len(content))


def read_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest whose JSON is *content*; *where* names the bundle in errors.

    Raises:
        BundleError: Not JSON, another format, a field missing or of another type, a file that is not ours to read.
    """
    fields = json_object(content, f"{where}: {MANIFEST}")
    if fields.get("format") != FORMAT:
        raise BundleError(f"{where}: {MANIFEST} has format {fields.get('format')!r:.100}; this version reads {FORMAT}")
    texts = {name: _name(fields, name, where) for name in ("model", "version", "kind", "feature_set", "created")}
    training = _field(fields, "training", dict, where)
    return Manifest(
        **texts,
        features=_texts(fields, "features", where),
        classes=_texts(fields, "classes", where),
        training=_training(training, where),
        metrics=_metrics(_field(fields, "metrics", dict, where), where),
        libraries=_field(fields, "libraries", dict, where),
        files=_files(_field(fields, "files", dict, where), where),
        declared=_field(fields, "declared", dict, where) if "declared" in fields else None,
    )


def json_object(content: bytes, what: str) -> dict[str, object]:
    """Return the JSON object in *content*, all of whose texts and numbers can be written again.

    Raises:
        BundleError: It is none; *what* begins the sentence.
    """
    try:
        found = json.loads(content)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # also numbers of more digits than Python reads, and half a surrogate
        raise BundleError(f"{what} is damaged: {error!s:.200}") from error
    if not isinstance(found, dict):
        raise BundleError(f"{what} is not a JSON object")
    return found


def _metrics(segments: Mapping[str, object], where: str) -> dict[str, dict[str, float]]:
    return {
        segment: {
            name: _number(value, where, f"metrics.{segment}.{name}")
            for name, value in _typed(measures, dict, where, f"metrics.{segment}").items()
        }
        for segment, measures in segments.items()
    }


def _number(value: object, where: str, name: str) -> float:
    return value if isinstance(value, float) else _typed(value, int, where, name)


def _training(fields: Mapping[str, object], where: str) -> TrainingRange:
    first, until = fields.get("first"), fields.get("until")
    return TrainingRange(
        None if first is None else _typed(first, str, where, "training.first"),
        None if until is None else _typed(until, str, where, "training.until"),
        _field(fields, "rows", int, where),
        _field(fields, "matches", int, where),
        _field(fields, "digest", str, where),
    )


def _files(fields: Mapping[str, object], where: str) -> dict[str, FileEntry]:
    strangers = sorted(set(fields) - set(FILES))
    if strangers:
        raise BundleError(
            f"{where}: {MANIFEST} names the file {strangers[0]!r}; a bundle holds {', '.join(FILES)} only"
        )
    missing = [name for name in FILES if name not in fields]
    if missing:
        raise BundleError(f"{where}: {MANIFEST} names no {missing[0]}")
    found = {}
    for name in FILES:
        entry = _field(fields, name, dict, where)
        found[name] = FileEntry(_field(entry, "sha256", str, where), _field(entry, "size", int, where))
    return found


def _name(fields: Mapping[str, object], name: str, where: str) -> str:
    text = _field(fields, name, str, where)
    if not text.strip() or len(text) > MAX_TEXT:  # predictions carry them
        raise BundleError(f"{where}: {name} of {MANIFEST} is {text!r:.100}, not 1 to {MAX_TEXT} characters")
    return text


def _texts(fields: Mapping[str, object], name: str, where: str) -> tuple[str, ...]:
    return tuple(_typed(text, str, where, f"an entry of {name}") for text in _field(fields, name, list, where))


def _field(fields: Mapping[str, object], name: str, kind: type[T], where: str) -> T:
    if name not in fields:
        raise BundleError(f"{where}: {MANIFEST} has no {name!r}")
    return _typed(fields[name], kind, where, name)


def _typed(value: object, kind: type[T], where: str, name: str) -> T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BundleError(f"{where}: {name} of {MANIFEST} is {type(value).__name__}, not {kind.__name__}")
    return value
