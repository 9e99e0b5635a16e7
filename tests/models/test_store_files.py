"""A file of a store is there whole, once and for all, or not at all."""

import os
import uuid
from dataclasses import replace

import pytest

from models import store_files as module
from models.manifest import BundleError, StoreError
from models.store_files import store_files, told


@pytest.fixture(params=["folder", "file-url", "memory"])
def files(request, tmp_path):
    urls = {"folder": str(tmp_path), "file-url": f"file://{tmp_path}", "memory": f"memory://{uuid.uuid4().hex}"}
    return store_files(urls[request.param])


class Broken:
    """A service whose answers do not come back; with *takes* it does what it is told all the same."""

    def __init__(self, *, takes):
        self.takes, self.content = takes, {}

    def pipe_file(self, path, content, mode):
        assert mode == "create"
        if self.takes:
            self.content.setdefault(path, content)
        raise RuntimeError("connection reset\nby peer")

    def size(self, path):
        return len(self.cat_file(path))

    def cat_file(self, path):
        if path not in self.content:
            raise FileNotFoundError(path)
        return self.content[path]

    def ls(self, path, detail):
        raise RuntimeError(f"{path} {detail}")


def test_what_is_created_is_read_again_and_never_replaced(files):
    files.create("a/b", b"first")
    files.create("a/b", b"first")  # it is what it should be
    with pytest.raises(FileExistsError, match="a/b is there already, with another content"):
        files.create("a/b", b"second")

    assert b"first" == files.read("a/b")
    assert ["b"] == files.names("a")
    assert ["a"] == files.names("")
    assert [] == files.names("nothing")


def test_files_in_a_folder_are_read_only_and_drafts_are_gone(tmp_path):
    store_files(str(tmp_path)).create("a/b", b"x")

    assert 0 == (tmp_path / "a" / "b").stat().st_mode & 0o222
    assert ["b"] == [file.name for file in (tmp_path / "a").iterdir()]


def test_a_write_that_fails_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    files = store_files(str(tmp_path))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"does not take a/b: OSError: .* No space left on device"):
        files.create("a/b", b"x")

    assert [] == list((tmp_path / "a").iterdir())


def test_what_is_not_there_is_named(files):
    with pytest.raises(BundleError, match=r"a/b cannot be read: No such file or directory"):
        files.read("a/b")


def test_a_file_of_absurd_size_is_not_read(files, monkeypatch):
    files.create("a", b"12345")
    monkeypatch.setattr(module, "LARGEST_FILE", 4)
    with pytest.raises(BundleError, match="a is larger than 4 bytes"):
        files.read("a")


def test_a_write_whose_answer_was_lost_counts_when_it_is_there_and_is_ours(tmp_path):
    taking = replace(store_files(str(tmp_path)), filesystem=Broken(takes=True), root="r")
    taking.create("a", b"mine")
    with pytest.raises(FileExistsError):
        taking.create("a", b"another")

    deaf = replace(taking, filesystem=Broken(takes=False))
    with pytest.raises(StoreError, match="does not take a: RuntimeError: connection reset by peer"):
        deaf.create("a", b"mine")
    with pytest.raises(StoreError, match="does not give a: RuntimeError: r/a False"):
        deaf.names("a")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nosuch://models", "the store nosuch://models cannot be opened: ValueError: Protocol not known: nosuch"),
        ("http://[models", "the store http://[models cannot be opened: ValueError: Invalid IPv6 URL"),
        (
            "s3://key:topsecret@bucket",
            "a store is a folder or a plain URL without a password, such as s3://bucket/models",
        ),
        (
            "simplecache::memory://x",
            "a store is a folder or a plain URL without a password, such as s3://bucket/models",
        ),
    ],
)
def test_what_is_no_store_is_refused_in_one_sentence(url, sentence):
    with pytest.raises(BundleError) as caught:
        store_files(url)

    assert sentence == str(caught.value)


def test_passwords_of_urls_are_not_told_though_the_line_is_cut():
    error = OSError(f"http://ann:top@secret@host:1/path, abfs://box@account\n{'x' * 300}")

    assert told(error).startswith("OSError: http://***@host:1/path, abfs://box@account xxx")
    assert 200 == len(told(error))


def test_a_service_whose_driver_is_not_installed_is_told():
    with pytest.raises(BundleError, match=r"the store dropbox://models cannot be opened: ImportError: .*dropbox"):
        store_files("dropbox://models")
