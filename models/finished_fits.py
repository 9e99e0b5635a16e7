"""Fits which are finished, kept on disk, so that a training that was interrupted goes on from them.

Each is kept under a digest of all that it depends on: rows, results, weights, start, kind, sizes, the versions of the
libraries, and the source of the modules which fit. A fit of other data, options or code is therefore never taken up.
"""

import hashlib
import os
import platform
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from models import fitted_arrays, fitting, heuristic, network, trees
from models.fitted_arrays import arrays_of, member_of
from models.fitting import Examples, Sizes, fit_member
from models.graph import Member
from models.predictors import Kind

MOST_BYTES: Final = 256 * 2**20
LIBRARIES: Final = ("numpy", "scikit-learn", "xgboost-cpu", "lightgbm")
FITTING: Final[tuple[ModuleType, ...]] = (fitted_arrays, fitting, heuristic, network, trees)
_SUFFIX: Final = ".npz"


@dataclass(slots=True)
class FinishedFits:
    """Fits members, or takes up what has been fitted before; one owner, for one training.

    Attributes:
        folder: Where fits are kept; created with the first. It can be removed at any time.
        say: Told in a sentence what is taken up, and what could not be kept.
        most: Bytes in *folder*, about; the oldest leave.
        taken_up: How many fits were taken up.
        kept: Files of the fits of this training.
        others_told: Whether it was told of fits of other trainings.
    """

    folder: Path
    say: Callable[[str], None] = lambda _sentence: None
    most: int = MOST_BYTES
    taken_up: int = 0
    kept: set[Path] = field(default_factory=set)
    others_told: bool = False

    def fit_member(self, kind: Kind, examples: Examples, sizes: Sizes) -> Member:
        """Return a member of *kind* fitted on *examples*; see `models.fitting.fit_member`."""
        file = self.folder / f"{fit_digest(kind, examples, sizes)}{_SUFFIX}"
        member = self._take_up(file, kind, examples)
        if member is None:
            member = fit_member(kind, examples, sizes)
            self._keep(file, member)
        self.kept.add(file)
        return member

    def forget(self) -> None:
        """Remove the fits of this training, which is done."""
        for file in self.kept:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # others are in it
            self.folder.rmdir()

    def _tell_of_others(self, kind: Kind, examples: Examples) -> None:
        """Say once, before the first one that is missing is fitted, that the fits which are there are not this one."""
        others = set(self.folder.glob(f"[!.]*{_SUFFIX}")) - self.kept
        if others and not self.others_told:
            self.say(
                f"Not taken up: {len(others)} in {self.folder}, none of which is {kind} on these "
                f"{len(examples.results):,} rows with these options, libraries and code"
            )
        self.others_told = True

    def _take_up(self, file: Path, kind: Kind, examples: Examples) -> Member | None:
        try:
            at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            with np.load(file, allow_pickle=False) as arrays:
                member = member_of(kind, dict(arrays), examples.start)
        except (FileNotFoundError, NotADirectoryError):
            self._tell_of_others(kind, examples)
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            self.say(f"{file} is damaged ({error}); {kind} is fitted anew")
            return None
        self.taken_up += 1
        self.say(f"Taken up: {kind} on {len(examples.results):,} rows, fitted {at:%Y-%m-%d %H:%M:%S} UTC")
        return member

    def _keep(self, file: Path, member: Member) -> None:
        new = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with new.open("wb") as out:
                np.savez(out, **arrays_of(member))  # type: ignore[arg-type]  # none is called allow_pickle
            new.replace(file)
            self._make_room(file)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            self.say(f"a finished fit could not be kept in {self.folder}: {error.strerror}")

    def _make_room(self, newest: Path) -> None:
        entries = sorted((entry.stat().st_mtime, entry.stat().st_size, entry) for entry in self.folder.iterdir())
        size = sum(one for _, one, _ in entries)
        for _, one, entry in entries:
            if size <= self.most:
                return
            if entry != newest:
                entry.unlink(missing_ok=True)
                size -= one


def fit_digest(kind: Kind, examples: Examples, sizes: Sizes) -> str:
    """Return the SHA-256, in hexadecimal, of all that a fit of *kind* depends on."""
    found = hashlib.sha256(repr((kind, astuple(sizes), examples.matrix.shape, examples.start, _code())).encode())
    for values in (examples.matrix, examples.results, examples.weights):
        found.update(f"{values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


@cache
def _code() -> tuple[str, ...]:
    sources = [hashlib.sha256(Path(str(one.__file__)).read_bytes()).hexdigest() for one in FITTING]
    return (*(version(one) for one in LIBRARIES), platform.python_version(), platform.machine(), *sources)
