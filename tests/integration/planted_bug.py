"""The process of a role with a bug: ``fold`` breaks on the event called `poison`, ``commit`` breaks every commit."""

import sys

from features.match_state import after_event
from streams import worker_process
from streams.engine import transport
from streams.predicting import single


def broken_fold(state, event):
    if event.event_id == "poison":
        raise ZeroDivisionError("a bug that was planted")
    return after_event(state, event)


def broken_commit(*_args):
    raise ZeroDivisionError("a bug that was planted")


if __name__ == "__main__":
    where, *arguments = sys.argv[1:]
    if where == "fold":
        single.after_event = broken_fold
    else:
        transport.SliceConsumer._new_offset = broken_commit
    worker_process.main(arguments)
