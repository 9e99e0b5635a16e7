"""A journal has one order, in which every change made sense when it came; of two at the same time one wins."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.entries import Act, Pointed, Provenance, Registered, Retired
from models.journal import StoredModel, append, read_model
from models.manifest import BundleError, StoreError, TrainingRange
from models.store_files import store_files

ACT = Act("ann", "a test", 1_700_000_000_000)
LEARNED = TrainingRange("1990-01-01", "2022-11-19", 10, 5, "ab")
PROVENANCE = Provenance("tree", "v1", "2022-11-20T00:00:00+00:00", LEARNED, {"numpy": "2"}, 100, None, None)
VERSIONS = ("1", "2", "3")
FIELDS = ("action", "version", "digest", "card", "provenance", "act", "alias", "replaces")


def registered(version, digit="a"):
    return Registered(version, digit * 64, None, PROVENANCE, ACT)


def after(*entries):
    model = StoredModel("m")
    for entry in entries:
        model = model.after(entry)
    return model


@pytest.fixture(params=["folder", "memory"])
def files(request, tmp_path):
    return store_files(str(tmp_path) if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def spoil(files, path, content):
    """Change a file of the store as somebody would who does not mind the rules."""
    full = f"{files.root}/{path}"
    if files.filesystem.exists(full):
        files.filesystem.rm(full)
    files.filesystem.pipe_file(full, content)


ENTRIES = st.one_of(
    st.builds(registered, st.sampled_from(VERSIONS), st.sampled_from("abc")),
    st.builds(
        Pointed,
        st.sampled_from(["champion", "challenger"]),
        st.none() | st.sampled_from(VERSIONS),
        st.none() | st.sampled_from(VERSIONS),
        st.just(ACT),
    ),
    st.builds(Retired, st.sampled_from(VERSIONS), st.just(ACT)),
)


@given(st.lists(ENTRIES, max_size=30))
def test_whatever_is_tried_versions_stay_and_aliases_point_at_what_is_served(tried):
    files = store_files(f"memory://{uuid.uuid4().hex}")
    digests, taken = {}, []
    for entry in tried:
        try:
            model = append(files, "m", entry)
        except BundleError:
            continue
        taken.append(entry)
        if isinstance(entry, Registered):
            assert entry.version not in digests
            digests[entry.version] = entry.digest
        assert digests == {version: one.digest for version, one in model.versions.items()}
        served = digests.keys() - model.retired.keys()
        assert {pointed.version for pointed in model.aliases.values()} <= {None, *served}

    assert tuple(taken) == read_model(files, "m").entries
    assert after(*taken) == read_model(files, "m")


@pytest.mark.parametrize(
    ("before", "entry", "sentence"),
    [
        ([], Retired("1", ACT), "there is no version '1' of m in the store, only none"),
        ([registered("1")], Retired("2", ACT), "there is no version '2' of m in the store, only 1"),
        (
            [registered("1"), Pointed("challenger", "1", None, ACT)],
            Retired("1", ACT),
            "m 1 is the challenger; point that elsewhere first",
        ),
        ([registered("1"), Retired("1", ACT)], Retired("1", ACT), "m 1 is retired: by ann, because 'a test'"),
        (
            [registered("1"), Retired("1", ACT)],
            Pointed("champion", "1", None, ACT),
            "m 1 is retired: by ann, because 'a test'",
        ),
        (
            [registered("1"), registered("2", "b"), Pointed("champion", "1", None, ACT)],
            Pointed("champion", "2", None, ACT),
            "the champion of m is 1 (by ann, because 'a test'), not none: look again before you change it",
        ),
        (
            [registered("1")],
            Pointed("champion", "1", "2", ACT),
            "the champion of m is none, not 2: look again before you change it",
        ),
        ([], Pointed("champion", None, None, ACT), "the champion of m is none already"),
        (
            [registered("1")],
            registered("1", "b"),
            (
                "m 1 is bundle aaaaaaaaaaaa in the store, registered by ann, not bbbbbbbbbbbb: "
                "versions never change, so give this one another"
            ),
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(files, before, entry, sentence):
    for one in before:
        append(files, "m", one)
    with pytest.raises(BundleError) as caught:
        append(files, "m", entry)

    assert sentence == str(caught.value)
    assert tuple(before) == read_model(files, "m").entries


def test_of_many_who_point_an_alias_at_the_same_time_one_wins_and_the_others_are_told(tmp_path):
    files = store_files(str(tmp_path))
    versions = [str(number) for number in range(8)]
    for version in versions:
        append(files, "m", registered(version))
    together = threading.Barrier(len(versions))

    def promote(version):
        together.wait()
        try:
            append(files, "m", Pointed("champion", version, None, replace(ACT, by=f"user {version}")))
        except BundleError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(len(versions)) as threads:
        told = list(threads.map(promote, versions))

    (winner,) = [version for version, sentence in zip(versions, told, strict=True) if sentence is None]
    assert winner == read_model(files, "m").version_of("champion")
    assert {
        f"the champion of m is {winner} (by user {winner}, because 'a test'), not none: look again before you change it"
    } == {sentence for sentence in told if sentence is not None}
    assert len(versions) + 1 == len(list((tmp_path / "models" / "m").iterdir()))


def test_of_many_changes_at_the_same_time_that_exclude_nothing_each_comes_in(tmp_path):
    files = store_files(str(tmp_path))
    versions = [str(number) for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda version: append(files, "m", registered(version)), versions))

    assert set(versions) == read_model(files, "m").versions.keys()


def test_a_retirement_and_a_promotion_at_the_same_time_never_both_come_in(tmp_path):
    for turn in range(10):
        files, together = store_files(str(tmp_path / str(turn))), threading.Barrier(2)
        append(files, "m", registered("1"))

        def attempt(entry, files=files, together=together):
            together.wait()
            try:
                append(files, "m", entry)
            except BundleError:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            came = list(threads.map(attempt, [Retired("1", ACT), Pointed("champion", "1", None, ACT)]))

        assert 1 == sum(came)


def test_a_missing_or_damaged_entry_is_named(files):
    for entry in (registered("1"), Pointed("champion", "1", None, ACT), Pointed("champion", None, "1", ACT)):
        append(files, "m", entry)
    good = files.read("models/m/000002.json")
    files.filesystem.rm(f"{files.root}/models/m/000002.json")
    with pytest.raises(BundleError, match=r"models/m/000002\.json is missing: entries come after it"):
        read_model(files, "m")

    for content, sentence in (
        (good[:-5], "Invalid JSON"),
        (b"{}", "Unable to extract tag"),
        (good.replace(b'"champion"', b'"king"'), "Input should be 'champion' or 'challenger'"),
        (good.replace(b'"by": "ann"', b'"by": ""'), "at least 1 character"),
    ):
        spoil(files, "models/m/000002.json", content)
        with pytest.raises(BundleError, match=r"models/m/000002\.json is damaged: ") as caught:
            read_model(files, "m")
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)


STRANGE = st.sampled_from([None, 1, "", "1", "champion", "register", "alias", "retire", "../../x", "f" * 64, [], {}])


@given(st.binary(max_size=50) | st.dictionaries(st.sampled_from(FIELDS), STRANGE).map(json.dumps).map(str.encode))
@example(b"[" * 100_000)
@example(b'{"action": "register", "version": "1", "digest": "../../x", "card": null, "provenance": {}, "act": {}}')
def test_whatever_bytes_an_entry_has_it_is_refused_unless_it_is_whole(content):
    files = store_files(f"memory://{uuid.uuid4().hex}")
    files.create("models/m/000001.json", content)

    with pytest.raises(BundleError, match=r"000001\.json is damaged"):  # whole ones say who and why
        read_model(files, "m")


@pytest.mark.parametrize("act", [Act("", "x", 1), Act("a", "", 1), Act("a", "x" * 501, 1), Act("\udcff", "x", 1)])
def test_who_and_why_are_texts_that_can_be_kept(files, act):
    append(files, "m", registered("1"))
    with pytest.raises(BundleError, match="this cannot be recorded: "):
        append(files, "m", Retired("1", act))

    assert {} == read_model(files, "m").retired


def test_a_store_whose_journal_is_never_as_it_was_listed_is_given_up(files, monkeypatch):
    append(files, "m", registered("1"))
    monkeypatch.setattr(type(files), "names", lambda *_: [])

    with pytest.raises(StoreError, match="the journal of m changes all the time, or cannot be listed"):
        append(files, "m", registered("2"))
