"""The results as tables: for a terminal, and in Markdown for docs/benchmarks.md."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

US: Final = "touchline"
BEGIN: Final = "<!-- figures -->"
END: Final = "<!-- end of figures -->"
Row = Sequence[str]
Rows = Sequence[Mapping[str, Any]]


def full_job(rows: Rows) -> Iterator[Row]:
    """Yield a heading, and a line a system: its rate, its cost, and how many times less than Touchline's that is."""
    yield ("system", "scorer", "events/s", "lowest - highest", "CPU us/event", "Touchline is")
    ours = next((row["events_per_second"] for row in rows if row["system"] == US), None)
    for row in rows:
        rates = [run["events_per_second"] for run in row["runs"]]
        rate = row["events_per_second"]
        ratio = "" if ours is None or row["system"] == US else f"{ours / rate:.3g}x"
        spread = f"{min(rates):,.0f} - {max(rates):,.0f}"
        cost = f"{row['cpu_us_per_event']:,.1f}"
        yield (row["system"], row["scorer"], f"{rate:,.0f}", spread, cost, ratio)


def latency(rows: Rows) -> Iterator[Row]:
    """Yield a heading, and a line a system: p50 / p99 at each rate."""
    rates = sorted({row["rate"] for row in rows})
    yield ("p50 / p99 / p99.9 ms", *(f"{rate:,.0f}/s" for rate in rates))
    for name in dict.fromkeys(row["system"] for row in rows):
        known = {row["rate"]: row for row in rows if row["system"] == name}
        yield (name, *(percentiles(known.get(rate)) for rate in rates))


def percentiles(row: Mapping[str, Any] | None) -> str:
    """Return what stands in one field."""
    if row is None:
        return ""
    if row["falls_behind"]:
        return "falls behind"
    return " / ".join(f"{row[name]:,.1f}" for name in ("p50_ms", "p99_ms", "p99_9_ms"))


def scoring(rows: Rows) -> Iterator[Row]:
    """Yield a heading, and a line a runtime: microseconds a row by rows of a call."""
    sizes = sorted({row["rows"] for row in rows})
    yield ("us/row, by rows of a call", *map(str, sizes), "largest difference")
    for name in dict.fromkeys(row["runtime"] for row in rows):
        known = {row["rows"]: row for row in rows if row["runtime"] == name}
        worst = max(row["max_difference"] for row in known.values())
        yield (name, *(f"{known[size]['us_per_row']:,.1f}" for size in sizes), f"{worst:.1e}")


def growth(found: Mapping[str, Rows]) -> Iterator[Row]:
    """Yield a heading, and a line a measurement of how costs grow."""
    yield ("growth", "events/s", "CPU us/event", "memory MB", "second start s")
    for name in ("live_matches", "workers"):
        for row in found.get(name, ()):
            what = f"{name.replace('_', ' ')}: {row.get('matches', row.get('workers')):,}"
            figures = (row["events_per_second"], row["cpu_us_per_event"], row["memory_mb"])
            start = f"{row['start_seconds']:.1f}" if "start_seconds" in row else ""
            yield (what, *(f"{one:,.0f}" for one in figures), start)


def growth_of_features(found: Mapping[str, Rows]) -> Iterator[Row]:
    """Yield a heading, and a line a number of features: microseconds a row, compiled and in ONNX Runtime."""
    rows = found.get("features", ())
    shapes = list(dict.fromkeys((row["runtime"], row["rows"]) for row in rows))
    yield ("us/row", *(f"{runtime}, {size:,} rows" for runtime, size in shapes))
    for count in dict.fromkeys(row["features"] for row in rows):
        known = {(row["runtime"], row["rows"]): row["us_per_row"] for row in rows if row["features"] == count}
        yield (f"{count} features", *(f"{known[shape]:,.1f}" for shape in shapes if shape in known))


def notes(rows: Rows) -> list[str]:
    """Return what each system guarantees while it runs, where *rows* say it."""
    return [f"{row['system']}: {row['guarantees']}" for row in rows if "guarantees" in row]


def tables(results: Mapping[str, Any]) -> Iterator[tuple[str, list[Row], list[str]]]:
    """Yield title, lines (the heading first) and notes of each table."""
    for part, lines_of in (("full_job", full_job), ("latency", latency), ("scoring", scoring)):
        if results.get(part):
            yield part.replace("_", " "), list(lines_of(results[part])), notes(results[part])
    if "growth" in results:
        yield "growth", list(growth(results["growth"])), []
        if results["growth"].get("features"):
            yield "growth of features", list(growth_of_features(results["growth"])), []


def show(results: Mapping[str, Any], console: Console) -> None:
    """Print what is in *results*."""
    for title, (heading, *lines), told in tables(results):
        table = Table(*heading, title=title)
        for line in lines:
            table.add_row(*line)
        console.print(table)
        for note in told:
            console.print(note, soft_wrap=True)


def markdown(results: Mapping[str, Any]) -> str:
    """Return what is in *results* as tables of Markdown."""
    found = []
    for _, (heading, *lines), told in tables(results):
        rows = [heading, ["---"] * len(heading), *lines]
        found.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        if told:
            found.append("\n".join(f"- {note}" for note in told))
    return "\n\n".join(found)


def measured_on(known: Mapping[str, Any]) -> str:
    """Return when, at which commit and on what the results were measured."""
    versions = ", ".join(f"{name} {number}" for name, number in known["peers"].items())
    return (
        f"Measured {known['date'][:10]} at commit {known['commit']} on {known['cores']} cores of {known['cpu']} with "
        f"{known['memory_gb']:.0f} GB, load average {known['load_before']:.1f} before it began; Python "
        f"{known['python']}; the peers with {versions}."
    )


def renewed(page: str, results: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """Return *page* with what is between its two marks replaced by *results* and *pictures*, paths beside the page."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the page has no {BEGIN} and {END} with figures between them")
    shown = [f"![{Path(one).stem.replace('_', ' ')}]({one})" for one in pictures]
    parts = [BEGIN, measured_on(results["environment"]), markdown(results), *shown, END]
    return before + "\n\n".join(parts) + after
