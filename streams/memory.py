"""Memory which is free, and which the C library would keep."""

import ctypes
from typing import Any


def give_back() -> None:
    """Give free memory back to the system where the C library is glibc; another one does so by itself, or cannot.

    After a moment that took much: glibc keeps what lies between pieces that are still in use, and a process grows with
    every such moment.
    """
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
