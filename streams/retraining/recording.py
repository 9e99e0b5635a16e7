"""What the stream has told of matches, kept in a file: topics forget, and what was learned from must stay."""

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

from schemas.bounds import ImpossibleValueError, check_feature_event, check_match_event
from schemas.codec import Codec, DecodeError
from schemas.plain_values import to_json
from schemas.records import GOALS, EventKind, FeatureEvent, MatchEvent
from streams.patient_registry import patient_registry
from streams.playing.watching import learning
from streams.records_io import RecordsFileError, read_file
from streams.registry_errors import SchemaNotFoundError
from streams.retraining.run import RunError
from streams.settings import Settings
from streams.tailing import Tail

E = TypeVar("E", MatchEvent, FeatureEvent)

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
    heard = _heard(settings, "match-events", Codec("match_event", MatchEvent), check_match_event)
    told = (event for event in heard if event.kind in NEEDED)
    return _written(out, (*_kept(before, "match-events"), *told), lambda event: (event.match_id, event.event_id))


def record_told(settings: Settings, before: Sequence[Path], sources: Collection[str], out: Path) -> list[FeatureEvent]:
    """Write the feature events of *sources*, of the topic and of the files *before*, to *out*, and return them.

    As `record` does, and raises.
    """
    kept = (event for file in before for event in _kept(file, "feature-events"))
    heard = _heard(settings, "feature-events", Codec("feature_event", FeatureEvent), check_feature_event)
    read = (event for event in (*kept, *heard) if event.source in sources)
    return _written(out, read, lambda event: (event.match_id, event.source, event.event_id))


def _kept(file: Path | None, topic: str) -> list[Any]:
    if file is None or not file.exists() or not file.stat().st_size:
        return []
    try:
        return read_file(file, topic)
    except RecordsFileError as error:
        raise RunError(f"{error}; remove the file, and only what the topic still has is learned from") from error


def _heard(settings: Settings, topic: str, codec: Codec[E], check: Callable[[E], None]) -> Iterator[E]:
    decode = learning(codec, patient_registry(settings))
    with closing(Tail(settings, settings.topic(topic))) as tail:
        for found in tail.records("earliest", key=None, follow=False):
            try:
                event = decode(found.value() or b"")
                check(event)
            except (DecodeError, ImpossibleValueError, SchemaNotFoundError):
                continue
            yield event


def _written(out: Path, events: Iterable[E], identity: Callable[[E], Hashable]) -> list[E]:
    """Write each of *events* once, the first with its *identity*."""
    known: dict[Hashable, E] = {}
    for event in events:
        known.setdefault(identity(event), event)
    new = out.with_name(f".{out.name}.new")
    with new.open("w", encoding="utf-8") as text:
        text.writelines(json.dumps(to_json(event), ensure_ascii=False) + "\n" for event in known.values())
    new.replace(out)
    return list(known.values())
