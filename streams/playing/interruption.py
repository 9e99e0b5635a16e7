"""Ctrl-C, SIGTERM and a closed terminal alike, and none of them while we clean up."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # From now on we clean up, which a second Ctrl-C would only leave half done.
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    if number == signal.SIGHUP:
        _let_go_of_the_terminal()
    raise KeyboardInterrupt


def _let_go_of_the_terminal() -> None:
    """Send what is still said nowhere: a write to a closed terminal fails, and would end the cleaning up."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for said in (1, 2):
        os.dup2(nowhere, said)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first such signal inside; later ones are ignored until the end."""
    heard = [one for one in _SIGNALS if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]  # nohup
    before = {number: signal.signal(number, _interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def until_interrupted() -> NoReturn:
    """Wait, inside `interruptible`, for the signal that ends it.

    Unlike signal.pause(), which a signal that came just before it does not end.
    """
    while True:
        time.sleep(0.1)
