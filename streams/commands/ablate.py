"""`touchline ablate`: what each part of a model is worth, and what it costs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from models.ablation import ALL, Ablation, Variant, cheapest, cost_per_1000
from models.fitting import Sizes
from models.rows import history_rows
from models.walk_forward import Plan
from models.walking import TooFewError
from streams.commands.errors import UserError
from streams.commands.feature_files import check_known, read_feature_set, read_told
from streams.commands.model_options import (
    days_of,
    fitting_options,
    judging_options,
    read_days,
    read_history,
    read_kind,
    read_set,
)
from streams.commands.training_progress import training_progress


@click.command("ablate")
@judging_options
@click.option("--kind", default="lightgbm", show_default=True, metavar="KIND", help="Of the model that is taken apart.")
@click.option(
    "--within",
    type=click.FloatRange(0.0),
    default=0.001,
    show_default=True,
    help="Nats by which a cheaper model may be worse than the best.",
)
@click.option(
    "--price-per-hour", type=click.FloatRange(0.0), default=0.04, show_default=True, help="Of one core, in your money."
)
@fitting_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def ablate(  # noqa: PLR0917 - click passes them by name
    data: Path,
    test_from: str,
    test_until: str,
    name: str,
    retrain_days: int,
    kind: str,
    within: float,
    price_per_hour: float,
    since: str,
    feature_set: str,
    feature_events: Path | None,
    share: float,
    threads: int,
    *,
    as_json: bool,
) -> None:
    """Leave out one part of a model after the other, and tell what that costs and saves.

    Parts are groups of features, and the members of a mean or a stack. Each variant is fitted anew and forecasts the
    same matches; a change in log loss above 0 says that the part is of use. Boosters and network go on starting from
    the goals which the ratings expect. Times are of one prediction that comes alone, on this machine.

    \b
    Example:
      touchline ablate --test-from 2022-01-01 --test-until 2025-06-30 --kind mean --share 0.2
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    chosen = read_set(name)
    first_learned, first, last = read_days(since, test_from, test_until)
    features = read_feature_set(feature_set)
    told = read_told(feature_events, features)
    plan = Plan([read_kind(kind)], days_of(first), days_of(last), retrain_days)
    matches = [match for match in read_history(chosen.read, data) if match.day <= last]
    parts = len(Ablation(plan, features.names, Sizes(), lambda _: None).parts)
    with training_progress(1 + parts, quiet=as_json) as step:
        step(f"folding {len(matches):,} matches")
        learned = history_rows(matches, features, chosen.learned, days_of(first_learned), told)
        check_known(features, learned)
        tested = history_rows(matches, features, chosen.tested, days_of(first), told)
        if chosen.in_play:
            tested = tested.where(tested.minutes >= 0)
        try:
            sizes = Sizes(threads=threads).scaled(share)
            found = list(Ablation(plan, features.names, sizes, step).variants(learned, tested))
        except TooFewError as error:
            raise UserError(str(error)) from error
    best = cheapest(found, within)
    if as_json:
        rows = [asdict(one) | {"cost_per_1000": cost_per_1000(one.micros, price_per_hour)} for one in found]
        click.echo(json.dumps({"set": name, "kind": kind, "variants": rows, "recommended_without": best.without}))
    else:
        _show(f"{name}, {kind}, {first} .. {last}", found, best, within, price_per_hour)


def _show(title: str, found: Sequence[Variant], best: Variant, within: float, price: float) -> None:
    columns = ("without", "log loss", "change", "95 % interval", "us alone", "change", "cost of 1,000", "change")
    table = Table(*columns, box=None, padding=(0, 1, 0, 0), pad_edge=False, title=title)
    whole = found[0]
    for one in found:
        cost = cost_per_1000(one.micros, price)
        table.add_row(
            one.without, f"{one.log_loss:.4f}", f"{one.change:+.4f}", f"{one.interval[0]:+.4f} {one.interval[1]:+.4f}",
            f"{one.micros:.1f}", f"{one.micros - whole.micros:+.1f}", f"{cost:.2e}",
            f"{cost - cost_per_1000(whole.micros, price):+.2e}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    what = "the whole model" if best.without == ALL else f"the model without {best.without}"
    console.print(f"Cheapest within {within} nats of the best: {what}.", soft_wrap=True)
