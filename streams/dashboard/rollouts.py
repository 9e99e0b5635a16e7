"""The view of the roll-out that is on: judged by the gate of `touchline rollout`, window by window."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitors.rollout import Judgement, Rollout, begun
from monitors.rollout_plan import Plan
from streams.brokers import BrokerError
from streams.dashboard.parts import Shown, encoded
from streams.dashboard.serving import ControlFeed
from streams.registry_errors import RegistryUnavailableError
from streams.rollouts.live_gate import LiveGate
from streams.rollouts.standing import standing_as_json, window_as_json
from streams.rollouts.trials import Trial, trial_in
from streams.settings import Settings

_PATIENCE_SECONDS: Final = 2.0
_CHUNK: Final = 50  # windows, so that one more changes a small part
CHUNKS: Final = 40


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the topics has told.

    Attributes:
        trial: What is tried; None when nothing is.
        reading: Of which beginning to read: another number begins with the first window again.
        windows: Those which have ended since the look before.
        problem: Why this is not current, in one sentence; None when it is.
    """

    trial: Trial | None
    reading: int
    windows: Sequence[tuple[Rollout, Judgement]]
    problem: str | None = None


class TrialWatch:
    """Judges what is tried, by *plan*, in the thread of whoever asks; owns the gate, and its readers, of one trial."""

    def __init__(
        self, settings: Settings, plan: Plan, control: ControlFeed, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._plan, self._control, self._clock = settings, plan, control, clock
        self._trial: Trial | None = None
        self._gate: LiveGate | None = None
        self._reading = 0

    def __call__(self) -> Look:
        """Return which windows have ended since the last call."""
        windows: list[tuple[Rollout, Judgement]] = []
        problem = None
        try:
            self._take_up(trial_in(self._control.model, *self._control.read_now(_PATIENCE_SECONDS)))
            if self._gate is not None:
                for one in self._gate.look(lambda: self._clock() * 1000, None):
                    windows.append(one)  # noqa: PERF402 - those before an error count
        except (BrokerError, RegistryUnavailableError, RuntimeError) as error:
            problem = str(error)
        return Look(self._trial, self._reading, windows, problem)

    def _take_up(self, trial: Trial | None) -> None:
        if trial == self._trial and (trial is None or (self._gate is not None and not self._gate.broken)):
            return
        self.close()
        self._trial, self._reading = trial, self._reading + 1
        if trial is not None:
            gate = LiveGate(
                self._settings, self._plan, trial, lambda: self._control.read_now(_PATIENCE_SECONDS), _PATIENCE_SECONDS
            )
            try:
                gate.start()
            except (BrokerError, RuntimeError):
                gate.close()
                raise
            self._gate = gate

    def close(self) -> None:
        """End the reading."""
        if self._gate is not None:
            self._gate.close()
            self._gate = None


class RolloutView:
    """Owned by the event loop.

    Args:
        plan: By which windows are judged.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reading = 0
        self._judged: dict[str, object] = {"as_of_ms": None, "problem": None}
        self._begin(None)

    def _begin(self, trial: Trial | None) -> None:
        standing = None if trial is None else standing_as_json(self._plan, trial, begun(trial.since_ms))
        self._windows = 0
        self._chunks: dict[int, list[dict[str, Any]]] = {}
        self._made: dict[str, bytes] = {"standing": encoded(standing), "last": encoded(None)}

    def looked(self, look: Look, at_ms: int) -> None:
        """Take what a look at *at_ms* has told."""
        if look.reading != self._reading:
            self._reading = look.reading
            self._begin(look.trial)
        if look.trial is not None and look.windows:
            self._take(look.trial, look.windows)
        as_of_ms = at_ms if look.problem is None else self._judged["as_of_ms"]
        self._judged = {"as_of_ms": as_of_ms, "problem": look.problem}

    def _take(self, trial: Trial, windows: Sequence[tuple[Rollout, Judgement]]) -> None:
        for rollout, judgement in windows:
            window = window_as_json(rollout, judgement)
            point = {name: window[name] for name in ("until_ms", "step", "verdict", "difference")}
            number = self._windows // _CHUNK
            self._windows += 1
            chunk = self._chunks.setdefault(number, [])
            chunk.append(point)
            self._made[_name(number)] = encoded(chunk)
            if len(self._chunks) > CHUNKS:
                oldest = min(self._chunks)
                del self._chunks[oldest], self._made[_name(oldest)]
        self._made |= {"standing": encoded(standing_as_json(self._plan, trial, rollout)), "last": encoded(window)}

    def shown(self) -> Shown:
        """Return where the roll-out stands, its last window, and the sequence of the differences in chunks."""
        return {"judged": encoded(self._judged), **self._made}


def _name(number: int) -> str:
    return f"sequence:{number:08d}"  # in the order of their names
