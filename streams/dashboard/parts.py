"""What a view shows, as named parts of JSON: who follows is told those that have changed, and no others."""

import json
from collections.abc import Mapping

from schemas.plain_values import to_json

Shown = Mapping[str, bytes]
"""The parts of a view by name, each as JSON."""


def encoded(value: object) -> bytes:
    """Return *value*, a record or what is in one, as JSON; a float which is not finite is null."""
    return json.dumps(to_json(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


class Parts:
    """The parts of one view as they are now; owned by the event loop."""

    def __init__(self) -> None:
        self._shown: Shown = {}
        self._changed_at: dict[str, int] = {}
        self._changes = 0

    def show(self, shown: Shown) -> None:
        """Take *shown* in place of what was there."""
        for name, text in shown.items():
            if self._shown.get(name) != text:
                self._changes += 1
                self._changed_at[name] = self._changes
        for name in self._shown.keys() - shown.keys():
            del self._changed_at[name]
        self._shown = dict(shown)

    @property
    def json(self) -> bytes:
        """All parts as one JSON object."""
        return _object(self._shown)

    def changes(self, seen: dict[str, int]) -> bytes | None:
        """Return what to set and what to drop, as JSON, for one to whom *seen* was told; None for nothing.

        Args:
            seen: Which change of each part was told last; brought up to date.
        """
        new = {name: text for name, text in self._shown.items() if seen.get(name) != self._changed_at[name]}
        gone = sorted(seen.keys() - self._changed_at.keys())
        if not new and not gone:
            return None
        seen.clear()
        seen.update(self._changed_at)
        return b'{"set":%b,"drop":%b}' % (_object(new), json.dumps(gone).encode())


def _object(parts: Shown) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % (json.dumps(name).encode(), text) for name, text in parts.items())
