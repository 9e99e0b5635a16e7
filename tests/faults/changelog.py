"""The states which a changelog stands for, as a restore must read them: all of it, or from where it says on."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.faults.reading import LogReader

Key = tuple[int, bytes]


def last_states(reader: LogReader, topic: str) -> tuple[dict[Key, bytes], dict[Key, bytes]]:
    """Return the last state of each partition and key, without what a writer of an older epoch wrote.

    The second are those from the offset on of which the last progress record says that a restore may begin there.
    """
    records = list(reader.records(topic))
    return _states(records, {}), _states(records, _since(records, reader.decode))


def _since(records: Sequence[Any], decode: Callable[[bytes], Mapping[str, Any]]) -> dict[int, tuple[int, int]]:
    since: dict[int, tuple[int, int]] = {}
    epochs: dict[int, int] = defaultdict(int)
    for record in records:
        epoch = _epoch(record.headers(), epochs[record.partition()])
        if record.key() == b"\x00progress" and epoch >= epochs[record.partition()]:
            epochs[record.partition()] = epoch
            # A worker of the version before says nothing of it.
            said = decode(record.value())
            since[record.partition()] = said.get("since", 0), said.get("since_epoch", 0)
    return since


def _states(records: Sequence[Any], since: Mapping[int, tuple[int, int]]) -> dict[Key, bytes]:
    states: dict[Key, bytes] = {}
    epochs = defaultdict(int, {partition: epoch for partition, (_, epoch) in since.items()})
    for record in records:
        if record.offset() < since.get(record.partition(), (0, 0))[0]:
            continue
        key, value, partition = record.key(), record.value(), record.partition()
        # A worker of the version before names no epoch: it counts as the owner of the moment.
        epoch = _epoch(record.headers(), epochs[partition])
        if epoch < epochs[partition]:
            continue
        epochs[partition] = epoch
        if key.startswith(b"\x00"):
            continue
        if value is None:
            states.pop((partition, key), None)
        else:
            states[partition, key] = value
    return states


def _epoch(headers: Sequence[tuple[str, bytes]] | None, otherwise: int) -> int:
    value = dict(headers or ()).get("epoch")
    if value is None:
        return otherwise
    return int(value) if value.isdigit() and len(value) != 8 else int.from_bytes(value, "big")
