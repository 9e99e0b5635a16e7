"""The process of a role with a bug in its fold: it breaks on the event called `poison`."""

import sys

from features.match_state import after_match_event
from streams import predict, worker_process


def broken(state, event):
    if event.event_id == "poison":
        raise ZeroDivisionError("a bug that was planted")
    return after_match_event(state, event)


if __name__ == "__main__":
    predict.after_match_event = broken
    worker_process.main(sys.argv[1:])
