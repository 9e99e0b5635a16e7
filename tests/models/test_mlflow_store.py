"""A store in MLflow, on its own server, keeps what any store keeps, and refuses what any store refuses."""

import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.bundle import load_bundle
from models.card import MEASURES, Facts, card_files
from models.entries import Act, Pointed, Retired
from models.journal import append, read_model
from models.manifest import BundleError, StoreError
from models.mlflow_connection import mlflow_store
from models.mlflow_tags import DIGEST, ENTRY, RETIRED
from models.registering import register, verify
from models.signatures import key_name, read_signers
from models.store import open_stored, read_models, read_stored_card, resolve
from tests.models.mlflow_stores import AT_ONCE, running_server, store_at
from tests.models.small_bundles import constant_graph, replace_file, save_small

ACT = Act("ann", "a test", 1_700_000_000_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def shared(folder):
    with running_server(folder) as url:
        yield store_at(url)


@pytest.fixture
def store(shared, tmp_path):
    return replace(shared, cache=tmp_path / "cache")


@pytest.fixture
def name():
    return f"m-{uuid.uuid4().hex}"


@pytest.fixture
def make(tmp_path, names, rows, name):
    """Make a small bundle of the model *name*, and return its folder."""
    return lambda **changes: save_small(tmp_path / uuid.uuid4().hex, names, rows, **{"model": name, **changes})


@pytest.fixture
def artifact(folder, store):
    """Find a file of a bundle on the server's disk."""

    def find(version, file):
        (found,) = (folder / "artifacts").glob(
            f"*/{store.files._run(version.digest).info.run_id}/artifacts/bundle/{file}"
        )
        return found

    return find


def refusal(work, *given, **named):
    with pytest.raises(BundleError) as caught:
        work(*given, **named)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_what_is_registered_is_found_by_version_alias_and_digest_and_opened_as_it_was(store, make, name):
    bundle = make()
    model, seven = register(store, bundle, ACT)
    _, eight = register(store, make(version="8"), ACT)
    append(store.files, name, Pointed("champion", "8", None, replace(ACT, why="better")))

    assert (name, seven) == (model.name, model.versions["7"])
    assert load_bundle(bundle).digest == open_stored(store, seven.digest).digest
    assert seven == resolve(store, f"{name}@7")[1] == resolve(store, seven.digest[:8])[1]
    assert eight == resolve(store, f"{name}@champion")[1]
    assert name in [one.name for one in read_models(store)]
    assert "holds no bundle" in refusal(resolve, store, f"{name}@challenger")
    again = read_model(store.files, name)
    assert {"7": seven, "8": eight} == again.versions
    assert "better" == again.aliases["champion"].act.why
    for version in (seven, eight):
        verify(store, version)


def test_mlflow_itself_shows_versions_digests_and_aliases(store, make, name):
    _, seven = register(store, make(), ACT)
    append(store.files, name, Pointed("challenger", "7", None, ACT))

    version = store.files.client.get_model_version_by_alias(name, "challenger")
    run = store.files.client.get_run(version.run_id)
    assert seven.digest == version.tags[DIGEST] == run.data.tags[DIGEST]
    assert {"model.onnx", "reference.json", "golden.json", "manifest.json"} == {
        one.path.removeprefix("bundle/") for one in store.files.client.list_artifacts(version.run_id, "bundle")
    }


def test_the_same_bundle_again_changes_nothing_and_another_of_its_version_is_refused(store, make, name):
    bundle = make()
    first = register(store, bundle, ACT)
    again = register(store, bundle, replace(ACT, by="bob"))
    told = refusal(register, store, make(created="2023-01-01T00:00:00+00:00"), ACT)

    assert first == again
    assert told.startswith(f"{name} 7 is bundle {first[1].digest[:12]} in the store, registered by ann, not ")
    assert 1 == len(store.files.client.search_model_versions(f"name = '{name}'"))


def test_of_two_bundles_registered_as_one_version_at_once_the_first_stands_for_all(store, make, name):
    bundles = [make(created=f"2023-01-0{day}T00:00:00+00:00") for day in range(1, 5)]

    def attempt(bundle):
        try:
            return register(store, bundle, ACT)[1].digest
        except BundleError as error:
            return str(error)

    with ThreadPoolExecutor(len(bundles)) as pool:
        said = list(pool.map(attempt, bundles))

    winner = read_model(store.files, name).versions["7"].digest
    assert winner in {load_bundle(bundle).digest for bundle in bundles}
    assert 1 == said.count(winner)
    assert 3 == sum("versions never change" in one for one in said), said
    assert winner == open_stored(store, winner).digest


def test_a_loser_that_was_written_all_the_same_is_no_version_and_not_opened(store, make, name):
    _, first = register(store, make(), ACT)
    other = make(created="2023-01-01T00:00:00+00:00", version="8")
    _, eight = register(store, other, ACT)
    client = store.files.client
    number = next(
        one.version for one in client.search_model_versions(f"name = '{name}'") if eight.digest == one.tags[DIGEST]
    )
    client.set_model_version_tag(name, number, ENTRY, client.get_model_version(name, number).tags[ENTRY].replace(
        '"version": "8"', '"version": "7"'
    ))  # fmt: skip

    assert {"7": first} == read_model(store.files, name).versions
    assert "is not registered as" in refusal(open_stored, store, eight.digest)


def test_a_bad_bundle_is_refused_at_its_registration_and_nothing_of_it_is_written(store, make, names, name):
    bundle = make()
    replace_file(bundle, "model.onnx", constant_graph(names, float("nan")))

    assert "the model's answer to golden row 1 is not finite" in refusal(register, store, bundle, ACT)
    assert {} == read_model(store.files, name).versions
    assert name not in store.files.names("models")


@pytest.mark.parametrize(("cached", "opened"), [(True, True), (False, False)])
def test_artifacts_that_were_changed_are_refused_and_a_copy_in_the_cache_is_as_good_as_they_were(
    store, make, artifact, cached, opened
):
    where = store if cached else replace(store, cache=None)
    _, version = register(where, make(), ACT)
    open_stored(where, version.digest)
    file = artifact(version, "model.onnx")
    file.write_bytes(file.read_bytes()[:-1])

    if opened:
        assert version.digest == open_stored(where, version.digest).digest
    else:
        assert "model.onnx has 640 bytes, its manifest says 641" in refusal(open_stored, where, version.digest)
    assert "model.onnx has 640 bytes" in refusal(verify, where, version)
    file.unlink()
    assert "model.onnx cannot be read: No such file or directory" in refusal(verify, where, version)


def test_a_card_is_kept_and_verified(store, make, artifact):
    bundle = make(metrics={"pre_match": dict.fromkeys(("n", *MEASURES), 0.5)})
    manifest = load_bundle(bundle).manifest
    for file, content in card_files(manifest, Facts("friendlies", {}, ["none"], "touchline train")).items():
        (bundle / file).write_bytes(content)
    _, version = register(store, bundle, ACT)
    verify(store, version)

    assert manifest.digest == read_stored_card(store, version)["digest"]
    card = artifact(version, "card.json")
    card.write_bytes(card.read_bytes().replace(b"friendlies", b"World Cups"))
    assert "card.json has SHA-256 " in refusal(verify, store, version)


def test_a_retired_version_is_opened_only_for_who_asks_for_it(store, make, name):
    _, version = register(store, make(), ACT)
    append(store.files, name, Pointed("champion", "7", None, ACT))
    told = refusal(append, store.files, name, Retired("7", ACT))
    assert f"{name} 7 is the champion; point that elsewhere first" == told
    append(store.files, name, Pointed("champion", None, "7", replace(ACT, at_ms=ACT.at_ms + 1)))
    model = append(store.files, name, Retired("7", replace(ACT, by="bob", why="too old", at_ms=ACT.at_ms + 2)))

    assert f"{name} 7 is retired: by bob, because 'too old'" == refusal(open_stored, store, version.digest)
    assert version.digest == open_stored(store, version.digest, retired=True).digest
    assert ["register", "alias", "retire"] == [entry.action for entry in model.entries]
    assert model.version_of("champion") is None


def test_an_alias_with_a_wrong_expectation_is_refused(store, make, name):
    for version in ("7", "8"):
        register(store, make(version=version), ACT)
    append(store.files, name, Pointed("champion", "7", None, ACT))

    told = refusal(append, store.files, name, Pointed("champion", "8", None, ACT))
    assert told.startswith(f"the champion of {name} is 7 (by ann, because 'a test'), not none")


def test_an_alias_that_was_moved_in_mlflow_itself_counts_and_is_told_as_that(store, make, name):
    for version in ("7", "8"):
        register(store, make(version=version), ACT)
    append(store.files, name, Pointed("champion", "7", None, ACT))
    store.files.client.set_registered_model_alias(name, "champion", "2")

    pointed = read_model(store.files, name).aliases["champion"]
    assert ("8", "MLflow") == (pointed.version, pointed.act.by)

    store.files.client.delete_registered_model_alias(name, "champion")
    assert read_model(store.files, name).version_of("champion") is None


def test_versions_and_models_that_are_none_of_ours_are_left_alone(store, make, name):
    client = store.files.client
    client.create_registered_model(f"{name}-foreign")
    client.create_registered_model(name)
    client.create_model_version(name, "s3://somewhere/model")
    _, version = register(store, make(), ACT)

    assert f"{name}-foreign" not in store.files.names("models")
    assert {"7": version} == read_model(store.files, name).versions
    client.set_registered_model_alias(name, "champion", "1")
    told = refusal(resolve, store, f"{name}@champion")
    assert told.endswith(f"the champion of {name} is version 1, which is no bundle")


@pytest.mark.parametrize("damage", ["{", '{"action": "retire"}'])
def test_a_damaged_tag_is_told(store, make, name, damage):
    register(store, make(), ACT)
    store.files.client.set_model_version_tag(name, "1", ENTRY, damage)

    assert f"version 1 of {name}: tag {ENTRY} is damaged: " in refusal(read_model, store.files, name)


def test_a_tag_of_another_action_is_told(store, make, name):
    register(store, make(), ACT)
    client = store.files.client
    client.set_model_version_tag(name, "1", RETIRED, client.get_model_version(name, "1").tags[ENTRY])

    told = refusal(read_model, store.files, name)
    assert told.endswith(f"version 1 of {name}: tag {RETIRED} is damaged: it is of another action")


def test_signatures_are_kept_and_asked_for(store, make, tmp_path):
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys.pem").write_bytes(public)
    strict = replace(store, demands=replace(AT_ONCE, signers=read_signers(tmp_path / "keys.pem")))
    bundle = make()
    assert "is not signed by any of the keys in " in refusal(register, strict, bundle, ACT)
    _, version = register(store, bundle, ACT)
    assert "is signed by none of the keys in " in refusal(open_stored, strict, version.digest)

    register(strict, bundle, ACT, key)

    assert version.digest == open_stored(strict, version.digest).digest
    assert [key_name(key.public_key())] == store.files.names(f"signatures/{version.digest}")


def test_looking_into_a_store_makes_no_experiment(store):
    fresh = replace(store, files=replace(store.files, experiment="never"))

    assert "cannot be read" in refusal(open_stored, fresh, "0" * 64)
    assert [] == fresh.files.names(f"signatures/{'0' * 64}")
    assert store.files.client.get_experiment_by_name("never") is None


def test_a_name_that_would_be_no_name_is_refused_before_mlflow_is_asked(store):
    assert "model \"a' or 'b\" is not 1 to 100 letters" in refusal(append, store.files, "a' or 'b", Retired("1", ACT))


def test_a_database_that_does_not_answer_is_a_store_that_may_come_back(store, name):
    class Deaf:
        def __getattr__(self, asked):
            def silent(*_given, **_named):
                raise OSError(f"{asked}: connection reset\nby peer")

            return silent

    deaf = replace(store, files=replace(store.files, client=Deaf()))
    with pytest.raises(StoreError, match=f"does not answer for the model {name}: OSError: get_registered_model: conn"):
        read_model(deaf.files, name)
    with pytest.raises(StoreError, match=r"does not answer for bundle [0-9a-f]{64}: OSError: .* reset by peer"):
        open_stored(deaf, "0" * 64)


@pytest.mark.parametrize(
    ("url", "environment", "sentence"),
    [
        ("mlflow:", {}, "the store mlflow: is in MLflow, and MLFLOW_TRACKING_URI does not say where: set it, or "),
        ("mlflow:http://u:topsecret@h", {}, "a store mlflow:URI has no password in it; MLFLOW_TRACKING_URI may have"),
    ],
)
def test_what_is_no_store_is_refused_in_one_sentence(url, environment, sentence):
    told = refusal(mlflow_store, url, environment)

    assert told.startswith(sentence)
    assert "topsecret" not in told


def test_a_password_in_the_tracking_uri_is_not_shown():
    store = mlflow_store("mlflow:", {"MLFLOW_TRACKING_URI": "http://ann:topsecret@127.0.0.1:9"})

    assert "mlflow:http://***@127.0.0.1:9" == store.url


def test_a_store_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "file").write_text("no database")
    with pytest.raises(StoreError, match="does not open: "):
        mlflow_store(f"mlflow:sqlite:///{tmp_path}/file/mlflow.db", {})


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(__spec__=None))
    monkeypatch.setattr("models.mlflow_connection.find_spec", lambda _name: None)

    told = refusal(mlflow_store, "mlflow:http://h", {})

    assert "mlflow:http://h needs MLflow, which is not installed: pip install 'touchline[mlflow]'" == told
