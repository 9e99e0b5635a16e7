"""From a window's counts to a verdict on each feature, and from verdicts to an alarm."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from monitors.psi import matches_needed, psi, psi_null_mean, psi_p_value, used_bins
from monitors.two_sample import benjamini_hochberg, chi_square, kolmogorov_smirnov

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitors.drift import DriftCounts
    from monitors.histograms import Histogram
    from monitors.reference import ReferenceHistograms

Verdict = Literal["OK", "DRIFT", "TOO_FEW"]


@dataclass(frozen=True, slots=True)
class DriftThresholds:
    """When a window's feature has drifted, and when that is worth an alarm.

    Attributes:
        psi: The PSI must be above it...
        false_discovery_rate: ...and its p-value significant at this level over all features of the window...
        windows: ...in this many...
        of_last: ...of the last windows with a verdict.
    """

    psi: float = 0.1
    false_discovery_rate: float = 0.05
    windows: int = 2
    of_last: int = 3

    def __post_init__(self) -> None:
        """Refuse thresholds that could never, or would always, raise an alarm."""
        if not self.psi > 0:
            raise ValueError(f"the PSI threshold must be above 0, not {self.psi}")
        if not 0 < self.false_discovery_rate < 1:
            raise ValueError(f"a false discovery rate is between 0 and 1, not {self.false_discovery_rate}")
        if not 1 <= self.windows <= self.of_last:
            raise ValueError(f"an alarm in {self.windows} of the last {self.of_last} windows is impossible")


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature, or the probability of one class, in one window; figures are None with too few matches.

    Attributes:
        feature: Name of the column.
        n: Matches in the window.
        bins: Bins used by the window or the reference: one more than the degrees of freedom.
        psi: Population stability index; null_mean and p_value say what chance alone makes of it.
        ks: Largest difference of the distribution functions; None for a category.
        chi2: Statistic of homogeneity.
        null_rate: Share of missing values over all predictions, not only those drawn.
        verdict: What follows for this window.
    """

    feature: str
    n: int
    bins: int
    psi: float | None
    null_mean: float | None
    p_value: float | None
    ks: float | None
    ks_p_value: float | None
    chi2: float | None
    chi2_p_value: float | None
    null_rate: float
    verdict: Verdict


def window_drift(
    found: DriftCounts, reference: ReferenceHistograms, thresholds: DriftThresholds | None = None
) -> list[FeatureDrift]:
    """Return the verdict on each column of a window, in the reference's order.

    ValueError when the counts are not over the reference's bins.
    """
    sizes = tuple(map(len, found.counts))
    if sizes != reference.sizes:
        raise ValueError(f"counts over {sizes} bins for a reference of {reference.sizes}")
    limits = thresholds or DriftThresholds()
    columns = zip(reference.names, reference.histograms, found.counts, found.null_rates, strict=True)
    figures = [_figures(name, histogram, counts, null_rate) for name, histogram, counts, null_rate in columns]
    return _judged(figures, limits)


class DriftAlarm:
    """Which features drifted in enough of their last windows; state of one model.

    A window with too few matches tells nothing and takes no place among the last ones.
    """

    def __init__(self, thresholds: DriftThresholds | None = None) -> None:
        self._thresholds = thresholds or DriftThresholds()
        self._drifted: dict[str, deque[bool]] = {}

    @property
    def alarmed(self) -> list[str]:
        """Names of the features in alarm, sorted."""
        return sorted(name for name, drifted in self._drifted.items() if sum(drifted) >= self._thresholds.windows)

    def update(self, window: Sequence[FeatureDrift]) -> list[str]:
        """Take the verdicts of the next window, in the order of time; return `alarmed`."""
        for feature in window:
            if feature.verdict != "TOO_FEW":
                recent = self._drifted.setdefault(feature.feature, deque(maxlen=self._thresholds.of_last))
                recent.append(feature.verdict == "DRIFT")
        return self.alarmed

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {name: list(drifted) for name, drifted in self._drifted.items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Sequence[bool]], thresholds: DriftThresholds | None = None) -> DriftAlarm:
        """Return the alarm that `to_dict` wrote."""
        alarm = cls(thresholds)
        alarm._drifted = {name: deque(drifted, maxlen=alarm._thresholds.of_last) for name, drifted in fields.items()}
        return alarm


def _figures(name: str, reference: Histogram, counts: Sequence[int], null_rate: float) -> FeatureDrift:
    n = sum(counts)
    if n < matches_needed(reference.counts) or reference.n == 0:
        in_use = sum(count > 0 for count in reference.counts)
        return FeatureDrift(name, n, in_use, None, None, None, None, None, None, None, null_rate, "TOO_FEW")
    bins = used_bins(counts, reference.counts)[0].size
    value = psi(counts, reference.counts)
    # The last bin is for missing values, which have no place in an order.
    ks = kolmogorov_smirnov(counts[:-1], reference.counts[:-1]) if reference.bins.ordered else None
    chi2 = chi_square(counts, reference.counts)
    return FeatureDrift(
        feature=name,
        n=n,
        bins=bins,
        psi=value,
        null_mean=psi_null_mean(n, reference.n, bins),
        p_value=psi_p_value(value, n, reference.n, bins),
        ks=ks.statistic if ks else None,
        ks_p_value=ks.p_value if ks else None,
        chi2=chi2.statistic,
        chi2_p_value=chi2.p_value,
        null_rate=null_rate,
        verdict="OK",
    )


def _judged(figures: Sequence[FeatureDrift], limits: DriftThresholds) -> list[FeatureDrift]:
    p_values = {figure.feature: figure.p_value for figure in figures if figure.p_value is not None}
    found = benjamini_hochberg(list(p_values.values()), limits.false_discovery_rate)
    significant = {name for name, passed in zip(p_values, found.tolist(), strict=True) if passed}
    return [
        replace(figure, verdict="DRIFT")
        if figure.feature in significant and figure.psi is not None and figure.psi > limits.psi
        else figure
        for figure in figures
    ]
