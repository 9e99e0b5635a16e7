"""`touchline dead-letters`: what was set aside and why; keep it, and send it back once it can be read."""

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import IO, Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from streams.commands.errors import UserError
from streams.commands.letter_views import hex_lines, printable, row_of, shown_time, table_of
from streams.commands.options import cluster_options
from streams.commands.selecting import Place, selecting
from streams.commands.sentences import in_one_sentence
from streams.dead_letters.files import read_lines, to_line
from streams.dead_letters.letter import Letter, sentence_of
from streams.dead_letters.reading import read_letter, read_letters, read_marks, selected
from streams.dead_letters.replaying import Outcome, Replayer, obstacle
from streams.dead_letters.selection import Selection
from streams.patient_registry import patient_registry
from streams.settings import Settings
from streams.tailing import Decoder

P = ParamSpec("P")
R = TypeVar("R")
_PIPED_WIDTH = 200
_FAILED_EXIT = 2


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show, keep and replay what was set aside.

    \b
    Example:
      touchline dead-letters list --since 2h
      touchline dead-letters replay --cause UNREGISTERED_SCHEMA
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@dead_letters.command("list")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Show the last ones.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@cluster_options
@selecting
@in_one_sentence
def list_letters(settings: Settings, selection: Selection, *, limit: int, as_json: bool) -> None:
    """List dead letters, the latest last, and how many there are of each cause.

    \b
    Example:
      touchline dead-letters list
      touchline dead-letters list --cause WRONG_PARTITION --topic match-events --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    counts: Counter[str] = Counter()
    marks: dict[str, int] = {}
    last = heapq.nlargest(limit, _counted(settings, selection, counts, marks), key=_age)
    rows = [row_of(letter, marks) for letter in reversed(last)]
    causes = [{"cause": cause, "count": count, "sentence": sentence_of(cause)} for cause, count in counts.most_common()]
    if as_json:
        click.echo(json.dumps({"total": counts.total(), "causes": causes, "letters": rows}))
        return
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    console.print(table_of(rows))
    for one in causes:
        click.echo(f"{one['count']:>8,}  {printable(str(one['cause']))}: {one['sentence']}")
    click.echo(f"{counts.total():>8,}  dead letters, {len(rows)} shown")


def _age(letter: Letter) -> tuple[int, int, int]:
    return letter.timestamp_ms, letter.partition, letter.offset


def _counted(settings: Settings, selection: Selection, counts: Counter[str], marks: dict[str, int]) -> Iterator[Letter]:
    for one in read_letters(settings):
        if not isinstance(one, Letter):
            marks[one.identity] = one.timestamp_ms
        elif selection.takes(one):
            counts[one.cause] += 1
            yield replace(one, value=None)  # the bytes of all that are listed may be many


@dead_letters.command()
@click.argument("place", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON, bytes in base64.")
@cluster_options
@in_one_sentence
def show(settings: Settings, *, place: tuple[int, int], as_json: bool) -> None:
    """Show the dead letter at PARTITION/OFFSET: headers, bytes, and the record where it can be decoded.

    \b
    Example:
      touchline dead-letters show 0/17
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    try:
        letter = read_letter(settings, *place)
    except LookupError as error:
        raise UserError(str(error)) from error
    record, problem = _decoded(settings, letter)
    if as_json:
        click.echo(json.dumps({**json.loads(to_line(letter)), "record": record, "problem": problem}))
        return
    click.echo(f"{letter.place}  {shown_time(letter.timestamp_ms)}\n{letter.cause}: {sentence_of(letter.cause)}")
    for name, content in letter.headers:
        click.echo(f"  {printable(name)} = {printable((content or b'').decode(errors='backslashreplace'))}")
    click.echo(f"  key = {printable((letter.key or b'').decode(errors='backslashreplace'))}\n")
    click.echo("\n".join(hex_lines(letter.value)))
    click.echo(f"\n{json.dumps(record, indent=2, ensure_ascii=False) if problem is None else problem}")


def _decoded(settings: Settings, letter: Letter) -> tuple[dict[str, Any] | None, str | None]:
    if letter.value is None:
        return None, "there are no bytes"
    try:
        return Decoder(patient_registry(settings))(letter.value), None
    except ValueError as error:
        return None, f"it cannot be decoded: {error}"


@dead_letters.command()
@click.option("--file", type=click.File("w", encoding="utf-8"), default="-", help="Where to (default: stdout).")
@cluster_options
@selecting
@in_one_sentence
def export(settings: Settings, selection: Selection, *, file: IO[str]) -> None:
    """Write dead letters to a file, one JSON object a line, bytes in base64; `replay --from` reads it.

    \b
    Example:
      touchline dead-letters export --since 7d --file letters.jsonl
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    count = 0
    for letter in selected(settings, selection):
        file.write(f"{to_line(letter)}\n")
        count += 1
    click.echo(f"{count} dead letters exported", err=True)


@dead_letters.command()
@click.option("--from", "file", type=click.File("r", encoding="utf-8"), help="Letters of an exported file.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@cluster_options
@selecting
@in_one_sentence
def replay(settings: Settings, selection: Selection, *, file: IO[str] | None, dry_run: bool, as_json: bool) -> None:
    """Send the bytes of dead letters back to the topics which they came from, each letter once.

    The record keeps its key, and says in its headers where it has been. A letter that was replayed is skipped, also
    when the replay was cut off half-way; one that fails again is a new dead letter.

    \b
    Example:
      touchline dead-letters replay --cause UNREGISTERED_SCHEMA --dry-run
      touchline dead-letters replay --at 0/17
      touchline dead-letters replay --from letters.jsonl
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    kept = None if file is None else [letter for letter in read_lines(file) if selection.takes(letter)]
    replayer = None if dry_run else Replayer(settings)  # before the marks are read: it ends what was cut off
    marks = read_marks(settings)

    def letters() -> Iterator[Letter]:
        return selected(settings, selection) if kept is None else iter(kept)

    outcome = Outcome()
    try:
        if replayer is None:
            _try(letters(), marks, outcome)
        else:
            _replay(replayer, letters, marks, outcome)
    finally:
        _tell(outcome, dry_run=dry_run, as_json=as_json)
    if outcome.failed:
        raise SystemExit(_FAILED_EXIT)


def _try(letters: Iterable[Letter], marks: dict[str, int], outcome: Outcome) -> None:
    for letter in letters:
        why = obstacle(letter, marks)
        if why is None:
            outcome.succeeded += 1
        else:
            outcome.skipped[why] += 1


def _replay(
    replayer: Replayer, letters: Callable[[], Iterator[Letter]], marks: dict[str, int], outcome: Outcome
) -> None:
    total = sum(1 for _ in letters())
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("replaying", total=total)
        for _ in replayer.send(letters(), marks, outcome):
            done = outcome.succeeded + outcome.skipped.total() + len(outcome.failed)
            progress.update(task, completed=done)


def _tell(outcome: Outcome, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        failed = [{"place": place, "reason": reason} for place, reason in outcome.failed]
        told = {"dry_run": dry_run, "succeeded": outcome.succeeded, "skipped": dict(outcome.skipped), "failed": failed}
        click.echo(json.dumps(told))
        return
    click.echo(f"{outcome.succeeded} {'would be sent' if dry_run else 'sent'}")
    for why, count in outcome.skipped.most_common():
        click.echo(f"{count} skipped: {why}")
    for place, reason in outcome.failed:
        click.echo(f"{place} failed: {reason}", err=True)
