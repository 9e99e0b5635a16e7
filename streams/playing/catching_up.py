"""Waiting until roles have worked through what was sent, in the order in which one follows from the other."""

import time
from collections.abc import Callable, Sequence

from streams.lag import LagReader, total_behind
from streams.playing.errors import PlayError
from streams.settings import Settings

# Ratings follow results, and predictions follow ratings.
CAUSAL_ORDER = (("predict", "match-events"), ("rate", "team-events"), ("predict", "feature-events"))


class CatchingUp:
    """Reads how far the groups have committed; owns a lag reader for each step.

    Attributes:
        patience: Seconds without any progress after which it gives up.
    """

    def __init__(
        self,
        settings: Settings,
        check: Callable[[], None],
        steps: Sequence[tuple[str, str]] = CAUSAL_ORDER,
        patience: float = 60.0,
    ) -> None:
        self.patience = patience
        self._check = check
        self._steps = [
            (role, LagReader(settings, settings.group(role), [settings.topic(topic)])) for role, topic in steps
        ]

    def wait(self) -> None:
        """Return once nothing is left of what had been sent before, nor of what followed from it.

        Raises:
            PlayError: There was no progress for too long.
        """
        for role, reader in self._steps:
            self._wait_for(role, reader)

    def _wait_for(self, role: str, reader: LagReader) -> None:
        pause, best, last_progress = 0.01, float("inf"), time.monotonic()
        while True:
            behind = total_behind(reader.measure())
            if behind == 0:
                return
            self._check()
            now = time.monotonic()
            if behind < best:
                best, last_progress = behind, now
            if now - last_progress > self.patience:
                raise PlayError(
                    f"the {role} role has not moved for {self.patience:.0f} s with {best:.0f} events to go; "
                    f"is it running? Try: touchline doctor"
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.08)

    def close(self) -> None:
        """Give the readers back."""
        for _, reader in self._steps:
            reader.close()
