"""How commands which fit models show how far they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from models.walking import Step


@contextmanager
def training_progress(total: int, *, quiet: bool, console: Console | None = None) -> Iterator[Step]:
    """Give what is to be called before each of *total* steps; *console* is where else something is said meanwhile."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console or Console(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        started = False

        def step(text: str) -> None:
            nonlocal started
            progress.update(task, description=text, advance=int(started))
            started = True

        yield step
