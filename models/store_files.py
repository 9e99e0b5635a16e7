"""The files of a store, in a folder or at any URL that fsspec opens: written once, whole, and never changed."""

import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from models.contents import LARGEST_FILE
from models.manifest import BundleError, StoreError

_CREDENTIALS: Final = re.compile(r"://[^/\s:]*:[^/\s]*@")
_READ_ONLY: Final = 0o444

T = TypeVar("T")


class Files(Protocol):
    """Files by their path within a store; see `StoreFiles` for what each does and raises."""

    @property
    def url(self) -> str:
        """Return the address of the store."""

    @property
    def is_folder(self) -> bool:
        """Whether the files are on this machine."""

    def read(self, path: str) -> bytes:
        """Return the content of *path*."""

    def create(self, path: str, content: bytes) -> None:
        """Write *content* to *path*, where nothing is yet."""

    def names(self, path: str) -> list[str]:
        """Return the names of what is in the folder *path*."""


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """Files by their path within a store.

    Attributes:
        url: Of the store, as it was given; named in errors.
        filesystem: fsspec's.
        root: Of the store in it.
    """

    url: str
    filesystem: Any
    root: str

    @property
    def is_folder(self) -> bool:
        """Whether the files are on this machine, as far as its operating system shows."""
        return isinstance(self.filesystem, LocalFileSystem)

    def read(self, path: str) -> bytes:
        """Return the content of *path*.

        Raises:
            BundleError: It is not there, or larger than LARGEST_FILE.
            StoreError: The store does not answer.
        """
        found = self._existing(path)
        if found is None:
            raise BundleError(f"{self.url}: {path} cannot be read: No such file or directory")
        return found

    def create(self, path: str, content: bytes) -> None:
        """Write *content* to *path*, where nothing is yet: whole or not at all.

        In a folder the first of several wins (`link(2)`). Elsewhere it is what fsspec's driver makes of a file that is
        to be created: in S3 a conditional write.

        Raises:
            FileExistsError: There is another content.
            StoreError: The store does not answer, or does not take it.
        """
        try:
            if self.is_folder:
                _link(Path(self._full(path)), content)
            else:
                self.filesystem.pipe_file(self._full(path), content, mode="create")
        except Exception as error:  # each service has errors of its own, also for what is there already
            found = self._existing(path)
            if found is None:
                raise StoreError(f"{self.url} does not take {path}: {told(error)}") from error
            if found != content:  # else it was this very write, or one of the same content
                raise FileExistsError(f"{self.url}: {path} is there already, with another content") from error

    def names(self, path: str) -> list[str]:
        """Return the names of what is in the folder *path*, sorted; hidden ones are nobody's.

        Raises:
            StoreError: The store does not answer.
        """
        try:
            found = self._answer(lambda: self.filesystem.ls(self._full(path), detail=False), path)
        except FileNotFoundError:
            return []
        names = {PurePosixPath(one).name for one in found if one.rstrip("/") != self._full(path).rstrip("/")}
        return sorted(name for name in names if not name.startswith("."))

    def _existing(self, path: str) -> bytes | None:
        try:
            size = self._answer(lambda: self.filesystem.size(self._full(path)), path)
            if size is None or size > LARGEST_FILE:
                raise BundleError(f"{self.url}: {path} is larger than {LARGEST_FILE} bytes")
            return bytes(self._answer(lambda: self.filesystem.cat_file(self._full(path)), path))
        except FileNotFoundError:
            return None

    def _answer(self, ask: Callable[[], T], path: str) -> T:
        try:
            return ask()
        except FileNotFoundError:
            raise
        except Exception as error:  # the services' errors have no parent of their own
            raise StoreError(f"{self.url} does not give {path}: {told(error)}") from error

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"


def store_files(url: str) -> StoreFiles:
    """Return the files of the store at *url*: a folder, or ``s3://``, ``gs://``, ``abfs://`` and the like.

    Nothing is asked of it yet.

    Raises:
        BundleError: Not a URL that can be opened here.
    """
    try:
        # A chain of file systems may keep what is old, and a URL is shown in messages.
        plain = "::" not in url and urlsplit(url).password is None
        filesystem, root = url_to_fs(url, use_listings_cache=False) if plain else (None, "")  # others write too
    except (ImportError, ValueError) as error:  # the drivers of most services are packages of their own
        raise BundleError(f"the store {url} cannot be opened: {told(error)}") from error
    except Exception as error:  # drivers may look for credentials here, with errors of their own
        raise StoreError(f"the store {url} does not open: {told(error)}") from error
    if filesystem is None:
        raise BundleError("a store is a folder or a plain URL without a password, such as s3://bucket/models")
    return StoreFiles(url, filesystem, root.rstrip("/"))


def _link(target: Path, content: bytes) -> None:
    """Give *content* its name in one step, which fails when there is such a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READ_ONLY), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        target.hardlink_to(draft)
        for folder in target.parents[:2]:  # the second may have got the first just now
            _sync(folder)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def told(error: Exception) -> str:
    """Return *error* in one short line, without passwords of URLs."""
    return without_password(" ".join(f"{type(error).__name__}: {error}".split()))[:200]


def without_password(text: str) -> str:
    """Return *text* without the user and password of each URL in it that has one.

    >>> without_password("http://ann:secret@host:1/path")
    'http://***@host:1/path'
    """
    return _CREDENTIALS.sub("://***@", text)
