"""A roll-out of the running stream: windows are judged one after the other, and what is served follows.

Nothing is kept but what the topics hold: each window, once judged, is written down (`streams.rollouts.window_log`), so
that who starts it again comes to the same judgements, and asks only for what is not served yet.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any, TypeAlias

from models.serving import Serving
from monitors.rollout import HOUR_MS, Judgement, Rollout, begun, judged, let_go_on
from monitors.rollout_evidence import Evidence
from monitors.rollout_plan import Plan
from schemas.codec import Codec, DecodeError
from schemas.records import ControlAction, MatchEvent, Prediction, ShadowComparison
from streams.control.asking import Wish, read_changes
from streams.control.errors import ChangeError
from streams.following import Follower
from streams.patient_registry import PatientRegistry, patient_registry
from streams.playing.watching import learning
from streams.rollouts.live_evidence import GRACE_MS, LiveEvidence
from streams.rollouts.window_log import WINDOWS, Trial, WindowLog, comparison, writer
from streams.settings import Settings

_LOOK_SECONDS = 0.1

Ask: TypeAlias = Callable[[Wish, str], None]


def trial_of(settings: Settings, model: str, challenger: str) -> tuple[Trial | None, Serving]:
    """Return what is tried with *challenger*, None when it is not, and what is served; raises BrokerError."""
    changes, serving = read_changes(settings, model)
    if serving.challenger != challenger or serving.champion is None:
        return None, serving
    began = next(
        change.record
        for change in changes
        if change.void is None and change.record is not None and change.record.revision == serving.rollout
    )
    return Trial(model, serving.champion, challenger, began.at_ms), serving


def first_wish(plan: Plan, champion: str, challenger: str, number: int = 0) -> Wish:
    """Return what has to be asked for in a step; in each the two score every match, whichever of them serves it."""
    step = plan.steps[number]
    action = ControlAction.SHADOW if step.stage == "shadow" else ControlAction.CANARY
    return Wish(action, champion, challenger, step.share, shadow=True)


def judgements(
    settings: Settings, plan: Plan, trial: Trial, now_ms: Callable[[], float], ask: Ask | None
) -> Iterator[tuple[Rollout, Judgement]]:
    """Give the roll-out after each window and why, up to its end.

    A step begins when it is served: windows before that are judged by the step before. One that is held goes on when
    somebody has asked for what is served once more.

    Args:
        settings: Of the brokers.
        plan: Of the roll-out.
        trial: What is tried.
        now_ms: The time, milliseconds since the epoch.
        ask: Asks for what follows, and says why, and each window is written down; None to look only, which ends with
            what is known now.

    Raises:
        BrokerError: The brokers are away.
        ChangeError: Somebody else has changed what is served.
    """
    with ExitStack() as stack:
        windows = _Windows(settings, trial, plan.checks.log_loss.clip, stack)
        rollout, held_ms = begun(trial.since_ms), trial.since_ms
        length = int(plan.window_hours * HOUR_MS)
        while not rollout.ended:
            until_ms = rollout.until_ms + length
            if not _ended(until_ms + GRACE_MS, now_ms, wait=ask is not None):
                return
            window = windows.told((rollout.until_ms, until_ms), write=ask is not None)
            if rollout.status == "HELD":
                rollout = _gone_on(settings, plan, trial, rollout, (held_ms, until_ms))
            after, judgement = judged(plan, rollout, until_ms, window)
            held_ms = held_ms if rollout.status == "HELD" else after.until_ms
            if judgement is not None:
                yield after, judgement
                began_ms = _carried_out(settings, plan, trial, (rollout, after), judgement.why, ask)
                if began_ms is None:
                    return
                after = replace(after, until_ms=max(began_ms, until_ms))
                after = replace(after, since_ms=began_ms) if after.step != rollout.step else after
            rollout = after


def _ended(at_ms: int, now_ms: Callable[[], float], *, wait: bool) -> bool:
    while now_ms() < at_ms:
        if not wait:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _carried_out(  # noqa: PLR0917 - all that a step needs
    settings: Settings, plan: Plan, trial: Trial, turn: tuple[Rollout, Rollout], why: str, ask: Ask | None
) -> int | None:
    """Ask for what follows where the roll-out has moved; return since when its step is served, None for not yet."""
    before, after = turn
    if after.ended:
        if ask is not None:
            ask(_last_wish(after, trial), why)
        return None
    if after.step == before.step:
        return before.since_ms
    began_ms = _served_since(settings, plan, trial, after)
    if began_ms is None and ask is not None:
        ask(first_wish(plan, trial.champion, trial.challenger, after.step), why)
        began_ms = _served_since(settings, plan, trial, after)
    return began_ms


def _last_wish(rollout: Rollout, trial: Trial) -> Wish:
    if rollout.status == "PROMOTED":
        return Wish(ControlAction.PROMOTE, trial.challenger)
    return Wish(ControlAction.ROLLBACK, trial.champion)


def _served_since(settings: Settings, plan: Plan, trial: Trial, rollout: Rollout) -> int | None:
    """Return when the step of *rollout* was asked for, after the step before had passed; None when it was not yet."""
    return next((at_ms for at_ms in _asked(settings, plan, trial, rollout) if at_ms >= rollout.until_ms), None)


def _gone_on(settings: Settings, plan: Plan, trial: Trial, held: Rollout, between_ms: tuple[int, int]) -> Rollout:
    """Return *held* as it goes on since it was asked for once more, if that was in the time *between_ms*."""
    first, end = between_ms
    asked = (at_ms for at_ms in _asked(settings, plan, trial, held) if first <= at_ms < end)
    at_ms = next(asked, None)
    return held if at_ms is None else let_go_on(held, at_ms)


def _asked(settings: Settings, plan: Plan, trial: Trial, rollout: Rollout) -> Iterator[int]:
    """Yield when the step of *rollout* was asked for.

    Raises:
        ChangeError: Somebody has changed what is served.
    """
    step = plan.steps[rollout.step]
    changes, serving = read_changes(settings, trial.model)
    if (serving.champion, serving.challenger) != (trial.champion, trial.challenger):
        raise ChangeError("what is served was changed by hand, and the roll-out is over: see touchline model history")
    valid = [change.record for change in changes if change.void is None and change.record is not None]
    for one in valid:
        if (one.challenger, one.canary_share) == (trial.challenger, step.share):
            yield one.at_ms


class _Windows:
    """Reads the topics, and tells window after window what they hold, as the first who judged it wrote it down."""

    def __init__(self, settings: Settings, trial: Trial, clip: float, stack: ExitStack) -> None:
        self._settings, self._trial = settings, trial
        self._evidence = LiveEvidence(trial.champion, trial.challenger, clip)
        self._log = WindowLog(trial, clip)
        registry = patient_registry(settings)
        said = _each(Codec("prediction", Prediction), registry, self._evidence.take_prediction)
        ended = _each(Codec("match_event", MatchEvent), registry, self._evidence.take_event)
        written = _each(Codec("shadow_comparison", ShadowComparison), registry, self._log.take)
        wanted = (("predictions", said), ("shadow-predictions", said), ("match-events", ended), (WINDOWS, written))
        self._readers = [stack.enter_context(closing(Follower(settings, topic, take))) for topic, take in wanted]
        for reader in self._readers:
            reader.start(trial.since_ms)

    def told(self, window_ms: tuple[int, int], *, write: bool) -> Evidence:
        """Return what is known of a window, from its beginning to its end; *write* it down if nobody has.

        Raises:
            BrokerError: The brokers are away.
            ChangeError: It was judged by another plan.
        """
        for reader in self._readers:
            reader.wait_until_read()
        seen = self._evidence.window(window_ms[1])  # also of a window that is written: what it told is not told again
        if write and self._log.evidence(*window_ms) is None:
            versions = [self._evidence.versions.get(one, "") for one in (self._trial.champion, self._trial.challenger)]
            writer(self._settings)(comparison(self._trial, self._log.clip, window_ms, seen, versions))
            self._readers[-1].wait_until_read()
        return self._log.evidence(*window_ms) or seen.evidence


def _each(
    codec: Codec[Any], registry: PatientRegistry, take: Callable[[Any, int], None]
) -> Callable[[str, Sequence[Any]], None]:
    decode = learning(codec, registry)

    def each(_topic_id: str, records: Sequence[Any]) -> None:
        for record in records:
            try:
                one = decode(record.value() or b"")
            except DecodeError:  # the workers set it aside, and say so
                continue
            take(one, record.timestamp()[1])

    return each
