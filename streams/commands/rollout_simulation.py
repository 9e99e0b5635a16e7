"""`touchline rollout simulate`: how often the gate of a plan is right, on matches that are made for it."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from monitors.rollout_characteristics import Endings, Trial, endings, exact_interval, overall, scenarios
from monitors.rollout_plan import Plan
from streams.commands.errors import UserError
from streams.commands.rollout_options import chosen_plan, plan_option

_PIPED_WIDTH = 180
_NUMBERS = ("challenger", "worse by", "promoted", "rolled back", "held", "matches to verdict", "served by the worse")


@click.command()
@plan_option
@click.option(
    "--runs", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Roll-outs of each challenger."
)
@click.option("--matches", type=click.IntRange(1, 2_000), default=20, show_default=True, help="Matches in each window.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Makes other matches.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def simulate(plan_file: Path | None, runs: int, matches: int, seed: int, *, as_json: bool) -> None:
    """Tell how often the gate is right: roll-outs of challengers whose true worth is known.

    The gate's own code, from the predictions of each match to the last step of the plan, on matches that are made with
    fixed seeds; no broker is needed. The challengers are as good as the champion, worse by 0.02 nats, better by 0.01,
    worse by just the margin of the plan, and mixed: better by 0.02 in half of the segments and worse by as much in the
    others. When a roll-out is held, nobody answers. It tells too how many matches the worse of the two served until
    then.

    \b
    Example:
      touchline rollout simulate
      touchline rollout simulate --plan plan.yaml --runs 1000 --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    plan, trial = chosen_plan(plan_file), Trial(runs, matches, seed)
    tried = scenarios(plan)
    try:
        with _progress(runs * len(tried)) as done:
            found = [endings(plan, one, trial, done) for one in tried]
    except KeyboardInterrupt as error:
        raise UserError("interrupted before all roll-outs had ended; fewer --runs take less time") from error
    if as_json:
        head = {"seed": seed, "runs": runs, "matches_a_window": matches, "alpha": plan.alpha}
        told = {"margin": plan.checks.log_loss.margin, "scenarios": [one.to_dict() for one in found]}
        click.echo(json.dumps(head | overall(plan, found) | told))
    else:
        _show(plan, found)


@contextmanager
def _progress(runs: int) -> Iterator[Callable[[], None]]:
    """Give what is to be called after each of *runs*."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
        task = progress.add_task("roll-outs", total=runs)
        yield lambda: progress.advance(task)


def _show(plan: Plan, found: Sequence[Endings]) -> None:
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    runs = len(found[0].found)
    table = Table(
        title=f"{runs:,} roll-outs of each challenger",
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in (*_NUMBERS, "rolled back in"):
        table.add_column(name, justify="left" if name in {"challenger", "rolled back in"} else "right")
    for one in found:
        told = one.to_dict()
        stopped = ", ".join(f"{step} {count}" for step, count in told["rolled_back_in"].items())
        matches = told["median_matches_to_verdict"]
        table.add_row(
            one.scenario.name,
            f"{one.scenario.difference:+g}",
            _rate(one.count("PROMOTED"), runs),
            _rate(one.count("ROLLED_BACK"), runs),
            f"{one.count('HELD'):,}",
            "-" if matches is None else f"{matches:,.0f}",
            f"{told['mean_served_by_the_worse']:,.0f} ({told['share_served_by_the_worse']:.0%})",
            stopped,
        )
    console.print(table)
    rates = overall(plan, found)
    console.print(
        f"False rejections {_percent(rates['false_rejections'])}, false promotions "
        f"{_percent(rates['false_promotions'])}; alpha of the plan is {plan.alpha:.1%}. "
        "In brackets 95 % intervals (Clopper and Pearson)."
    )


def _rate(count: int, runs: int) -> str:
    low, high = exact_interval(count, runs)
    return f"{count / runs:.1%} ({low:.1%} to {high:.1%})"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
