"""How often the drift alarms are right: false alarms without drift, and how soon a planted one is found.

The code that is judged is that of the monitors, from the drawn row of a match to the alarm; only the streams are made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from monitors.drift import DriftWindow
from monitors.made_streams import PLANTED, MadeStream
from monitors.verdicts import DriftAlarm, DriftThresholds, window_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from monitors.made_streams import Batch, Planted
    from monitors.reference import ReferenceHistograms
    from monitors.verdicts import FeatureDrift

Unit = Literal["match", "row"]

WITHIN = 2  # windows in which a planted drift has to be alarmed
OUTLIER_WINDOWS = 3  # one after the other, each with an outlier: as many as the alarm remembers
_PATIENCE = 5  # windows after which a planted drift counts as never found
_SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """One size of stream that is tried.

    Attributes:
        n: Matches a window.
        rows_a_match: Predictions of each match in a window, which resemble each other.
        unit: What is counted once: a match, as the monitors do, or, to show why not, each of its rows.
        runs: Streams, each with training data of its own.
        windows: Of each stream without drift.
        features: Columns of each stream.
    """

    n: int
    rows_a_match: int = 1
    unit: Unit = "match"
    runs: int = 5
    windows: int = 12
    features: int = 16

    @property
    def rows(self) -> int:
        """Predictions that are made, if every planted drift is found in time."""
        windows = self.windows + WITHIN * len(PLANTED) + OUTLIER_WINDOWS
        return self.runs * self.n * self.rows_a_match * windows


@dataclass(frozen=True, slots=True)
class Characteristics:
    """How often the alarms of a trial were right; a share is None when there was nothing to judge.

    Attributes:
        feature_windows: Features of windows that had a verdict while nothing was planted in them.
        false_alarms: Those of them in alarm.
        outlier_alarms: Those in alarm after windows with one outlier; they are among the false ones.
        significant: Share of them with a p-value of the PSI below 0.05: that share, if the p-values are right.
        found_after: By what was planted, for each stream the windows up to the alarm; None if it never came.
    """

    trial: Trial
    feature_windows: int
    false_alarms: int
    outlier_alarms: int
    significant: float | None
    found_after: Mapping[Planted, Sequence[int | None]]

    @property
    def detected(self) -> dict[Planted, float]:
        """By what was planted, the share of streams that were alarmed within two windows."""
        return {planted: _in_time(found) for planted, found in self.found_after.items()}

    @property
    def windows_to_detection(self) -> dict[Planted, float | None]:
        """By what was planted, windows up to the alarm, a mean over the streams that had one; None without any."""
        return {planted: _mean(found) for planted, found in self.found_after.items()}

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of false alarms."""
        return _share(self.false_alarms, self.feature_windows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        trial = self.trial
        return {
            "n": trial.n,
            "rows_a_match": trial.rows_a_match,
            "unit": trial.unit,
            "runs": trial.runs,
            "windows": trial.runs * (trial.windows + OUTLIER_WINDOWS),
            "features": trial.features,
            "feature_windows": self.feature_windows,
            "false_alarms": self.false_alarms,
            "false_alarm_rate": self.false_alarm_rate,
            "outlier_alarms": self.outlier_alarms,
            "p_below_5_percent": self.significant,
            "detected": self.detected,
            "windows_to_detection": self.windows_to_detection,
        }


def overall(found: Sequence[Characteristics]) -> dict[str, Any]:
    """Return the figures of all trials together, for JSON."""
    after = {planted: [each for one in found for each in one.found_after[planted]] for planted in PLANTED}
    return {
        "false_alarm_rate": _share(sum(one.false_alarms for one in found), sum(one.feature_windows for one in found)),
        "outlier_alarms": sum(one.outlier_alarms for one in found),
        "detected": {planted: _in_time(each) for planted, each in after.items()},
        "windows_to_detection": {planted: _mean(each) for planted, each in after.items()},
    }


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    found_after: dict[Planted, list[int | None]] = field(default_factory=lambda: {planted: [] for planted in PLANTED})

    def take(self, verdicts: Iterable[FeatureDrift], alarmed: Iterable[str], *, planted: str = "") -> None:
        """Count the features of a window in which nothing was planted."""
        judged = [one for one in verdicts if one.p_value is not None and one.feature != planted]
        self.counts["judged"] += len(judged)
        self.counts["alarms"] += len({one.feature for one in judged} & set(alarmed))
        self.counts["significant"] += sum(one.p_value < _SIGNIFICANT for one in judged if one.p_value is not None)


@dataclass(frozen=True, slots=True)
class _Run:
    stream: MadeStream
    reference: ReferenceHistograms
    trial: Trial
    thresholds: DriftThresholds
    tally: _Tally
    counted: Callable[[int], None]

    def quiet(self) -> DriftAlarm:
        """Return the alarm after all windows without drift."""
        alarm = DriftAlarm(self.thresholds)
        for _ in range(self.trial.windows):
            self._next(alarm, self.stream.window(self.trial.n))
        return alarm

    def planted(self, planted: Planted, column: int, alarm: DriftAlarm) -> int | None:
        """Return in which window the alarm for *planted* came; None for never."""
        name = self.stream.names[column]
        for number in range(1, _PATIENCE + 1):
            if name in self._next(alarm, self.stream.window(self.trial.n, planted, column), name):
                return number
        return None

    def outliers(self, alarm: DriftAlarm) -> None:
        """Count the alarms of windows with one outlier each."""
        before = self.tally.counts["alarms"]
        for _ in range(OUTLIER_WINDOWS):
            self._next(alarm, self.stream.window(self.trial.n, outlier=True))
        self.tally.counts["outlier_alarms"] += self.tally.counts["alarms"] - before

    def _next(self, alarm: DriftAlarm, batch: Batch, planted: str = "") -> list[str]:
        window = DriftWindow(self.reference)
        units = batch.match_ids if self.trial.unit == "match" else batch.row_ids
        window.add_many(units, batch.row_ids, batch.matrix)
        verdicts = window_drift(window.counts(), self.reference, self.thresholds)
        alarmed = alarm.update(verdicts)
        self.tally.take(verdicts, alarmed, planted=planted)
        self.counted(len(batch.row_ids))
        return alarmed


def characteristics(
    trial: Trial, seed: int, thresholds: DriftThresholds, counted: Callable[[int], None] = lambda _rows: None
) -> Characteristics:
    """Return how often the alarms are right over the streams of *trial*.

    Each planted drift, and the outlier, begins after the same windows without drift.

    Args:
        trial: What is tried; ValueError when its streams have too few features.
        seed: Equal seeds make equal streams.
        thresholds: Of verdict and alarm.
        counted: Told how many predictions a window had, after each.
    """
    tally = _Tally()
    for number in range(trial.runs):
        chance = np.random.default_rng([seed, trial.n, trial.rows_a_match, number])
        stream = MadeStream(trial.features, trial.rows_a_match, chance)
        run = _Run(stream, stream.reference(), trial, thresholds, tally, counted)
        before = run.quiet().to_dict()
        for planted in PLANTED:
            column = stream.column_of(planted, number)
            found = run.planted(planted, column, DriftAlarm.from_dict(before, thresholds))
            tally.found_after[planted].append(found)
        run.outliers(DriftAlarm.from_dict(before, thresholds))
    counts = tally.counts
    return Characteristics(
        trial,
        counts["judged"],
        counts["alarms"],
        counts["outlier_alarms"],
        _share(counts["significant"], counts["judged"]),
        tally.found_after,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _in_time(found: Sequence[int | None]) -> float:
    return sum(one is not None and one <= WITHIN for one in found) / len(found)


def _mean(found: Sequence[int | None]) -> float | None:
    windows = [one for one in found if one is not None]
    return sum(windows) / len(windows) if windows else None
