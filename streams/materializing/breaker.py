"""A circuit breaker: what fails again and again is left alone for a while, then asked once."""

from collections.abc import Callable


class Breaker:
    """Lets calls through until *failures* in a row have failed; then one at a time, after a pause which doubles.

    Args:
        clock: Seconds, monotonic.
        failures: In a row, until it opens.
        first_pause: Seconds until the first probe.
        longest_pause: Seconds between two probes, at most.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        failures: int = 3,
        first_pause: float = 0.5,
        longest_pause: float = 10.0,
    ) -> None:
        self._clock = clock
        self._limit = failures
        self._first_pause, self._longest_pause = first_pause, longest_pause
        self._failures = 0
        self._pause = first_pause
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._failures >= self._limit

    @property
    def lets_through(self) -> bool:
        """Whether a call may be made now: it is closed, or it is time for a probe."""
        return not self.is_open or self._clock() >= self._probe_at

    def succeeded(self) -> bool:
        """Take note of a call that succeeded; return whether that closed it."""
        was_open = self.is_open
        self._failures, self._pause = 0, self._first_pause
        return was_open

    def failed(self) -> bool:
        """Take note of a call that failed; return whether that opened it."""
        was_open = self.is_open
        self._failures += 1
        if self.is_open:
            self._probe_at = self._clock() + self._pause
            self._pause = min(2 * self._pause, self._longest_pause)
        return self.is_open and not was_open
