"""Pictures of what the benchmark measured; here because Matplotlib is in the peers' environment, and not in ours."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

mpl.use("Agg")
US = "touchline"
Rows = list[dict[str, Any]]


def full_job(axes: Axes, rows: Rows) -> None:
    """Draw events a second and their cost, best first."""
    rows = sorted(rows, key=lambda row: row["events_per_second"])
    colours = ["tab:green" if row["system"].startswith(US) else "tab:gray" for row in rows]
    bars = axes.barh([row["system"] for row in rows], [row["events_per_second"] for row in rows], color=colours)
    axes.bar_label(bars, [f" {row['events_per_second']:,.0f}/s, {row['cpu_us_per_event']:,.0f} us CPU" for row in rows])
    axes.set(xscale="log", xlabel="events a second, one worker")
    axes.margins(x=0.4)


def latency(axes: Axes, rows: Rows) -> None:
    """Draw the 99th percentiles by rate."""
    for name in dict.fromkeys(row["system"] for row in rows):
        known = [row for row in rows if row["system"] == name and not row["falls_behind"]]
        axes.plot([row["rate"] for row in known], [row["p99_ms"] for row in known], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="events a second", ylabel="p99, ms")
    axes.legend(fontsize="small")


def cost(axes: Axes, rows: Rows, over: str) -> None:
    """Draw the cost of an event over *over*."""
    costs = [row["cpu_us_per_event"] for row in rows]
    axes.plot([row[over] for row in rows], costs, marker="o")
    axes.set(
        xlabel=over, ylabel="CPU us/event", ylim=(0, 1.2 * max(costs)), xscale="log" if over == "matches" else "linear"
    )


def start(axes: Axes, rows: Rows) -> None:
    """Draw memory and the time of a start over live matches."""
    matches = [row["matches"] for row in rows]
    axes.plot(matches, [row["memory_mb"] for row in rows], marker="o", color="tab:blue")
    axes.set(xlabel="matches", xscale="log", ylim=(0, None))
    axes.set_ylabel("memory, MB", color="tab:blue")
    other = axes.twinx()
    other.plot(matches, [row["start_seconds"] for row in rows], marker="s", color="tab:orange")
    other.set_ylim(0, None)
    other.set_ylabel("start to first prediction, s", color="tab:orange")


def features(axes: Axes, rows: Rows) -> None:
    """Draw the cost of scoring a row over features, in the largest batches."""
    size = max(row["rows"] for row in rows)
    for name in dict.fromkeys(row["runtime"] for row in rows):
        known = [row for row in rows if row["runtime"] == name and row["rows"] == size]
        axes.plot([row["features"] for row in known], [row["us_per_row"] for row in known], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="features", ylabel=f"us/row, {size:,} rows")
    axes.legend(fontsize="small")


def growth(figure: Figure, found: dict[str, Rows]) -> None:
    """Draw how costs grow."""
    panels = iter(figure.subplots(2, 2).flat)
    for name, over in (("live_matches", "matches"), ("workers", "workers")):
        if found.get(name):
            cost(next(panels), found[name], over)
    if found.get("live_matches"):
        start(next(panels), found["live_matches"])
    if found.get("features"):
        features(next(panels), found["features"])


def soak(figure: Figure, seen: Rows, changes: Rows) -> None:
    """Draw memory, latency and lag over time; a worker comes or goes at each grey line."""
    began = seen[0]["at"]
    minutes = [(one["at"] - began) / 60 for one in seen]
    memory, latency, lag = figure.subplots(3, 1, sharex=True)
    for name in seen[0]["processes"]:
        memory.plot(minutes, [one["processes"][name]["memory_mb"] for one in seen], label=name)
    memory.set(ylabel="memory, MB", ylim=(0, None))
    memory.legend(fontsize="small", ncols=5, loc="upper left")
    for name in ("p50_ms", "p99_ms"):
        latency.plot(minutes, [one[name] for one in seen], label=name.removesuffix("_ms"))
    latency.set(ylabel="latency, ms", yscale="log")
    latency.legend(fontsize="small")
    lag.plot(minutes, [one["lag_records"] for one in seen])
    lag.set(ylabel="events not committed", xlabel="minutes", ylim=(0, None))
    for axes in (latency, lag):
        for one in changes:
            axes.axvline((one["at"] - began) / 60, color="lightgray", zorder=0)


def main() -> None:
    """Draw what is in the JSON of the first argument, into the folder of the second."""
    results, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in {"full_job": full_job, "latency": latency}.items():
        if results.get(name):
            figure = Figure((9, 4.5), layout="constrained")
            draw(figure.subplots(), results[name])
            figure.savefig(folder / f"{name}.png", dpi=110)
    if results.get("growth"):
        figure = Figure((9, 7), layout="constrained")
        growth(figure, results["growth"])
        figure.savefig(folder / "growth.png", dpi=110)
    if results.get("soak"):
        figure = Figure((9, 8), layout="constrained")
        soak(figure, results["soak"], results["changes"])
        figure.savefig(folder / "soak.png", dpi=110)


if __name__ == "__main__":
    main()
