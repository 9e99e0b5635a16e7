"""What `touchline backtest` prints for people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from models.evaluation import COMPARED

MEASURES: Final = ("log_loss", "rps", "brier", "accuracy", "ece")
COSTS: Final = {"cost": "cost", "expected_cost": "expected"}


def show_tables(told: Mapping[str, Any], parts: Sequence[str]) -> None:
    """Print *told*, which is also what stands in the JSON, and each of its *parts*."""
    console = Console()
    days = f"{told['test_from']} .. {told['test_until']}"
    for one in told.get("minutes", [told]):
        moment = f", minute {one['minute']}" if "minute" in one else ""
        console.print(_table(f"{told['set']}{moment}, {days}", one))
        for by in parts:
            for part, judged in one[f"by_{by}"].items():
                console.print(_table(f"{by} {part}", judged))
    if "minutes" in told:
        console.print(_table(f"{told['set']}, all of these minutes, {days}", told))


def _table(title: str, judged: Mapping[str, Any]) -> Table:
    columns = [*MEASURES, *(one for one in COSTS if any(one in kind for kind in judged["kinds"].values())), *COMPARED]
    headers = (COSTS.get(one, one.replace("_", " ")) for one in columns)
    table = Table(
        "", *headers, box=None, padding=(0, 1, 0, 0), pad_edge=False, title=f"{title}: {judged['n']:,} matches"
    )
    for name, measures in sorted(judged["kinds"].items(), key=lambda kind: kind[1]["log_loss"]):
        table.add_row(name, *(_cell(measures.get(measure)) for measure in columns))
    return table


def _cell(measure: float | tuple[float, float] | None) -> str:
    if measure is None:
        return ""
    return f"{measure:.4f}" if isinstance(measure, float) else f"{measure[0]:+.3f} {measure[1]:+.3f}"
