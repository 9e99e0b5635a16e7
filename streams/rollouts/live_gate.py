"""The gate over the running stream: windows are judged as they end, and what is served follows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from models.serving import Serving
from monitors.rollout import HOUR_MS, Judgement, Rollout, begun, judged, let_go_on
from monitors.rollout_plan import Plan
from streams.control.asking import Wish
from streams.control.errors import ChangeError
from streams.control.log import Change
from streams.rollouts.live_evidence import GRACE_MS
from streams.rollouts.trials import Trial, first_wish, last_wish
from streams.rollouts.windows import Windows
from streams.settings import Settings

Ask: TypeAlias = Callable[[Wish, str], None]
Changes: TypeAlias = Callable[[], tuple[Sequence[Change], Serving]]


class LiveGate:
    """Judges the windows of a trial as they end; for one thread. Owns the readers of what both have said.

    A step begins when it is served: windows before that are judged by the step before. One that is held goes on when
    somebody has asked for what is served once more.

    Args:
        settings: Of the brokers.
        plan: Of the roll-out.
        trial: What is tried.
        changes: Returns every change of what is served up to now, and what is served after them.
        patience: Seconds for the topics to be read to their ends, each time.
    """

    def __init__(
        self, settings: Settings, plan: Plan, trial: Trial, changes: Changes, patience: float = math.inf
    ) -> None:
        self._plan, self._trial, self._changes = plan, trial, changes
        self._windows = Windows(settings, trial, plan.checks.log_loss.clip, patience)
        self._rollout, self._held_ms = begun(trial.since_ms), trial.since_ms
        self._to_settle: tuple[Rollout, str] | None = None  # the roll-out before the last window, and what was told

    @property
    def ended(self) -> bool:
        """Whether the roll-out is over, and what follows was asked for."""
        return self._rollout.ended and self._to_settle is None

    @property
    def broken(self) -> bool:
        """Whether a topic cannot be read any further."""
        return self._windows.broken

    def start(self) -> None:
        """Begin to read; raises BrokerError."""
        self._windows.start()

    def close(self) -> None:
        """End the reading."""
        self._windows.close()

    def look(self, now_ms: Callable[[], float], ask: Ask | None) -> Iterator[tuple[Rollout, Judgement]]:
        """Give the roll-out after each window that has ended since the last look, and why; *ask* for what follows.

        Whoever asks for what follows writes each window down, so that all who look later judge alike.
        After an error the same windows are looked at again.

        Raises:
            BrokerError: The brokers are away.
            ChangeError: Somebody else has changed what is served.
            RuntimeError: A topic cannot be read, or not in time.
        """
        while self._settled(ask) and not self._rollout.ended:
            until_ms = self._rollout.until_ms + int(self._plan.window_hours * HOUR_MS)
            now = now_ms()
            if now < until_ms + GRACE_MS:
                return
            yield self._judged(until_ms, now, write=ask is not None)

    def _judged(self, until_ms: int, now_ms: float, *, write: bool) -> tuple[Rollout, Judgement]:
        window = self._windows.told((self._rollout.until_ms, until_ms), now_ms, write=write)
        before = self._gone_on(until_ms) if self._rollout.status == "HELD" else self._rollout
        after, judgement = judged(self._plan, before, until_ms, window)
        if judgement is None:
            raise AssertionError("a window that follows is not judged")
        self._held_ms = self._held_ms if before.status == "HELD" else after.until_ms
        self._rollout, self._to_settle = after, (before, judgement.why)
        return after, judgement

    def _settled(self, ask: Ask | None) -> bool:
        """Ask for what follows where the roll-out has moved; tell whether its step is served, so that it goes on."""
        if self._to_settle is None:
            return True
        began_ms = self._carried_out(*self._to_settle, ask)
        if began_ms is None:
            return False
        before, after = self._to_settle[0], self._rollout
        after = replace(after, until_ms=max(began_ms, after.until_ms))
        self._rollout = replace(after, since_ms=began_ms) if after.step != before.step else after
        self._to_settle = None
        return True

    def _carried_out(self, before: Rollout, why: str, ask: Ask | None) -> int | None:
        """Ask for what follows where the roll-out has moved; return since when its step is served, None for not yet."""
        after, trial = self._rollout, self._trial
        if after.ended:
            if ask is not None:
                ask(last_wish(after, trial), why)
            return before.since_ms
        if after.step == before.step:
            return before.since_ms
        began_ms = self._served_since()
        if began_ms is None and ask is not None:
            ask(first_wish(self._plan, trial.champion, trial.challenger, after.step), why)
            began_ms = self._served_since()
        return began_ms

    def _served_since(self) -> int | None:
        """Return when the step was asked for, after the step before had passed; None when it was not yet."""
        return next((at_ms for at_ms in self._asked() if at_ms >= self._rollout.until_ms), None)

    def _gone_on(self, end_ms: int) -> Rollout:
        """Return the roll-out, which is held, as it goes on if that was asked for before *end_ms*."""
        asked = (at_ms for at_ms in self._asked() if self._held_ms <= at_ms < end_ms)
        at_ms = next(asked, None)
        return self._rollout if at_ms is None else let_go_on(self._rollout, at_ms)

    def _asked(self) -> Iterator[int]:
        """Yield when the present step was asked for.

        Raises:
            ChangeError: Somebody has changed what is served.
        """
        trial, step = self._trial, self._plan.steps[self._rollout.step]
        changes, serving = self._changes()
        if (serving.champion, serving.challenger) != (trial.champion, trial.challenger):
            raise ChangeError(
                "what is served was changed by hand, and the roll-out is over: see touchline model history"
            )
        valid = [change.record for change in changes if change.void is None and change.record is not None]
        for one in valid:
            if (one.challenger, one.canary_share) == (trial.challenger, step.share):
                yield one.at_ms
