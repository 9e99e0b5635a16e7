"""Touchline against stock Faust, Quix Streams and Bytewax, and against a plain loop: one run on one broker of its own.

Run it with ``make bench``. It prints tables and writes build/bench.json, anew after each measurement, so that an
interrupted run leaves what it has. docs/benchmarks.md says what is compared and how.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import full_job, growth, latency
from benchmarks.arena import Arena, Step, made_arena
from benchmarks.bench_tables import markdown, renewed, show
from benchmarks.extent import QUICK, Extent, Results
from benchmarks.machine import environment
from benchmarks.running import FailedError
from benchmarks.systems import PEERS, SYSTEMS, System
from streams.brokers import BrokerError
from streams.local.errors import ClusterError
from streams.registry_errors import RegistryUnavailableError

PAGE: Final = Path("docs/benchmarks.md")
PARTS: Final = ("full_job", "latency", "scoring", "growth")
FAILURES: Final = (FailedError, BrokerError, RegistryUnavailableError)
MEASURING: Final = ("full job", "latency", "scoring", "growth")


@dataclass(frozen=True)
class Bench:
    """One run of it.

    Attributes:
        step: Told what is measured next.
    """

    arena: Arena
    systems: Sequence[System]
    extent: Extent
    results: Results
    step: Step

    def full_job(self) -> None:
        """Measure the full job, in turn."""
        runs: dict[str, list[dict[str, float]]] = {}
        for system in full_job.rotated(self.systems, self.extent.times):
            self.step(f"full job: {system.name}")
            try:
                found = full_job.measure(self.arena, system, self.extent.events, self.extent.seconds)
                runs.setdefault(system.name, []).append(found)
            except FAILURES as error:
                self.results.fail(f"full job of {system.name}", error)
            known = [full_job.summary(one, runs[one.name]) for one in self.systems if one.name in runs]
            self.results.keep("full_job", known)

    def latency(self) -> None:
        """Measure the latency at each rate, in turn."""
        runs: dict[str, list[dict[str, Any]]] = {}
        systems = [system for system in self.systems if system.timed]
        loads = list(latency.loads(self.extent.rates, self.extent.seconds, self.arena.folder / "live"))
        self.step("warming the broker up")
        latency.warm(self.arena, systems[0])
        for system in full_job.rotated(systems, self.extent.times):
            self.step(f"latency: {system.name}")
            try:
                runs.setdefault(system.name, []).extend(latency.measure(self.arena, system, loads))
            except FAILURES as error:
                self.results.fail(f"latency of {system.name}", error)
            known = [
                latency.summary(one, load.rate, runs[one.name])
                for one in systems
                if runs.get(one.name)
                for load in loads
            ]
            self.results.keep("latency", known)

    def scoring(self) -> None:
        """Run the benchmark of the scoring."""
        self.step("scoring")
        out = self.arena.folder / "scoring.json"
        command = [sys.executable, "-m", "benchmarks.scoring", "--rows", str(self.extent.scored), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
            self.results.fail("scoring", FailedError(f"it ended with code {done.returncode} and said: {said[-1]}"))
        else:
            self.results.keep("scoring", json.loads(out.read_text()))

    def growth(self) -> None:
        """Measure how Touchline's costs grow."""
        extent, found = self.extent, dict[str, list[Any]]()
        measuring = {
            "live_matches": growth.live_matches(self.arena, extent.matches),
            "workers": growth.workers(self.arena, extent.workers, growth.EVENTS),
            "features": growth.features(extent.features),
        }
        for name, rows in measuring.items():
            self.step(f"growth: {name}")
            try:
                for row in rows:
                    found.setdefault(name, []).append(row)
                    self.results.keep("growth", found)
            except FAILURES as error:
                self.results.fail(f"growth: {name}", error)


@contextmanager
def progress(total: int) -> Iterator[Step]:
    """Show on the terminal which of *total* measurements is made."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=total)

        def step(text: str) -> None:
            shown.update(task, description=text, advance=int(text.startswith(MEASURING)))
            if not console.is_terminal:
                console.print(text)

        yield step


def selected(only: Sequence[str]) -> tuple[list[str], list[System]]:
    """Return the parts and the systems which *only* names; where it names none of a kind, all."""
    names = [system.name for system in SYSTEMS]
    unknown = [one for one in only if one not in {*PARTS, *names}]
    if unknown:
        raise click.UsageError(f"--only {unknown[0]}: there are {', '.join((*PARTS, *names))}")
    parts = [part for part in PARTS if part in only] or list(PARTS)
    return parts, [system for system in SYSTEMS if system.name in only] or list(SYSTEMS)


def interrupt(_number: int, _frame: object) -> None:
    """End in good order, as on Ctrl-C."""
    raise KeyboardInterrupt


@click.command()
@click.option("--only", multiple=True, help="A part or a system; several by repeating it.")
@click.option("--quick", is_flag=True, help="A few minutes: once, shorter, fewer rates.")
@click.option("--times", type=click.IntRange(1), help="Runs of each system; the medians count.  [default: 3]")
@click.option("--partitions", type=click.IntRange(1), default=12, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the tables in Markdown.")
@click.option("--show", "shown", is_flag=True, help="Measure nothing; print what was measured last.")
@click.option("--docs", is_flag=True, help="Put tables and pictures into docs/benchmarks.md.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench.json"), show_default=True)
def main(
    only: Sequence[str],
    *,
    quick: bool,
    times: int | None,
    partitions: int,
    as_json: bool,
    as_markdown: bool,
    shown: bool,
    docs: bool,
    out: Path,
) -> None:
    """Measure Touchline, its peers and a plain loop on the same events."""
    parts, systems = selected(only)
    extent = QUICK if quick else Extent()
    extent = replace(extent, times=times or extent.times)
    results = Results(out, {"environment": environment(PEERS) | {"partitions": partitions}})
    if shown:
        results.values = measured_last(out)
    else:
        try:
            run(parts, systems, extent, results, partitions)
        except (ClusterError, *FAILURES) as error:
            raise click.ClickException(str(error)) from error
    if docs:
        renew(results)
    tell(results.values, as_json=as_json, as_markdown=as_markdown)


def run(parts: Sequence[str], systems: Sequence[System], extent: Extent, results: Results, partitions: int) -> None:
    """Measure *parts*; what was measured before an interruption is kept."""
    signal.signal(signal.SIGTERM, interrupt)
    measurements = extent.times * (
        len(systems) * ("full_job" in parts) + ("latency" in parts) * sum(one.timed for one in systems)
    )
    with (
        progress(measurements + ("scoring" in parts) + 3 * ("growth" in parts)) as step,
        suppress(KeyboardInterrupt),
        made_arena(extent.live, partitions, step) as arena,
    ):
        bench = Bench(arena, systems, extent, results, step)
        for part in parts:
            getattr(bench, part)()
    results.values["environment"]["load_after"] = os.getloadavg()[0]


def measured_last(out: Path) -> dict[str, Any]:
    """Return the results in *out*."""
    if not out.exists():
        raise click.UsageError(f"there is no {out}: nothing has been measured here")
    return dict(json.loads(out.read_text()))


def renew(results: Results) -> None:
    """Put *results* into the page, with pictures of them."""
    pictures = PAGE.parent / "bench"
    command = [str(PEERS / "bin" / "python"), "-m", "benchmarks.peers.plots", str(results.out), str(pictures)]
    subprocess.run(command, check=True)
    names = [f"bench/{one}.png" for one in ("full_job", "latency", "growth") if results.values.get(one)]
    PAGE.write_text(renewed(PAGE.read_text(), results.values, names))


def tell(values: dict[str, Any], *, as_json: bool, as_markdown: bool) -> None:
    """Print the results."""
    if as_json:
        print(json.dumps(values))
    elif as_markdown:
        print(markdown(values))
    else:
        show(values, Console())


if __name__ == "__main__":
    main()
