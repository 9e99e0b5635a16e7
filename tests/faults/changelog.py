"""The states which a changelog stands for, as a restore must read them."""

from collections import defaultdict
from collections.abc import Sequence

from tests.faults.reading import LogReader


def last_states(reader: LogReader, topic: str) -> dict[tuple[int, bytes], bytes]:
    """Return the last state of each partition and key, without what a writer of an older epoch wrote."""
    states: dict[tuple[int, bytes], bytes] = {}
    epochs: dict[int, int] = defaultdict(int)
    for record in reader.records(topic):
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
