"""`touchline tail`: what is in a topic, decoded."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.patient_registry import patient_registry
from streams.settings import Settings
from streams.tailing import Decoder, SeenRecord, Start, Tail, seen
from streams.topics import TOPICS

_LONGEST_LIST = 4


class _StartType(click.ParamType):
    name = "earliest|latest|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Start:
        if value in ("earliest", "latest") or isinstance(value, int):
            return value  # type: ignore[no-any-return] # one of the three
        if not str(value).isdigit():
            self.fail(f"{value!r} is not earliest, latest or a number of records", param, ctx)
        return int(value)


@click.command()
@click.argument("topic")
@click.option(
    "--from", "start", type=_StartType(), default=10, show_default=True, help="Where to begin; N last records."
)
@click.option("--match", metavar="ID", help="Only records with this key (a match_id).")
@click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Only records with this value; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="End after this many records.")
@click.option("--follow/--no-follow", default=False, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@cluster_options
@in_one_sentence
def tail(
    settings: Settings,
    *,
    topic: str,
    start: Start,
    match: str | None,
    where: tuple[str, ...],
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the records of TOPIC, whichever it is: named without prefix, or in full (a changelog).

    Values are decoded by the schema they were written with; of dead letters the headers say what is wrong with them.

    \b
    Example:
      touchline tail predictions --match 2022-12-18-argentina-france --from earliest
      touchline tail match-events --where kind=GOAL --follow
      touchline tail dead-letters --from 100 --json
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    wanted = _conditions(where)
    decode = Decoder(patient_registry(settings))
    name = settings.topic(topic) if topic in TOPICS else topic
    console = Console(highlight=False, soft_wrap=True)
    with closing(Tail(settings, name)) as reader:
        found = (seen(each, decode) for each in reader.records(start, key=match, follow=follow))
        matching = (record for record in found if _matches(record, match, wanted))
        try:
            for record in itertools.islice(matching, limit):
                _show(console, record, as_json=as_json)
        except KeyboardInterrupt:
            return


def _conditions(where: tuple[str, ...]) -> dict[str, str]:
    for condition in where:
        if "=" not in condition.strip("="):
            raise UserError(f"--where {condition} is not FIELD=VALUE, such as kind=GOAL")
    return dict(condition.split("=", 1) for condition in where)


def _matches(record: SeenRecord, match: str | None, wanted: Mapping[str, str]) -> bool:
    if match is not None and record.key != match:
        return False
    fields: Mapping[str, Any] = {"partition": record.partition, "offset": record.offset, **record.headers}
    fields = {**fields, **(record.value or {})}
    return all(name in fields and _as_text(fields[name]) == value for name, value in wanted.items())


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _show(console: Console, record: SeenRecord, *, as_json: bool) -> None:
    if as_json:
        click.echo(record.as_json())
    else:
        console.print(Text(" ").join(_parts(record)))


def _parts(record: SeenRecord) -> Iterator[Text]:
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    yield Text(at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], style="dim")
    yield Text(f"{record.partition}/{record.offset}", style="dim")
    yield Text("-" if record.key is None else record.key, style="cyan")
    for name, text in record.headers.items():
        yield Text(f"{name}={text}", style="yellow")
    if record.problem is not None:
        yield Text(f"{len(record.raw or b'')} bytes: {record.problem}", style="red")
    elif record.value is None:
        yield Text("(deleted)", style="magenta")
    else:
        for name, value in record.value.items():
            if value is not None:
                yield Text(f"{name}={_short(name, value)}", style="bold" if name in ("kind", "cause") else "")


def _short(name: str, value: Any) -> str:
    if isinstance(value, list) and len(value) > _LONGEST_LIST:
        return f"[{len(value)} values]"
    if name.endswith("_ms") and isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):  # no such year: it is shown as the number it is
            return str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return _as_text(value)
