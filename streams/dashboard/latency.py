"""Latency of the windows of the monitors, reported or still open."""

from collections.abc import Iterator
from typing import Any, Final

from monitors.latency import LatencyWindow
from schemas.records import LatencyReport, PartialKind
from streams.dashboard.parts import Shown, encoded
from streams.dashboard.windows import WindowKey, Windows
from streams.monitoring.reports import stages_of

WINDOWS: Final = 120


class LatencyWindows:
    """Owned by the event loop.

    Attributes:
        windows: What was read.
    """

    def __init__(self) -> None:
        self.windows: Windows[LatencyReport] = Windows(PartialKind.LATENCY, WINDOWS)
        self._made: dict[WindowKey, tuple[object, bytes]] = {}

    def shown(self) -> Shown:
        """Return a part a window; its stages are those of a report, in seconds."""
        return dict(self._parts())

    def _parts(self) -> Iterator[tuple[str, bytes]]:
        keys = self.windows.newest()
        self._made = {key: made for key, made in self._made.items() if key in keys}
        for key in keys:
            found = self.windows.reported(key) or self.windows.total(key)
            known = self._made.get(key)
            if known is None or known[0] is not found:
                known = self._made[key] = (found, encoded(_window(key, found)))
            model, start_ms, _ = key
            yield f"latency:{model.model}/{model.version}/{model.variant}/{model.digest}/{start_ms}", known[1]


def _window(key: WindowKey, found: Any) -> dict[str, Any]:
    model, start_ms, end_ms = key
    closed = isinstance(found, LatencyReport)
    content = found.stages if closed else stages_of(found.content) if isinstance(found.content, LatencyWindow) else ()
    return {
        "model": model,
        "window_start_ms": start_ms,
        "window_end_ms": end_ms,
        "closed": closed,
        "stages": content,
    }
