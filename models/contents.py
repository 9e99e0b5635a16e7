"""What a bundle consists of: its files, each read once, and each of the digest that its manifest gives."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.manifest import FILES, MANIFEST, BundleError, Manifest, file_entry, json_object, read_manifest

LARGEST_FILE: Final = 256 * 2**20

Read = Callable[[str], bytes]
"""Returns the content of a bundle's file by its name; raises BundleError where there is none, or it is too large."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of a bundle.

    Attributes:
        files: The three that the manifest names.
        where: Names the bundle in errors.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    where: str

    @property
    def reference(self) -> dict[str, object]:
        """Reference histograms of the training rows; raises BundleError where they are no JSON object."""
        return json_object(self.files["reference.json"], f"{self.where}: reference.json")


def read_contents(read: Read, where: str) -> Contents:
    """Return the bundle whose files *read* gives.

    Raises:
        BundleError: A file is missing or of another digest, or the manifest is damaged.
    """
    manifest = read_manifest(read(MANIFEST), where)
    files = {name: read(name) for name in FILES}
    for name, content in files.items():
        _check_digest(manifest, name, content, where)
    return Contents(manifest, files, where)


def in_folder(folder: Path) -> Read:
    """Return how files of the bundle in *folder* are read."""

    def read(name: str) -> bytes:
        try:
            if (folder / name).stat().st_size > LARGEST_FILE:
                raise BundleError(f"{folder}: {name} is larger than {LARGEST_FILE} bytes")
            return (folder / name).read_bytes()
        except OSError as error:
            raise BundleError(f"{folder}: {name} cannot be read: {os.strerror(error.errno or 0)}") from error

    return read


def _check_digest(manifest: Manifest, name: str, content: bytes, where: str) -> None:
    expected, actual = manifest.files[name], file_entry(content)
    if expected.size != actual.size:
        raise BundleError(f"{where}: {name} has {actual.size} bytes, its manifest says {expected.size}")
    if expected.sha256 != actual.sha256:
        raise BundleError(f"{where}: {name} has SHA-256 {actual.sha256}, its manifest says {expected.sha256}")
