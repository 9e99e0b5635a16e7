"""Latency as a person sees it: one table a model, a row a stage."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.records import LatencyReport, StageLatency
from streams.commands.letter_views import printable
from streams.commands.reports import title
from streams.live_view import sparkline
from streams.monitoring.parts import ModelKey

_QUANTILES = ("p50", "p90", "p95", "p99", "p999")
_LINES = ("p50", "p99")
_FIGURES_WIDTH = 58  # of all columns but the sparklines, with their gaps
_SHORTEST_LINE = 5
_SECOND = 1.0


def latency_picture(models: Mapping[ModelKey, Sequence[LatencyReport]], width: int) -> RenderableType:
    """Return what is to be printed in *width* columns; each model has a report."""
    return Group(*(part for model, reports in models.items() for part in _model(model, reports, width)))


def _model(model: ModelKey, reports: Sequence[LatencyReport], width: int) -> Iterator[RenderableType]:
    newest = reports[-1]
    yield title(model, newest)
    room = max(_SHORTEST_LINE, (width - _FIGURES_WIDTH) // len(_LINES) - 1)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("stage", no_wrap=True)
    for name in ("n", *(_name(one) for one in _QUANTILES)):
        table.add_column(name, justify="right", no_wrap=True)
    for name in _LINES:
        table.add_column(f"{name} trend"[: max(room, 5)], no_wrap=True)
    for one in newest.stages:
        lines = (_line(one.stage, name, reports[-room:]) for name in _LINES)
        table.add_row(
            printable(one.stage), f"{one.count:,}", *(_time(getattr(one, name)) for name in _QUANTILES), *lines
        )
    yield table
    behind = sum(one.clock_behind for one in newest.stages)
    if behind:
        yield Text(f"{behind:,} differences were negative and left out: the clock of a machine is behind.", "yellow")
    yield Text()


def _line(stage: str, quantile: str, reports: Sequence[LatencyReport]) -> str:
    values = [_value(next((one for one in each.stages if one.stage == stage), None), quantile) for each in reports]
    return sparkline(values, max([one for one in values if one is not None], default=0.0))


def _value(stage: StageLatency | None, quantile: str) -> float | None:
    found: float | None = getattr(stage, quantile, None)
    return found


def _name(quantile: str) -> str:
    return "p99.9" if quantile == "p999" else quantile


def _time(seconds: float | None) -> str:
    """Return a duration in seven columns.

    >>> _time(0.0123), _time(75.2), _time(None)
    ('12.3 ms', '75.2 s', '-')
    """
    if seconds is None:
        return "-"
    if seconds < _SECOND:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.1 * _SECOND else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 1000 * _SECOND else f"{seconds / 3600:.1f} h"
