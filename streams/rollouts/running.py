"""A roll-out of the running stream: windows are judged one after the other, and what is served follows.

Nothing is kept but what the topics hold: who starts it again judges each window by what the first who judged it wrote
down, reads from the matches on that go on after the last of them, and asks only for what is not served yet.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from monitors.rollout import Judgement, Rollout
from monitors.rollout_plan import Plan
from streams.control.asking import read_changes
from streams.rollouts.live_gate import Ask, LiveGate
from streams.rollouts.trials import Trial
from streams.settings import Settings

_LOOK_SECONDS = 0.1


def judgements(
    settings: Settings, plan: Plan, trial: Trial, now_ms: Callable[[], float], ask: Ask | None
) -> Iterator[tuple[Rollout, Judgement]]:
    """Give the roll-out after each window and why, up to its end.

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
    with closing(LiveGate(settings, plan, trial, lambda: read_changes(settings, trial.model))) as gate:
        gate.start()
        while True:
            yield from gate.look(now_ms, ask)
            if ask is None or gate.ended:
                return
            time.sleep(_LOOK_SECONDS)
