"""The topics which a role reads, as the brokers describe them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streams.admin import Admin
from streams.engine.safety import InputError

_AGAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Inputs:
    """The topics a role reads: their ids, and the number of partitions, which is the same for all.

    Attributes:
        ids: Topic id by name on the brokers; a topic made anew has another.
    """

    ids: Mapping[str, str]
    partitions: int


def describe_inputs(admin: Admin, topics: Sequence[str], *, patience_seconds: float = 5.0) -> Inputs:
    """Return what the brokers say of *topics*.

    Of a topic which was just created one broker may hear later than another: those that are missing are asked for
    again until *patience_seconds* are over.

    Raises:
        InputError: A topic does not exist, or they have not the same number of partitions.
    """
    until = time.monotonic() + patience_seconds
    found = admin.topics(topics)
    while len(found) < len(set(topics)) and time.monotonic() < until:
        time.sleep(_AGAIN_SECONDS)
        found = admin.topics(topics)
    missing = [name for name in topics if name not in found]
    if missing:
        raise InputError(f"there is no topic {', '.join(missing)}; create it with `touchline topics create`")
    counts = {name: found[name].partitions for name in topics}
    if len(set(counts.values())) != 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise InputError(
            f"the inputs must have the same number of partitions, since they share states: {listed}; make them equal "
            f"with `touchline topics repartition --partitions {max(counts.values())}`"
        )
    return Inputs({name: found[name].topic_id for name in topics}, counts[topics[0]])
