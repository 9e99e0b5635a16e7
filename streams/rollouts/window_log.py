"""The windows of a roll-out as they were judged: each is written down once, and whoever looks later reads that.

Shadows are kept for days and a roll-out may take months, and two who count at different times may see different
records. So the first who judges a window says in `shadow-comparisons` what it was told; of two the first record counts.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np

from monitors.rollout_evidence import Evidence
from schemas.codec import Codec
from schemas.records import ShadowComparison, Variant
from streams.control.errors import ChangeError
from streams.learning import SchemaBook
from streams.patient_registry import patient_registry
from streams.rollouts.live_evidence import Seen
from streams.rollouts.trials import Trial
from streams.sending import Sender
from streams.settings import Settings

WINDOWS: Final = "shadow-comparisons"


@dataclass(slots=True)
class WindowLog:
    """The windows of one trial, by a plan's clip.

    Attributes:
        trial: Records of others are left out.
        clip: At which a match's difference in log loss is clipped, in nats.
    """

    trial: Trial
    clip: float
    _found: dict[int, ShadowComparison] = field(default_factory=dict)

    def take(self, one: ShadowComparison, _at_ms: int = 0) -> None:
        """Take a record, in the order of the log."""
        trial = self.trial
        its = Trial(one.model, one.champion, one.challenger, one.began_ms)
        if its == trial:
            self._found.setdefault(one.window_end_ms, one)

    @property
    def last(self) -> ShadowComparison | None:
        """The last window that was judged."""
        return self._found[max(self._found)] if self._found else None

    def evidence(self, after_ms: int, until_ms: int) -> Evidence | None:
        """Return what was told of the window which ends at *until_ms*, the next *after_ms*; None before anybody judged.

        Raises:
            ChangeError: It was judged by a plan with other windows or another clip.
        """
        ends = [end for end in list(self._found) if end > after_ms]  # its reader may add one meanwhile
        if not ends:
            return None
        found = self._found[min(ends)]
        if (found.window_end_ms, found.clip) != (until_ms, self.clip):
            raise ChangeError(
                f"a window was judged until {_clock(found.window_end_ms)} with clip {found.clip:g}, but by this plan "
                f"the next ends at {_clock(until_ms)}, with clip {self.clip:g}: name the plan that it was started with"
            )
        return Evidence.from_dict(json.loads(found.evidence))


def _clock(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ms / 1000))


def comparison(
    trial: Trial, clip: float, window_ms: tuple[int, int], seen: Seen, versions: Sequence[str]
) -> ShadowComparison:
    """Return the record of a window that was just judged.

    Args:
        trial: What is tried.
        clip: See `WindowLog`.
        window_ms: Its beginning and its end.
        seen: What was found.
        versions: Of champion and challenger; empty where nothing was said.
    """
    outcomes, gaps = seen.evidence.outcomes, seen.divergences
    return ShadowComparison(
        model=trial.model,
        model_version=versions[0],
        variant=Variant.CHAMPION,
        window_start_ms=window_ms[0],
        window_end_ms=window_ms[1],
        other_model_version=versions[1],
        n=len(gaps),
        mean_divergence=float(np.mean(gaps)) if len(gaps) else 0.0,
        max_divergence=float(np.max(gaps, initial=0.0)),
        log_loss_difference=outcomes.mean if outcomes.matches else None,
        champion=trial.champion,
        challenger=trial.challenger,
        began_ms=trial.since_ms,
        clip=clip,
        evidence=json.dumps(seen.evidence.to_dict(), separators=(",", ":")).encode(),
        open_since_ms=max(0, seen.open_since_ms),
    )


def writer(settings: Settings) -> Callable[[ShadowComparison], None]:
    """Return what writes a record, and returns once it is on the brokers, which may raise BrokerError."""

    @cache
    def codec() -> Codec[ShadowComparison]:
        book = SchemaBook(patient_registry(settings))
        found = book.codec("shadow_comparison", ShadowComparison)
        book.write(found, f"{settings.topic(WINDOWS)}-value")
        return found

    def write(one: ShadowComparison) -> None:
        sender = Sender(settings, settings.topic(WINDOWS))
        sender.send(one.model.encode(), codec().encode(one))
        sender.finish()

    return write
