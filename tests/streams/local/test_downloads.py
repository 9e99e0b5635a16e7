import errno
import hashlib
import io
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from streams.local import downloads
from streams.local.artifacts import Artifact, DigestError
from streams.local.downloads import place, progress_bar, provide_software
from streams.local.errors import ClusterError, NetworkError

FILES = {"quarkus-run.jar": b"run", "lib/main/part.jar": b"part"}


def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as content:
        for name, data in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            content.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def artifact(part, name, packaging, data):
    return Artifact(part, "org.example", name, "1", packaging, "", hashlib.sha256(data).hexdigest(), len(data))


CONTENTS = {"kafka_2.13": b"kafka", "server": b"server", "apicurio-registry-app": archive()}
PINNED = [
    artifact(
        "registry" if name.startswith("api") else "kafka", name, "tar.gz" if name.startswith("api") else "jar", data
    )
    for name, data in CONTENTS.items()
]


class Repository:
    """Serves the contents, counts what it served, and fails as it is told."""

    def __init__(self):
        self.contents = dict(CONTENTS)
        self.served = []
        self.failures = []

    def __call__(self, wanted, folder, advance):
        if self.failures:
            raise self.failures.pop()
        self.served.append(wanted.artifact)
        folder.mkdir(parents=True)
        path = folder / wanted.file_name
        path.write_bytes(self.contents[wanted.artifact])
        advance(wanted.size)
        return path


@pytest.fixture
def repository(monkeypatch):
    monkeypatch.setattr(downloads, "pinned_artifacts", lambda: PINNED)
    return Repository()


def left_behind(cache):
    return list(cache.rglob("partial-*"))


def test_all_is_downloaded_once_and_then_taken_from_the_cache(tmp_path, repository):
    first = provide_software(tmp_path, repository)
    second = provide_software(tmp_path, repository)

    assert first == second
    assert [*CONTENTS] == repository.served
    assert [b"kafka", b"server"] == [jar.read_bytes() for jar in first.kafka_jars]
    assert b"run" == first.registry_jar.read_bytes()
    assert first.java.exists()
    assert first.keytool.exists()
    assert [] == left_behind(tmp_path)


def test_only_what_is_missing_is_fetched_again(tmp_path, repository):
    provide_software(tmp_path, repository).kafka_jars[1].unlink()
    repository.served.clear()

    provide_software(tmp_path, repository)

    assert ["server"] == repository.served


def test_a_download_with_a_wrong_digest_is_refused_and_not_kept(tmp_path, repository):
    repository.contents["server"] = b"tampered"

    with pytest.raises(DigestError, match=r"server-1\.jar has SHA-256"):
        provide_software(tmp_path, repository)

    assert not place(tmp_path, PINNED[1]).exists()
    assert [] == left_behind(tmp_path)


def test_a_jar_which_changed_in_the_cache_is_refused_then_fetched_anew(tmp_path, repository):
    jar = provide_software(tmp_path, repository).kafka_jars[0]
    jar.write_bytes(b"other")

    with pytest.raises(DigestError):
        provide_software(tmp_path, repository)

    assert b"kafka" == provide_software(tmp_path, repository).kafka_jars[0].read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_an_unpacked_archive_which_lost_something_is_fetched_anew(tmp_path, repository, name):
    folder = provide_software(tmp_path, repository).registry_jar.parent
    (folder / name).unlink()

    provide_software(tmp_path, repository)

    assert FILES[name] == (folder / name).read_bytes()


def test_a_failing_network_is_tried_again(tmp_path, repository):
    repository.failures = [OSError("connection reset"), RuntimeError("not found in remote repositories")]

    assert provide_software(tmp_path, repository).registry_jar.exists()


def test_no_network_at_the_first_start_is_one_sentence(tmp_path, repository):
    repository.failures = [OSError("no route")] * 3

    with pytest.raises(NetworkError) as error:
        provide_software(tmp_path, repository)

    assert "first start needs the network" in str(error.value)
    assert "kafka_2.13-1.jar" in str(error.value)


def test_a_full_disk_is_not_taken_for_the_network(tmp_path, repository):
    repository.failures = [OSError(errno.ENOSPC, "No space left on device")]

    with pytest.raises(ClusterError, match="No space left on device") as error:
        provide_software(tmp_path, repository)

    assert not isinstance(error.value, NetworkError)


def test_too_little_space_is_said_before_anything_is_downloaded(tmp_path, repository, monkeypatch):
    monkeypatch.setattr(downloads, "pinned_artifacts", lambda: [replace(one, size=10**18) for one in PINNED])

    with pytest.raises(ClusterError, match=r"1000000000000 MB|MB are needed and \d+ MB are free"):
        provide_software(tmp_path, repository)

    assert [] == repository.served


def test_a_cache_which_cannot_be_made_is_named(tmp_path, repository):
    (tmp_path / "file").write_text("")

    with pytest.raises(ClusterError, match="Not a directory"):
        provide_software(tmp_path / "file" / "cache", repository)


def test_an_interrupted_download_leaves_nothing_and_is_taken_up_later(tmp_path, repository):
    def interrupted(wanted, folder, advance):
        if wanted.artifact == "server":
            raise KeyboardInterrupt
        return repository(wanted, folder, advance)

    with pytest.raises(KeyboardInterrupt):
        provide_software(tmp_path, interrupted)

    assert [] == left_behind(tmp_path)
    repository.served.clear()
    provide_software(tmp_path, repository)
    assert ["server", "apicurio-registry-app"] == repository.served


def test_what_a_killed_download_left_is_removed(tmp_path, repository):
    for folder in (tmp_path / "partial-1", tmp_path / "kafka" / "partial-2"):
        folder.mkdir(parents=True)

    provide_software(tmp_path, repository)

    assert [] == left_behind(tmp_path)


def test_two_at_once_download_everything_once(tmp_path, repository):
    started = threading.Barrier(2)
    results = []

    def start():
        started.wait()
        results.append(provide_software(tmp_path, repository))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results[0] == results[1]
    assert [*CONTENTS] == repository.served


def test_the_meter_is_told_what_is_downloaded_and_how_large(tmp_path, repository):
    told, counted = [], []

    @contextmanager
    def meter(label, total):
        told.append((label, total))
        yield counted.append

    provide_software(tmp_path, repository, meter)

    sizes = [one.size for one in PINNED]
    assert [("Downloading Apache Kafka 1", sizes[0] + sizes[1]), ("Downloading Apicurio Registry 1", sizes[2])] == told
    assert sizes == counted


def test_the_bar_says_what_and_how_large_on_standard_error(capsys):
    with progress_bar("Downloading it", 5_000_000) as advance:
        advance(5_000_000)

    captured = capsys.readouterr()
    assert "" == captured.out
    assert "Downloading it" in captured.err
    assert "5.0/5.0 MB" in captured.err
