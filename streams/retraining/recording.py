"""What the stream has told of matches, kept in a file: topics forget, and what was learned from must stay."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from schemas.bounds import ImpossibleValueError, check_match_event
from schemas.codec import Codec, DecodeError
from schemas.plain_values import to_json
from schemas.records import GOALS, EventKind, MatchEvent
from streams.patient_registry import patient_registry
from streams.playing.watching import learning
from streams.records_io import RecordsFileError, read_file
from streams.registry_errors import SchemaNotFoundError
from streams.retraining.run import RunError
from streams.settings import Settings
from streams.tailing import Tail

NEEDED: Final = GOALS | {EventKind.SCHEDULED, EventKind.FULL_TIME, EventKind.CORRECTION, EventKind.CANCELLED}
"""What a match of the history is made of; ticks and shots are a hundred times as many."""


def record(settings: Settings, before: Path | None, out: Path) -> list[MatchEvent]:
    """Write the match events of the topic and of the file *before* to *out*, and return them.

    Each is a line of JSON, as `touchline tail --json` has them. What workers would set aside is left out.

    Raises:
        BrokerError: The brokers are away, or there is no such topic.
        RegistryUnavailableError: The registry is.
        RunError: *before* is damaged.
    """
    known: dict[tuple[str, str], MatchEvent] = {}
    for event in (*_kept(before), *_told(settings)):
        known.setdefault((event.match_id, event.event_id), event)
    _write(out, known.values())
    return list(known.values())


def _kept(file: Path | None) -> list[MatchEvent]:
    if file is None or not file.exists() or not file.stat().st_size:
        return []
    try:
        return read_file(file, "match-events")
    except RecordsFileError as error:
        raise RunError(f"{error}; remove the file, and only what the topic still has is learned from") from error


def _told(settings: Settings) -> Iterator[MatchEvent]:
    decode = learning(Codec("match_event", MatchEvent), patient_registry(settings))
    with closing(Tail(settings, settings.topic("match-events"))) as tail:
        for found in tail.records("earliest", key=None, follow=False):
            try:
                event = decode(found.value() or b"")
                check_match_event(event)
            except (DecodeError, ImpossibleValueError, SchemaNotFoundError):
                continue
            if event.kind in NEEDED:
                yield event


def _write(out: Path, events: Iterable[MatchEvent]) -> None:
    new = out.with_name(f".{out.name}.new")
    with new.open("w", encoding="utf-8") as text:
        text.writelines(json.dumps(to_json(event), ensure_ascii=False) + "\n" for event in events)
    new.replace(out)
