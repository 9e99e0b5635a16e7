"""Charts of a report, as SVG which stands inside of a page."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from models.reliability import Bin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE: Final = (4.4, 3.0)  # inches; at 96 pixels an inch as wide as a small screen
COLOURS: Final = ("#2563eb", "#6b7280", "#ea580c", "#0d9488", "#a21caf", "#ca8a04")
MARKERS: Final = ("o", "s", "^")
TICKS: Final = 5
_STYLE: Final[Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9.0,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3, "legend.frameon": False,
}  # fmt: skip


def reliability_chart(bins: Mapping[str, Sequence[Bin]]) -> str:
    """Return a reliability diagram: how often what was forecast came true, by class, with 95 % intervals."""
    figure, axes = _axes(4.0)
    axes.plot([0, 1], [0, 1], color="#9ca3af", linewidth=1, linestyle="--", label="as it should be")
    for (name, points), colour, marker in zip(bins.items(), COLOURS, MARKERS, strict=False):
        spread = [[one.frequency - one.low for one in points], [one.high - one.frequency for one in points]]
        axes.errorbar(
            [one.forecast for one in points], [one.frequency for one in points], spread, color=colour, marker=marker,
            markersize=4, linewidth=1, capsize=2, label=name,
        )  # fmt: skip
    axes.set(xlabel="forecast probability", ylabel="how often it came true", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=8, loc="upper left")
    return _svg(figure, "Reliability diagram: forecast probability against frequency, for each result")


def lines_chart(x: Sequence[object], lines: Mapping[str, Sequence[float]], xlabel: str, title: str) -> str:
    """Return a chart of log losses over *x*."""
    figure, axes = _axes()
    labels = [str(one) for one in x]
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        axes.plot(range(len(labels)), values, color=colour, marker="o", markersize=3, linewidth=1.5, label=name)
    places = range(0, len(labels), max(1, round(len(labels) / TICKS)))
    axes.set_xticks(list(places), [labels[place] for place in places])
    axes.set(xlabel=xlabel, ylabel="log loss, nats")
    axes.legend(fontsize=8)
    return _svg(figure, title)


def bars_chart(shares: Mapping[str, float], title: str, xlabel: str = "share of the gain") -> str:
    """Return horizontal bars, the largest on top."""
    figure, axes = _axes(0.6 + 0.2 * len(shares))
    ranked = sorted(shares.items(), key=lambda one: one[1])
    axes.barh([name for name, _ in ranked], [share for _, share in ranked], color=COLOURS[0])
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel=xlabel)
    return _svg(figure, title)


def _axes(height: float = SIZE[1]) -> "tuple[Figure, Axes]":
    from matplotlib import rcParams  # noqa: PLC0415 - comes with the extra `report` only
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    rcParams.update(_STYLE)
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: "Figure", title: str) -> str:
    """Return *figure* as an element which scales with its page and says what it shows."""
    from matplotlib import rc_context  # noqa: PLC0415 - as above

    out = io.StringIO()
    with rc_context({"svg.hashsalt": title}):  # names inside of one picture must not be those of another
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    element = re.sub(r' (?:width|height)="[^"]*pt"', "", element, count=2)
    element = re.sub(r' id="[\w.]+_\d+"', "", element)
    return element.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
