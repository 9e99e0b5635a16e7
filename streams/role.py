"""What the application of a role is made of."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streams.engine.changelog import Tail
from streams.engine.job import Job
from streams.engine.states import StateDecoder


class Attached(Protocol):
    """What starts and stops with an application."""

    async def start(self) -> None:
        """Start, before the application does."""
        ...

    async def stop(self) -> None:
        """Stop, after the application has stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Role:
    """What the application of a role is made of.

    Attributes:
        name: Of the role and its agent.
        inputs: Names of topics without prefix, with the same number of partitions.
        table: Name of its table.
        decode_state: Reads its changelog.
        job: Its work.
        tails: Outputs whose ends are read on assignment; none where a repeated output does no harm.
        expire_seconds: Time between two looks at what has had its time.
        attached: What starts before the application and stops after it.
        assigned: Called with the partitions before work on them begins.
        encode_state: Writes its changelog, for a table whose states are always as its steps have written them; with it
            a restore need not read the whole changelog.
    """

    name: str
    inputs: Sequence[str]
    table: str
    decode_state: StateDecoder[Any]
    job: Job[Any, Any]
    tails: Sequence[Tail] = ()
    expire_seconds: float = 5.0
    attached: Sequence[Attached] = ()
    assigned: Callable[[Collection[int]], Awaitable[None]] | None = None
    encode_state: Callable[[Any], bytes] | None = None
