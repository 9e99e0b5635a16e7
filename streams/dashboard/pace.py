"""How many records come, and how far the groups are behind: samples of the last hour, and the newest in full."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka.admin import AdminClient

from streams.admin import Admin
from streams.brokers import PATIENCE_SECONDS, one_sentence, quiet
from streams.dashboard.parts import Shown, encoded
from streams.lag import PartitionLag, total_behind
from streams.log_ends import log_ends
from streams.settings import Settings

COUNTED: Final = ("match-events", "feature-events", "predictions", "dead-letters")
MINUTES: Final = 60
_MINUTE_MS: Final = 60_000
_GAP_SECONDS: Final = 30.0  # over a longer one no rate is told


class Ends:
    """Asks how long the topics of COUNTED are; owns librdkafka clients."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin, self._client = Admin(settings), AdminClient(quiet(settings))

    def __call__(self) -> dict[str, int]:
        """Return the sum of the ends of the partitions of each topic that is there, without prefix.

        Raises:
            BrokerError: The brokers are away.
        """
        names = {self._settings.topic(name): name for name in COUNTED}
        counts = self._admin.partition_counts(names)
        places = [(name, one) for name, partitions in counts.items() for one in range(partitions)]
        with one_sentence(self._settings, "asking for the ends of topics"):
            found = log_ends(self._client, places, PATIENCE_SECONDS)
        ends = dict.fromkeys((names[name] for name in counts), 0)
        for (name, _), (_, high) in found.items():
            ends[names[name]] += high
        return ends


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one moment.

    Attributes:
        per_second: Records that came to each topic, a second, since the sample before; None when not known.
        lag_seconds: Of each group the most of its partitions; None when not known.
    """

    at_ms: int
    per_second: Mapping[str, float | None]
    lag_seconds: Mapping[str, float | None]


class Pace:
    """Owned by the event loop.

    Args:
        groups: Whose lag is measured.
    """

    def __init__(self, groups: Sequence[str]) -> None:
        self._groups = groups
        self._ends: tuple[int, Mapping[str, int]] | None = None
        self._lags: dict[str, tuple[int, Sequence[PartitionLag]]] = {}
        self._told: dict[str, bytes] = {}
        self._minutes: dict[int, list[Sample]] = {}
        self._made: dict[str, bytes] = {}

    def lagging(self, group: str, lags: Sequence[PartitionLag], at_ms: int) -> None:
        """Take a measure of one group."""
        self._lags[group] = (at_ms, lags)
        told = {"at_ms": at_ms, "records_behind": total_behind(lags), "partitions": lags}
        self._told[f"lag:{group}"] = encoded(told)

    def counted(self, ends: Mapping[str, int] | None, at_ms: int) -> None:
        """Take the ends of the topics, None when the brokers do not answer, and make a sample."""
        sample = Sample(at_ms, self._rates(ends, at_ms), {group: self._worst(group, at_ms) for group in self._groups})
        self._ends = None if ends is None else (at_ms, ends)
        minute = at_ms // _MINUTE_MS
        self._minutes.setdefault(minute, []).append(sample)
        self._minutes = {one: found for one, found in self._minutes.items() if one > minute - MINUTES}
        made = {f"pace:{one}": self._made.get(f"pace:{one}", b"") for one in self._minutes}
        self._made = {**made, f"pace:{minute}": encoded(_columns(self._minutes[minute]))}

    def _rates(self, ends: Mapping[str, int] | None, at_ms: int) -> dict[str, float | None]:
        if ends is None or self._ends is None:
            return dict.fromkeys(COUNTED)
        before_ms, before = self._ends
        seconds = (at_ms - before_ms) / 1000
        return {
            topic: (ends[topic] - before[topic]) / seconds
            if topic in ends and topic in before and ends[topic] >= before[topic] and 0 < seconds <= _GAP_SECONDS
            else None
            for topic in COUNTED
        }

    def _worst(self, group: str, at_ms: int) -> float | None:
        measured_ms, lags = self._lags.get(group, (0, ()))
        seconds = [one.seconds_behind for one in lags]
        if not seconds or any(map(math.isnan, seconds)) or at_ms - measured_ms > _GAP_SECONDS * 1000:
            return None
        return max(seconds)

    def shown(self) -> Shown:
        """Return a part a minute of samples, and one a group with the lag of each partition."""
        return {**self._made, **self._told}


def _columns(samples: Sequence[Sample]) -> dict[str, object]:
    """Return the samples column by column, rounded to what can be seen."""
    groups = samples[-1].lag_seconds
    return {
        "at_ms": [one.at_ms for one in samples],
        "per_second": {name: [_rounded(one.per_second[name]) for one in samples] for name in COUNTED},
        "lag_seconds": {name: [_rounded(one.lag_seconds.get(name)) for one in samples] for name in groups},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
