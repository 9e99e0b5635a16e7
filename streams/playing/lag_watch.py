"""Measures the lag of roles once a second, in a thread of its own."""

import math
import threading
from collections.abc import Callable, Sequence

from streams.lag import LagReader, role_reader
from streams.playing.scoreboard import RoleLag
from streams.settings import Settings


class LagWatch:
    """Tells *each* how far *roles* are behind, again and again."""

    def __init__(
        self, settings: Settings, roles: Sequence[str], each: Callable[[Sequence[RoleLag]], None], period: float = 1.0
    ) -> None:
        self._readers = [(role, role_reader(settings, role)) for role in roles]
        self._each = each
        self._period = period
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._each([_role_lag(role, reader) for role, reader in self._readers])
            self._ended.wait(self._period)

    def close(self) -> None:
        """End the thread and give the readers back."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for _, reader in self._readers:
            reader.close()


def _role_lag(role: str, reader: LagReader) -> RoleLag:
    lags = reader.measure()
    if not all(lag.known for lag in lags):
        return RoleLag(role, None, None)
    records = math.fsum(lag.records_behind for lag in lags)
    return RoleLag(role, records, max((lag.seconds_behind for lag in lags), default=0.0))
