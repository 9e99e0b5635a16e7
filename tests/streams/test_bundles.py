"""The settings name a shipped bundle, one in a folder, or one in the store."""

from pathlib import Path

import pytest

from models.bundle import bundle_of_kind, load_bundle
from models.entries import Act, Pointed, Retired
from models.journal import append
from models.manifest import BundleError, StoreError
from models.registering import register
from streams.bundles import bundle_of, store_of
from streams.engine.reachability import is_about_reachability
from streams.settings import Settings

ACT = Act("ann", "a test", 0)


@pytest.fixture
def settings(tmp_path):
    def made(**given):
        return Settings(
            bootstrap_servers="127.0.0.1:9092",
            registry_url="http://127.0.0.1:8081",
            model_store=str(tmp_path / "store"),
            model_budget_us=1_000_000,
            **given,
        )

    return made


@pytest.fixture
def registered(settings):
    store = store_of(settings())
    _, version = register(store, bundle_of_kind("tree"), ACT)
    append(store.files, "internationals", Pointed("champion", "3", None, ACT))
    return version


def test_without_a_name_it_is_the_shipped_one_and_a_folder_is_that_folder(settings):
    folder = bundle_of_kind("heuristic")
    digest = load_bundle(folder).digest

    assert digest == bundle_of(settings(predictor="heuristic")).digest
    assert digest == bundle_of(settings(bundle=str(folder))).digest


@pytest.mark.parametrize("reference", ["internationals@champion", "internationals@3"])
def test_one_of_the_store_is_named_by_alias_or_version(settings, registered, reference):
    assert registered.digest == bundle_of(settings(bundle=f"store:{reference}")).digest
    assert registered.digest == bundle_of(settings(bundle=f"store:{registered.digest}")).digest


def test_one_of_another_kind_than_is_asked_for_is_refused(settings, registered):
    assert registered
    with pytest.raises(BundleError, match="store:internationals@3 holds a tree, but the predictor asked for is stack"):
        bundle_of(settings(bundle="store:internationals@3", predictor="stack"))


def test_a_retired_one_is_served_only_where_that_is_allowed(settings, registered):
    files = store_of(settings()).files
    append(files, "internationals", Pointed("champion", None, "3", ACT))
    append(files, "internationals", Retired("3", ACT))

    with pytest.raises(BundleError, match="internationals 3 is retired: by ann, because 'a test'"):
        bundle_of(settings(bundle="store:internationals@3"))
    allowed = settings(bundle="store:internationals@3", model_allow_retired=True)
    assert registered.digest == bundle_of(allowed).digest


@pytest.mark.parametrize("bundle", [None, "somewhere"])
def test_where_signatures_are_asked_for_only_the_store_will_do(settings, bundle):
    with pytest.raises(BundleError, match="TOUCHLINE_MODEL_SIGNERS_FILE asks for signed bundles, and only those in a"):
        bundle_of(settings(bundle=bundle, model_signers_file=Path("keys.pem")))


def test_the_store_is_a_folder_of_the_user_by_default(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    store = store_of(settings().model_copy(update={"model_store": ""}))

    assert str(tmp_path / "touchline" / "models") == store.files.url
    assert not (tmp_path / "touchline").exists()


def test_a_store_that_does_not_answer_is_waited_out_as_brokers_are(settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="does not give models/internationals: NotADirectoryError") as caught:
        bundle_of(settings(bundle="store:internationals@3").model_copy(update={"model_store": str(tmp_path / "file")}))

    assert is_about_reachability(caught.value)
