"""``python -m tests.faults``: breaks things around real workers on a real cluster and counts what that cost."""

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from tests.faults import results
from tests.faults.children import ROOT
from tests.faults.jobs import run_in_jobs, without
from tests.faults.run import Pace, guarantees
from tests.faults.runner import ANY, GENTLE, ROUGH, Lane, Neighbours, Runner
from tests.faults.scenario import BOTH
from tests.faults.suite import SCENARIOS, by_turns, chosen

TURNS = "turns"


@click.command()
@click.option("--only", default="", help="Words; a scenario runs when one of them is in its name.")
@click.option("--guarantee", "wanted", type=click.Choice([*BOTH, "both", TURNS]), default="both")
@click.option("--events", default=100_000, show_default=True, help="Sent before the fixed rate.")
@click.option("--first-rate", default=0, help="Events a second meanwhile; 0 is as fast as possible.")
@click.option("--rate", default=1_000, show_default=True, help="Events a second while a fault lasts.")
@click.option("--times", default=1, show_default=True, help="Repeats, with random timing when there is more than one.")
@click.option("--seed", default=1, show_default=True, help="For all that is left to chance.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "build" / "faults.json", help="The results.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run ended; what is in --out is not run again.")
@click.option("--known", type=click.Path(path_type=Path), default=ROOT / "none", help="Results of runs to leave out.")
@click.option("--jobs", default=1, show_default=True, help="Runs at the same time; some share a cluster.")
@click.option("--lane", type=click.Choice([ANY, GENTLE, ROUGH]), default=ANY, help="Runs that break clusters, or not.")
@click.option("--share", default="1/1", show_default=True, help="Which part of these runs, of how many.")
@click.option("--cluster", default="", help="Brokers and registry which gentle runs use: 'HOST:PORT,... URL'.")
@click.option("--keep", is_flag=True, help="Keep the logs of green runs beside --out, too.")
@click.option("--list", "listing", is_flag=True, help="Name the scenarios and end.")
def main(
    *,
    only: str,
    wanted: str,
    events: int,
    first_rate: int,
    rate: int,
    times: int,
    seed: int,
    out: Path,
    resume: bool,
    known: Path,
    jobs: int,
    lane: str,
    share: str,
    cluster: str,
    keep: bool,
    listing: bool,
) -> None:
    """Run the scenarios; exit with 1 when one is not green.

    \b
    Example:
      python -m tests.faults --only "kill zombie" --guarantee exactly-once
    """
    try:
        scenarios = by_turns(chosen(only), seed) if wanted == TURNS else chosen(only)
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--only") from error
    if listing:
        click.echo("\n".join(one.name for one in SCENARIOS))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 200)
    if jobs > 1:
        arguments = [*without(sys.argv[1:], "--jobs", "--out"), *(["--known", str(out)] if resume else ())]
        found, green = run_in_jobs(jobs, out, arguments, resume=resume)
    else:
        pace = Pace(events, first_rate, rate, times > 1)
        neighbours = Neighbours(*cluster.split(" ")) if cluster else None
        dealt = Lane(lane, *map(int, share.split("/")))
        runner = Runner(console, out, pace, seed, keep=keep, lane=dealt, neighbours=neighbours)
        run_under = [one for one in guarantees() if wanted in (one, "both", TURNS)]
        found = runner.run(scenarios, run_under, times, results.read(out) if resume else [], results.read(known))
        green = all(one.green for one in found)
    console.print(results.table(found))
    red = sum(not one.green for one in found)
    click.echo(f"{len(found) - red} passed, {red} failed; {results.versions(found)}")
    sys.exit(0 if green else 1)


if __name__ == "__main__":
    main()
