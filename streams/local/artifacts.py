"""The exact files of Kafka and of the registry, each with its digest."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from streams.local.errors import ClusterError

MANIFEST = "artifacts.json"


class DigestError(ClusterError):
    """Raised when a file is not the one whose digest is pinned; the file is gone by then."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of Maven Central.

    Attributes:
        part: What it belongs to: ``kafka`` or ``registry``.
        sha256: Digest of its bytes, in hexadecimal.
        size: In bytes.
    """

    part: str
    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Name of the file in the cache."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"


def pinned_artifacts() -> list[Artifact]:
    """Return the files of the committed manifest."""
    manifest = json.loads(files("streams.local").joinpath(MANIFEST).read_text())
    return [Artifact(**entry) for entry in manifest]


def manifest_text(artifacts: Iterable[Artifact]) -> str:
    """Return the manifest of *artifacts*, one a line so that a change of versions can be read in a diff."""
    return "[\n" + ",\n".join(json.dumps(asdict(artifact)) for artifact in artifacts) + "\n]\n"


def sha256(path: Path) -> str:
    """Return the digest of a file in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def verify(artifact: Artifact, path: Path) -> None:
    """Check that *path* is the pinned file.

    Raises:
        DigestError: It is not; it has been removed, so that the next start fetches it again.
    """
    found = sha256(path)
    if found != artifact.sha256:
        path.unlink()
        raise DigestError(
            f"{artifact.file_name} has SHA-256 {found}, not the pinned {artifact.sha256}: "
            f"it was removed from {path.parent}; start again to download it anew"
        )
