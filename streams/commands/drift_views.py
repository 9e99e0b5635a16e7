"""Drift as a person sees it: one table a model, the worst features first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.records import DriftReport, DriftVerdict, FeatureDrift
from streams.commands.letter_views import printable
from streams.commands.reports import title
from streams.live_view import sparkline
from streams.monitoring.parts import ModelKey

_FIGURES_WIDTH = 54  # of all columns but name and sparkline, with their gaps
_SHORTEST_NAME, _LONGEST_NAME, _SHORTEST_LINE = 12, 28, 5
_COLOURS = {DriftVerdict.OK: "green", DriftVerdict.DRIFT: "red", DriftVerdict.TOO_FEW: "dim"}


@dataclass(frozen=True, slots=True)
class DriftPicture:
    """Draws reports of drift.

    Attributes:
        everything: Also quiet features.
        threshold: PSI which is half the height of a sparkline, at least.
    """

    everything: bool
    threshold: float

    def __call__(self, models: Mapping[ModelKey, Sequence[DriftReport]], width: int) -> RenderableType:
        """Return what is to be printed in *width* columns; each model has a report."""
        loud_first = sorted(models.items(), key=lambda one: not one[1][-1].alarms)
        return Group(*(part for model, reports in loud_first for part in self._model(model, reports, width)))

    def _model(self, model: ModelKey, reports: Sequence[DriftReport], width: int) -> Iterator[RenderableType]:
        newest = reports[-1]
        yield title(model, newest)
        yield Text(f"{newest.n_matches:,} matches, {newest.n_predictions:,} predictions, {newest.late:,} late so far")
        if newest.refused:
            causes = sorted(newest.refused.items(), key=lambda one: (-one[1], one[0]))
            told = ", ".join(f"{printable(cause)} {count:,}" for cause, count in causes)
            yield Text(f"{sum(newest.refused.values()):,} records set aside so far: {told}", "yellow")
        ranked = worst_first(newest)
        shown = ranked if self.everything else [one for one in ranked if _is_loud(one, newest.alarms)]
        if shown:
            yield self._table(shown, reports, width)
        yield from _rest([one for one in ranked if one not in shown])
        yield Text()

    def _table(self, shown: Sequence[FeatureDrift], reports: Sequence[DriftReport], width: int) -> Table:
        names = {one.feature: printable(one.feature) for one in shown}
        longest = max(_SHORTEST_NAME, min(_LONGEST_NAME, max(map(len, names.values()))))
        name_width = max(_SHORTEST_NAME, min(longest, width - _FIGURES_WIDTH - _SHORTEST_LINE))
        room = max(_SHORTEST_LINE, width - _FIGURES_WIDTH - name_width)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("feature", width=name_width, no_wrap=True, overflow="ellipsis")
        for name in ("PSI", "null mean", "p", "n", "nulls"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        table.add_column("alarm", no_wrap=True)
        table.add_column("trend", no_wrap=True)
        for one in shown:
            line = self._line(one.feature, reports[-room:])
            alarm = Text("ALARM", "bold red") if one.feature in reports[-1].alarms else Text("")
            verdict = Text(one.verdict.value.lower().replace("_", " "), _COLOURS[one.verdict])
            figures = (
                _figure(one.psi),
                _figure(one.null_mean),
                _chance(one.p_value),
                f"{one.n:,}",
                f"{one.null_rate:.1%}",
            )
            table.add_row(Text(names[one.feature]), *figures, verdict, alarm, line)
        return table

    def _line(self, feature: str, reports: Sequence[DriftReport]) -> str:
        values = [next((one.psi for one in each.features if one.feature == feature), None) for each in reports]
        return sparkline(values, max(2 * self.threshold, *(one or 0.0 for one in values)))


def worst_first(report: DriftReport) -> list[FeatureDrift]:
    """Return the features: those in alarm, then those that drifted, each by their PSI."""
    alarms = set(report.alarms)
    return sorted(
        report.features,
        key=lambda one: (
            one.feature in alarms,
            one.verdict is DriftVerdict.DRIFT,
            -1.0 if one.psi is None else one.psi,
        ),
        reverse=True,
    )


def _is_loud(one: FeatureDrift, alarms: Sequence[str]) -> bool:
    return one.verdict is DriftVerdict.DRIFT or one.feature in alarms


def _rest(hidden: Sequence[FeatureDrift]) -> Iterator[Text]:
    quiet = [one for one in hidden if one.psi is not None]
    few = [one for one in hidden if one.psi is None]
    if quiet:
        worst = f"the highest PSI is {_figure(quiet[0].psi)} ({printable(quiet[0].feature)})"
        yield Text(f"{_features(quiet)} without drift; {worst}. --all shows them.", "green")
    if few:
        need = f"{few[0].n:,} matches are too few for a verdict: it needs 500, or 50 a bin"
        yield Text(f"{_features(few)} without a verdict; {need}. --all shows them.", "yellow")


def _features(found: Sequence[FeatureDrift]) -> str:
    return f"{len(found)} feature{'s' if len(found) > 1 else ''}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _chance(value: float | None) -> str:
    if value is None:
        return "-"
    return "<1e-99" if value < 1e-99 else f"{value:.0e}" if value < 1e-3 else f"{value:.3f}"  # noqa: PLR2004 - widths
