"""Who wrote a record of a changelog: each owner of a partition writes under an epoch higher than all before.

A worker which has lost its partition and does not know it (a zombie) may still write to the changelog. Its records come
behind those of its successor, but their epoch is lower than one that stands before them in the log: a restore ignores
them, and the new owner writes their keys again, since compaction would keep the zombie's.
"""

from collections.abc import Sequence

_EPOCH = "epoch"
_GENERATIONS = 1 << 32
_BYTES = 8


def next_epoch(seen: int, generation: int) -> int:
    """Return the epoch of an owner in *generation* of the group, above *seen*, the highest epoch of the changelog.

    The lower half is the generation, so that two which restore without having seen each other keep the order of their
    generations. A group that was deleted begins at generation 1 again: then the upper half goes up.

    >>> next_epoch(3, 5), next_epoch(7, 5) == (1 << 32) + 5
    (5, True)
    """
    if generation > seen % _GENERATIONS:
        return seen - seen % _GENERATIONS + generation
    return (seen // _GENERATIONS + 1) * _GENERATIONS + generation


def epoch_header(epoch: int) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of what is written under *epoch*."""
    return ((_EPOCH, epoch.to_bytes(_BYTES)),)


def epoch_of(headers: Sequence[tuple[str, bytes]] | None, otherwise: int) -> int:
    """Return the epoch which *headers* name, or *otherwise*.

    A worker of the version before names none. What it writes counts as the owner's of the moment: after a downgrade it
    is the owner.

    >>> epoch_of(epoch_header(7), 3), epoch_of(None, 3)
    (7, 3)
    """
    for name, value in headers or ():
        if name == _EPOCH:
            return int.from_bytes(value)
    return otherwise
