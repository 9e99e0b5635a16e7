"""The results as tables: for a terminal, and in Markdown for docs/benchmarks.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

US: Final = "touchline"
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


def notes(rows: Rows) -> list[str]:
    """Return what each system guarantees while it runs, where *rows* say it."""
    return [f"{row['system']}: {row['guarantees']}" for row in rows if "guarantees" in row]


PARTS: Final = {"full_job": full_job, "latency": latency, "scoring": scoring}


def show(results: Mapping[str, Any], console: Console) -> None:
    """Print what is in *results*."""
    for part, lines_of in PARTS.items():
        if results.get(part):
            heading, *lines = lines_of(results[part])
            table = Table(*heading, title=part.replace("_", " "))
            for line in lines:
                table.add_row(*line)
            console.print(table)
            for note in notes(results[part]):
                console.print(note, soft_wrap=True)


def markdown(results: Mapping[str, Any]) -> str:
    """Return what is in *results* as tables of Markdown."""
    found = []
    for part, lines_of in PARTS.items():
        if results.get(part):
            heading, *lines = lines_of(results[part])
            rows = [heading, ["---"] * len(heading), *lines]
            found.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
            found += [f"- {note}" for note in notes(results[part])]
    return "\n\n".join(found)
