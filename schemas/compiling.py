"""Compiles kernels, and keeps what was compiled beside its source where a folder for it can be written."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from numba import njit
from numba.core.caching import IndexDataCacheFile

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES: Final = ("schemas", "features", "models")


def compiled(function: F) -> F:
    """Return *function* compiled at its first call; it runs without the interpreter lock.

    Indexes are not checked against the bounds of arrays.
    """
    dispatcher = njit(nogil=True, error_model="numpy")(function)
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # no folder can be written: it is compiled anew by each process
        return dispatcher  # type: ignore[no-any-return] # numba's own type
    cache = dispatcher._cache  # noqa: SLF001 - numba looks at the file of *function* alone, not at what that calls
    cache._cache_file = IndexDataCacheFile(cache.cache_path, cache._impl.filename_base, _stamp())  # noqa: SLF001
    return dispatcher  # type: ignore[no-any-return] # numba's own type


@cache
def _stamp() -> str:
    """Return what changes whenever a module does that a kernel may take a function or a number from."""
    root = Path(__file__).parent.parent
    files = sorted(file for package in _PACKAGES for file in (root / package).glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
