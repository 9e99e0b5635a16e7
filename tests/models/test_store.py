"""A store serves what was registered, as it was, and refuses anything else in one sentence."""

import hashlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.bundle import load_bundle
from models.card import MEASURES, Facts, card_files
from models.entries import Act, Pointed, Retired
from models.journal import append, read_model
from models.manifest import BundleError, read_manifest
from models.registering import register, verify
from models.signatures import key_name, read_signers
from models.store import Demands, ModelStore, open_stored, read_models, read_stored_card, resolve
from models.store_files import store_files
from tests.models.small_bundles import constant_graph, replace_file, rewrite, save_small, slow_graph

ACT = Act("ann", "a test", 1_700_000_000_000)
AT_ONCE = Demands(clock=lambda: 0.0)


@dataclass
class CountingClock:
    """Tells of *step* seconds more at each look."""

    step: float
    now: float = 0.0

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def make(tmp_path, names, rows):
    """Make a small bundle, and return its folder."""
    return lambda **changes: save_small(tmp_path / uuid.uuid4().hex, names, rows, **changes)


@pytest.fixture
def bundle(make):
    return make()


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    url = str(tmp_path / "store") if request.param == "folder" else f"memory://{uuid.uuid4().hex}"
    return ModelStore(store_files(url), AT_ONCE, tmp_path / "cache")


def written(store):
    """Every file in the store, by path."""
    found = store.files.filesystem.find(store.files.root) if store.files.filesystem.exists(store.files.root) else []
    return {path.removeprefix(store.files.root): store.files.filesystem.cat_file(path) for path in found}


def spoil(store, path, content):
    """Change a file of the store as somebody would who does not mind the rules."""
    full = f"{store.files.root}/{path}"
    store.files.filesystem.rm(full)
    store.files.filesystem.pipe_file(full, content)


def refusal(work, *given, **named):
    with pytest.raises(BundleError) as caught:
        work(*given, **named)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def truncated(folder, _names):
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-100])


def altered(folder, _names):
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def of_other_classes(folder, _names):
    rewrite(folder, classes=["away", "draw", "home"])


def of_other_features(folder, names):
    rewrite(folder, features=[names[1], names[0], *names[2:]])


def answering_nan(folder, names):
    replace_file(folder, "model.onnx", constant_graph(names, float("nan")))


def too_slow(folder, names):
    replace_file(folder, "model.onnx", slow_graph(names))


def of_another_format(folder, _names):
    rewrite(folder, format=2)


def climbing_out(folder, _names):
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite(folder, files=files | {"../../../models/m/000001.json": files["model.onnx"]})


BAD = [
    (truncated, "model.onnx has 541 bytes, its manifest says 641"),
    (altered, "model.onnx has SHA-256 "),
    (of_other_classes, "its classes are away, draw, home; this version's are home, draw, away"),
    (of_other_features, "feature 1 is 'expected_home_goals' there and 'elo_difference' here"),
    (answering_nan, "the model's answer to golden row 1 is not finite"),
    (too_slow, " us on its golden rows, more than 4 times the budget of 150 us"),
    (of_another_format, "manifest.json has format 2; this version reads 1"),
    (climbing_out, "manifest.json names the file '../../../models/m/000001.json'; a bundle holds model.onnx, "),
]


each_bad_bundle = pytest.mark.parametrize(("spoilt", "sentence"), BAD, ids=[spoilt.__name__ for spoilt, _ in BAD])


@each_bad_bundle
def test_a_bad_bundle_is_refused_at_its_registration_and_nothing_of_it_is_written(
    tmp_path, bundle, names, spoilt, sentence
):
    spoilt(bundle, names)
    store = ModelStore(store_files(str(tmp_path / "store")), Demands())

    told = refusal(register, store, bundle, ACT)

    assert told.startswith(f"{bundle}: ")
    assert sentence in told
    assert {} == written(store)


@each_bad_bundle
def test_a_bad_bundle_which_was_smuggled_into_the_store_is_refused_when_it_is_opened(
    bundle, store, names, spoilt, sentence
):
    spoilt(bundle, names)
    digest = smuggled(store, bundle)

    told = refusal(open_stored, replace(store, demands=Demands()), digest)

    assert told.startswith(f"{store.files.url}/bundles/{digest}: ")
    assert sentence in told


def smuggled(store, folder):
    """Put a bundle into the store by hand, with its journal, as if it had been registered; return its digest."""
    fields = json.loads((folder / "manifest.json").read_text())
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    for file in folder.iterdir():
        store.files.create(f"bundles/{digest}/{file.name}", file.read_bytes())
    entry = {"action": "register", "version": "7", "digest": digest, "card": None}
    act = {"by": "mallory", "why": "none of your business", "at_ms": 0}
    told = {"kind": "tree", "feature_set": "v1", "created": "", "libraries": {}, "size": 1, "history": None}
    learned = {"first": None, "until": None, "rows": 1, "matches": 1, "digest": ""}
    provenance = told | {"reproduce": None, "training": learned}
    store.files.create("models/m/000001.json", json.dumps(entry | {"provenance": provenance, "act": act}).encode())
    return digest


def test_a_good_bundle_smuggled_in_the_same_way_is_opened(bundle, store):
    assert load_bundle(bundle).digest == open_stored(store, smuggled(store, bundle)).digest


def test_a_bundle_which_nobody_registered_or_which_lies_under_another_digest_is_refused(bundle, store):
    digest, other = load_bundle(bundle).digest, "0" * 64
    for file in bundle.iterdir():
        for place in (digest, other):
            store.files.create(f"bundles/{place}/{file.name}", file.read_bytes())

    assert f"{digest} is not registered as m 7" in refusal(open_stored, store, digest)
    assert f"manifest.json has digest {digest}, not the one it is kept under" in refusal(open_stored, store, other)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "../" * 20 + "abcd", "0" * 64])
def test_what_is_no_digest_and_what_is_not_there_is_refused(store, digest):
    told = refusal(open_stored, store, digest)

    assert ("cannot be read: No such file" if digest == "0" * 64 else "is not a digest") in told


def test_what_was_registered_is_opened_by_its_digest_in_any_thread_and_answers_the_same(bundle, store, rows):
    model, version = register(store, bundle, ACT)
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(lambda _: open_stored(store, version.digest), range(4)))

    expected = load_bundle(bundle)
    assert ("m", "7", expected.digest) == (model.name, version.version, version.digest)
    for one in opened:
        assert expected.digest == one.digest
        assert np.array_equal(expected.score(rows.matrix, "v1"), one.score(rows.matrix, "v1"))


def test_a_version_says_where_it_comes_from_and_its_manifest_is_kept(bundle, store):
    _, version = register(store, bundle, ACT)
    manifest = read_manifest(store.files.read(f"bundles/{version.digest}/manifest.json"), "there")

    assert load_bundle(bundle).manifest == manifest
    assert ACT == version.act
    assert ("heuristic", "v1", manifest.training) == (
        version.provenance.kind,
        version.provenance.feature_set,
        version.provenance.training,
    )
    assert sum(len(file.read_bytes()) for file in bundle.iterdir() if file.name != "manifest.json") == (
        version.provenance.size
    )
    assert version == read_model(store.files, "m").versions["7"]


def test_registering_the_same_again_changes_nothing(bundle, store):
    register(store, bundle, ACT)
    before = written(store)
    _, again = register(store, bundle, replace(ACT, why="again", at_ms=5))

    assert before == written(store)
    assert "a test" == again.act.why


def test_another_bundle_of_the_same_version_is_refused_and_the_first_stays(bundle, store, make):
    register(store, bundle, ACT)
    before = written(store)
    other = make(created="2023-01-01T00:00:00+00:00")

    assert "versions never change, so give this one another" in refusal(register, store, other, ACT)
    assert before == written(store)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "../m"}, "model '../m' is not 1 to 100 letters, digits, "),
        ({"model": "m/n"}, "model 'm/n' is not 1 to 100 letters, digits, "),
        ({"version": ".7"}, "version '.7' is not 1 to 100 letters, digits, "),
        ({"version": "champion"}, "a version cannot be called 'champion'"),
    ],
)
def test_names_which_are_no_file_names_everywhere_are_refused(store, make, changes, sentence):
    assert sentence in refusal(register, store, make(**changes), ACT)
    assert {} == written(store)


def test_a_retired_version_is_opened_only_for_who_asks_for_it_and_its_files_stay(bundle, store):
    _, version = register(store, bundle, ACT)
    before = written(store)
    append(store.files, "m", Retired("7", replace(ACT, by="bob", why="too old")))

    assert "m 7 is retired: by bob, because 'too old'" == refusal(open_stored, store, version.digest)
    assert "m 7 is retired: by bob, because 'too old'" == refusal(register, store, bundle, ACT)
    assert version.digest == open_stored(store, version.digest, retired=True).digest
    assert before.items() <= written(store).items()


def test_bundles_of_a_remote_store_are_fetched_once_and_checked_at_each_use(bundle, tmp_path):
    store = ModelStore(store_files(f"memory://{uuid.uuid4().hex}"), AT_ONCE, tmp_path / "cache")
    _, version = register(store, bundle, ACT)
    open_stored(store, version.digest)
    kept = tmp_path / "cache" / version.digest
    store.files.filesystem.rm(f"{store.files.root}/bundles", recursive=True)

    assert version.digest == open_stored(store, version.digest).digest

    (kept / "model.onnx").write_bytes(b"damaged")
    assert "cannot be read" in refusal(open_stored, store, version.digest)

    _, again = register(store, bundle, ACT)  # brings back what is missing
    assert version == again
    assert version.digest == open_stored(store, version.digest).digest
    assert (bundle / "model.onnx").read_bytes() == (kept / "model.onnx").read_bytes()


def test_a_cache_which_cannot_be_written_costs_the_next_start_a_download_and_nothing_else(bundle, tmp_path):
    (tmp_path / "file").write_text("no folder")
    store = ModelStore(store_files(f"memory://{uuid.uuid4().hex}"), AT_ONCE, tmp_path / "file" / "cache")
    _, version = register(store, bundle, ACT)

    assert version.digest == open_stored(store, version.digest).digest


def test_a_bundle_is_too_slow_above_four_times_the_budget(bundle, store):
    _, version = register(store, bundle, ACT)

    def measured(step):
        return replace(store, demands=Demands(budget_seconds=0.25, clock=CountingClock(step)))

    assert version.digest == open_stored(measured(1.0), version.digest).digest
    told = "a prediction takes 1,500,000 us on its golden rows, more than 4 times the budget of 250,000 us"
    assert told in refusal(open_stored, measured(1.5), version.digest)


@pytest.fixture
def signing(tmp_path, store):
    """A key, and the store where it must have signed."""
    key = Ed25519PrivateKey.generate()
    (tmp_path / "keys.pem").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        + Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return key, replace(store, demands=replace(AT_ONCE, signers=read_signers(tmp_path / "keys.pem")))


def test_unsigned_bundles_are_refused_where_signatures_are_asked_for(bundle, store, signing, tmp_path):
    key, strict = signing
    told = refusal(register, strict, bundle, ACT)
    assert f"{bundle} is not signed by any of the keys in {tmp_path / 'keys.pem'}" == told
    assert {} == written(store)

    _, version = register(store, bundle, ACT)  # by somebody who asks for none
    assert "is signed by none of the keys in " in refusal(open_stored, strict, version.digest)

    register(strict, bundle, ACT, key)
    assert version.digest == open_stored(strict, version.digest).digest
    assert version.digest == register(strict, bundle, ACT)[1].digest


def test_a_signature_is_that_of_this_bundle_by_a_key_that_is_asked_for(bundle, store, signing, make):
    key, strict = signing
    stranger = Ed25519PrivateKey.generate()
    assert "the key that signs " in refusal(register, strict, bundle, ACT, stranger)

    _, version = register(store, bundle, ACT, stranger)
    _, other = register(strict, make(version="8"), ACT, key)
    stolen = store.files.read(f"signatures/{other.digest}/{key_name(key.public_key())}")
    store.files.create(f"signatures/{version.digest}/{key_name(key.public_key())}", stolen)

    assert "is signed by none of the keys in " in refusal(open_stored, strict, version.digest)


def test_references_mean_a_version_an_alias_or_a_digest(bundle, store, make):
    _, seven = register(store, bundle, ACT)
    _, eight = register(store, make(version="8"), ACT)
    append(store.files, "m", Pointed("champion", "7", None, ACT))

    assert seven == resolve(store, "m@7")[1] == resolve(store, "m@champion")[1] == resolve(store, seven.digest[:8])[1]
    assert eight == resolve(store, "m@8")[1] == resolve(store, eight.digest)[1]
    for nothing in ("m@9", "m@challenger", "n@champion", "0123456789abcdef"):
        assert f"holds no bundle '{nothing}'" in refusal(resolve, store, nothing)
    for wrong in ("m", "", "abcdef", "ABCDEF0123"):
        assert f"'{wrong}' is neither NAME@VERSION, " in refusal(resolve, store, wrong)
    assert "model '..' is not " in refusal(resolve, store, "..@7")


def test_verify_finds_what_was_changed_after_the_registration(store, make):
    bundle = make(metrics={"pre_match": dict.fromkeys(("n", *MEASURES), 0.5)})
    manifest = load_bundle(bundle).manifest
    for name, content in card_files(manifest, Facts("friendlies", {}, ["none"], "touchline train")).items():
        (bundle / name).write_bytes(content)
    _, version = register(store, bundle, ACT)
    verify(store, version)
    assert ("friendlies", "touchline train") == (version.provenance.history, version.provenance.reproduce)
    assert manifest.digest == read_stored_card(store, version)["digest"]

    card = f"bundles/{version.digest}/card.json"
    good = store.files.read(card)
    spoil(store, card, good.replace(b"friendlies", b"World Cups"))
    assert "card.json has SHA-256 " in refusal(verify, store, version)
    spoil(store, card, good)

    entry = store.files.read("models/m/000001.json")
    spoil(store, "models/m/000001.json", entry.replace(b"1990-01-01", b"1950-01-01"))
    told = refusal(verify, store, read_model(store.files, "m").versions["7"])
    assert "the provenance that was registered is not that of its manifest and card" in told

    spoil(store, f"bundles/{version.digest}/golden.json", b"{}")
    assert "golden.json has 2 bytes" in refusal(verify, store, version)
    assert "golden.json is there with another content" in refusal(register, store, bundle, ACT)


@pytest.mark.parametrize("card", [{}, {"metrics": 5}, {"training": {}, "contract": []}])
def test_a_card_which_is_none_is_refused(store, bundle, card):
    (bundle / "card.json").write_text(json.dumps({"digest": load_bundle(bundle).digest} | card))

    assert f"{bundle}: card.json is no card: " in refusal(register, store, bundle, ACT)
    assert {} == written(store)


def test_models_are_listed_by_name(store, make):
    assert [] == read_models(store)
    for name in ("b", "a"):
        register(store, make(model=name), ACT)

    assert ["a", "b"] == [model.name for model in read_models(store)]
