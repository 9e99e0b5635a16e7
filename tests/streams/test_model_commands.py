"""`touchline model` with a store: what is taken in, shown and compared, and what is refused in one sentence."""

import getpass
import json
import shutil

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from features.feature_sets import FEATURE_SETS, NEWEST
from models.bundle import bundle_of_kind, load_bundle
from models.card import Facts, card_files
from streams.cli import main
from tests.models.small_bundles import rewrite

WHY = ["--why", "a test", "--by", "ann"]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("TOUCHLINE_MODEL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TOUCHLINE_MODEL_BUDGET_US", "1000000")  # how fast this machine is now is not what is tested
    return tmp_path / "store"


def copied(kind, folder, version):
    """A shipped bundle as another version, which its card does not know."""
    shutil.copytree(bundle_of_kind(kind), folder, ignore=shutil.ignore_patterns("card.*"))
    rewrite(folder, version=version)
    return folder


@pytest.fixture
def second(tmp_path):
    return copied("tree", tmp_path / "second", "2")


@pytest.fixture
def both(tmp_path, second):
    first = copied("heuristic", tmp_path / "first", "1")
    for folder in (first, second):
        assert 0 == run("register", folder, *WHY).exit_code
    return load_bundle(first), load_bundle(second)


def run(*words):
    return CliRunner().invoke(main, ["model", *map(str, words)])


def told(*words):
    result = run(*words, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def refusal(*words):
    result = run(*words)
    assert 2 == result.exit_code, result.output
    (line,) = result.stderr.strip().splitlines()
    return line.removeprefix("Error: ")


def test_an_empty_store_says_how_to_begin(store):
    assert [] == told("list")
    assert f"{store} holds no model yet; touchline model register takes one in\n" == run("list").stdout


def test_what_is_registered_is_listed_with_what_it_is_and_by_whom(both):
    first, second = told("list")

    assert both[0].digest == first["digest"]
    assert ("internationals", "1", "heuristic", NEWEST, "2022-11-19", "ann", "a test", [], False) == tuple(
        first[name]
        for name in ("model", "version", "kind", "feature_set", "trained_until", "by", "why", "aliases", "retired")
    )
    assert both[1].digest == second["digest"]
    shown = run("list").stdout
    assert both[0].digest[:12] in shown
    assert both[1].digest[:12] in shown


def test_the_user_of_the_machine_is_who_changes_it_unless_another_is_named():
    row = told("register", bundle_of_kind("tree"), "--why", "a test")

    assert getpass.getuser() == row["by"]


def test_aliases_are_pointed_moved_and_taken_away(both):
    assert {"model": "internationals", "alias": "champion", "version": "1", "replaced": None} == told(
        "alias", "internationals", "champion", "1", *WHY
    )
    assert "1" == told("alias", "internationals", "champion", "2", "--replaces", "1", *WHY)["replaced"]
    assert both[1].digest == told("show", "internationals@champion")["digest"]

    sentence = "the champion of internationals is 2 (by ann, because 'a test'), not 1: look again before you change it"
    assert sentence == refusal("alias", "internationals", "champion", "1", "--replaces", "1", *WHY)
    assert "there is no version '9' of internationals in the store, only 1, 2" == refusal(
        "alias", "internationals", "challenger", "9", *WHY
    )
    assert "internationals 2 is the champion; point that elsewhere first" == refusal("retire", "internationals@2", *WHY)

    assert "2" == told("alias", "internationals", "champion", "none", *WHY)["replaced"]
    assert told("retire", "internationals@2", *WHY)["retired"]


def test_show_tells_where_a_version_comes_from_and_all_that_became_of_it(both):
    run("alias", "internationals", "challenger", "1", *WHY)
    run("alias", "internationals", "challenger", "2", *WHY)
    run("retire", "internationals@1", "--why", "too old", "--by", "bob")
    details = told("show", both[0].digest[:8])

    assert [
        ("registered as 1", "ann", "a test"),
        ("challenger from none to 1", "ann", "a test"),
        ("challenger from 1 to 2", "ann", "a test"),
        ("retired", "bob", "too old"),
    ] == [(one["change"], one["by"], one["why"]) for one in details["changes"]]
    assert 145_933 == details["provenance"]["training"]["rows"]
    assert [*FEATURE_SETS[NEWEST].names] == details["features"]
    assert ([], False) == (details["signed_by"], details["card"])
    shown = run("show", "internationals@1").stdout
    for text in ("retired", "too old", "1990-01-01 to 2022-11-19: 28,585 matches, 145,933 rows", both[0].digest):
        assert text in shown


def test_the_card_is_shown_when_there_is_one(both, second):
    rewrite(second, version="3")
    manifest = load_bundle(second).manifest
    files = card_files(manifest, Facts("friendlies", {}, ["none"], "touchline train --kind tree"))
    (second / "card.json").write_bytes(files["card.json"])
    run("register", second, *WHY)

    assert files["card.md"].decode() == run("show", "internationals@3", "--card").stdout
    assert manifest.digest == told("show", "internationals@3", "--card")["digest"]
    assert "touchline train --kind tree" in run("show", "internationals@3").stdout
    assert "internationals 1 was registered without a card" == refusal("show", "internationals@1", "--card")
    assert both


def test_diff_tells_what_differs_between_versions_and_folders(both, second):
    run("alias", "internationals", "champion", "1", *WHY)
    found = told("diff", "internationals@champion", second)
    values = {one["what"]: (one["first"], one["second"]) for one in found["differences"]}

    assert ("heuristic", "tree") == values["kind"]
    assert (both[0].digest, both[1].digest) == values["digest"]
    losses = [one.manifest.metrics["pre_match"]["log_loss"] for one in both]
    assert tuple(losses) == values["metrics.pre_match.log_loss"]
    assert found["same_holdout"]
    shown = run("diff", "internationals@1", second).stdout
    assert f"{losses[1] - losses[0]:+.4f}" in shown
    assert "they are the same bundle\n" == run("diff", "internationals@2", second).stdout


def test_metrics_of_other_matches_are_not_compared_in_silence(both, second):
    training = json.loads((second / "manifest.json").read_text())["training"]
    rewrite(second, training=training | {"until": "2023-11-19"})

    assert "their metrics are of other matches" in run("diff", "internationals@2", second).stdout
    assert both


def test_verify_is_ok_until_a_file_of_the_store_changes(both, store):
    assert [None, None] == [one["refused"] for one in told("verify")]

    damaged = store / "bundles" / both[1].digest / "model.onnx"
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[:-1])
    result = run("verify")

    assert 1 == result.exit_code
    first, second = result.stdout.splitlines()
    assert "internationals 1: ok" == first
    assert f"model.onnx has {len(content) - 1} bytes, its manifest says {len(content)}" in second
    assert 0 == run("verify", "internationals@1").exit_code


def test_a_key_signs_and_is_asked_for_by_its_public_half(tmp_path, monkeypatch, second):
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(secret)
    (tmp_path / "keys.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    monkeypatch.setenv("TOUCHLINE_MODEL_SIGNERS_FILE", str(tmp_path / "keys.pem"))

    assert f"{second} is not signed by any of the keys in {tmp_path / 'keys.pem'}" == refusal("register", second, *WHY)
    done = run("register", second, "--key", tmp_path / "key.pem", *WHY)
    assert 0 == done.exit_code
    assert secret.decode().splitlines()[1] not in done.output
    assert 1 == len(told("show", "internationals@2")["signed_by"])
    assert 0 == run("verify").exit_code


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["register", "nowhere", *WHY], "nowhere is no bundle: it has no manifest.json; touchline train writes one"),
        (["show", "internationals@1"], "holds no bundle 'internationals@1'"),
        (["show", "nonsense"], "'nonsense' is neither NAME@VERSION, NAME@champion, NAME@challenger nor a digest"),
        (["retire", "internationals@1", *WHY], "holds no bundle 'internationals@1'"),
        (["diff", "a@1", "b@1"], "holds no bundle 'a@1'"),
        (["list", "--store", "nosuch://x"], "the store nosuch://x cannot be opened: ValueError: Protocol not known"),
        (["alias", "a", "champion", "1", "--why", ""], "this cannot be recorded: why '': String should have"),
        (["verify", "a@b@c"], "holds no bundle 'a@b@c'"),
        (["register", str(bundle_of_kind("tree")), "--key", "nokey", *WHY], "nokey cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_two(words, sentence):
    assert sentence in refusal(*words)


def test_a_setting_which_is_wrong_is_one_sentence(monkeypatch):
    monkeypatch.setenv("TOUCHLINE_MODEL_BUDGET_US", "0")

    assert "TOUCHLINE_MODEL_BUDGET_US is '0': Input should be greater than 0" in refusal("list")
