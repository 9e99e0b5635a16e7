"""What a registry has told, kept on disk for the time when it does not answer.

Never asked while the registry answers: a registry which was wiped, or is another one at the same URL, gives the same
ids to other schemas, and its word then replaces what is kept here.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from streams.local.places import cache_folder


@dataclass(frozen=True, slots=True)
class SchemaCache:
    """The schemas by id, and the ids by subject and schema, of one registry."""

    folder: Path

    def text(self, schema_id: int) -> str | None:
        """Return the schema last known as *schema_id*."""
        found = _read(self.folder / f"id-{schema_id}.json", "schema")
        return found if isinstance(found, str) else None

    def keep_text(self, schema_id: int, text: str) -> None:
        """Remember that *schema_id* is *text*."""
        _write(self.folder / f"id-{schema_id}.json", {"schema": text})

    def forget(self, schema_id: int) -> None:
        """Forget *schema_id*: the registry says that there is none."""
        (self.folder / f"id-{schema_id}.json").unlink(missing_ok=True)

    def id_of(self, subject: str, text: str) -> int | None:
        """Return the id under which *text* was registered last for *subject*."""
        found = _read(self._registered(subject, text), "id")
        return found if isinstance(found, int) else None

    def keep_id(self, subject: str, text: str, schema_id: int) -> None:
        """Remember that *text* is registered as *schema_id* for *subject*."""
        _write(self._registered(subject, text), {"id": schema_id})
        self.keep_text(schema_id, text)

    def _registered(self, subject: str, text: str) -> Path:
        digest = hashlib.sha256(f"{subject}\n{text}".encode()).hexdigest()
        return self.folder / f"registered-{digest[:32]}.json"


def cache_of(url: str) -> SchemaCache:
    """Return the cache of the registry at *url*, in the user's cache folder."""
    return SchemaCache(cache_folder() / "schemas" / hashlib.sha256(url.encode()).hexdigest()[:32])


def _read(file: Path, key: str) -> object:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or not ours: then nothing is known
        return None
    return content.get(key) if isinstance(content, dict) else None


def _write(file: Path, content: dict[str, object]) -> None:
    """Write atomically; a cache which cannot be written is no reason to stop."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            json.dump(content, target)
        Path(name).replace(file)
    except OSError:
        return
