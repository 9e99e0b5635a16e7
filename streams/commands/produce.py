"""`touchline produce`: lines of JSON in, validated Avro records out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

import click

from schemas.codec import Codec, EncodeError
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.patient_registry import patient_registry
from streams.records_io import BadLine, GoodLine, read_lines, spec_of, version_of, writing_codec
from streams.sending import Sender
from streams.settings import Settings

_BAD_LINE_EXIT = 2


@dataclass(slots=True)
class _Produced:
    sent: int = 0
    bad: list[BadLine] = field(default_factory=list)


@click.command()
@click.argument("topic")
@click.option("--file", type=click.File("r", encoding="utf-8"), default="-", help="Lines of JSON (default: stdin).")
@click.option("--schema-version", type=click.IntRange(min=1), help="Version of the topic's schema to write.")
@click.option("--skip-bad", is_flag=True, help="Go on after a bad line.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@cluster_options
@in_one_sentence
def produce(
    settings: Settings,
    *,
    topic: str,
    file: IO[str],
    schema_version: int | None,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Send one record for each line of JSON to TOPIC, named without its prefix.

    A line is an object with the fields of the topic's schema; it is checked before it is sent. A bad line ends the
    command with its number and the reason, exit code 2; nothing after it is sent, unless --skip-bad is given.

    \b
    Example:
      touchline produce match-events --file events.jsonl
      echo '{"event_id": "g1", "match_id": "m1", "kind": "GOAL", "occurred_at_ms": 1669042800000,
        "minute": 12, "side": "HOME"}' | tr -d '\\n' | touchline produce match-events
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    spec = spec_of(topic)
    version = schema_version or version_of(settings, spec)
    try:
        codec = writing_codec(settings, patient_registry(settings), spec, version)
    except LookupError as error:
        raise UserError(str(error.args[0])) from error
    sender = Sender(settings, settings.topic(topic))
    produced = _send(read_lines(_text_lines(file), spec, version), sender, codec, skip_bad=skip_bad)
    produced.sent = sender.finish()
    _tell(produced, settings.topic(topic), as_json=as_json)
    if produced.bad:
        raise SystemExit(_BAD_LINE_EXIT)


def _text_lines(file: IO[str]) -> Iterable[str]:
    try:
        yield from file
    except UnicodeDecodeError as error:
        raise UserError(
            f"{file.name} is not UTF-8 text: byte {error.object[error.start]:#x} is not part of any"
        ) from error


def _send(lines: Iterable[GoodLine | BadLine], sender: Sender, codec: Codec[Any], *, skip_bad: bool) -> _Produced:
    produced = _Produced()
    for line in lines:
        made = _encoded(line, codec)
        if isinstance(made, BadLine):
            click.echo(made.reason, err=True)
            produced.bad.append(made)
            if not skip_bad:
                break
        else:
            sender.send(*made)
    return produced


def _encoded(line: GoodLine | BadLine, codec: Codec[Any]) -> tuple[bytes, bytes] | BadLine:
    if isinstance(line, BadLine):
        return line
    try:
        return line.key, codec.encode(line.record)
    except EncodeError as error:
        return BadLine(line.number, f"line {line.number}: {error}")


def _tell(produced: _Produced, topic: str, *, as_json: bool) -> None:
    if as_json:
        bad = [{"line": line.number, "reason": line.reason} for line in produced.bad]
        click.echo(json.dumps({"topic": topic, "sent": produced.sent, "bad": len(bad), "bad_lines": bad}))
        return
    stopped = f", {len(produced.bad)} bad" if produced.bad else ""
    click.echo(f"{produced.sent} records sent to {topic}{stopped}", err=bool(produced.bad))
