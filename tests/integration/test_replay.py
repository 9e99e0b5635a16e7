"""Replays, ratings, resets and the demo, as a person runs them: in processes of their own on a real broker."""

import csv
import gzip
import json
import math
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from features.declared import Column, Declaration, declared_set
from features.history import international_matches
from features.match_state import MatchState
from features.narrative import kick_off_of
from features.simulation import Simulation
from models.bundle import save_bundle
from models.graph import GraphBuilder
from models.heuristic import heuristic_member
from models.manifest import Manifest, TrainingRange
from models.predictors import CLASSES
from schemas.codec import Codec
from schemas.records import FeatureEvent, Prediction
from streams.admin import Admin
from streams.local.cluster import LocalCluster
from streams.playing.seeding import rating_table, seeded_book
from streams.playing.watching import learning
from streams.registry import registry_of
from streams.settings import Settings
from tests.integration.world import wait_for

pytestmark = pytest.mark.integration

DATA = Path(__file__).parents[3] / "shared" / "data"
TEAMS = ("Ghana", "Togo", "Mali", "Niger", "Chad", "Benin")
FIRST_DAY = date(2022, 11, 20)
KEYS = (
    "matches", "events", "predictions", "dead_letters", "parity_mismatches", "rescored", "training_rows",
    "training_mismatches", "largest_difference", "differences", "p50_ms", "p99_ms", "events_per_second",
)  # fmt: skip


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small history: sixty friendlies, then three days of a cup with three matches each."""
    folder = tmp_path_factory.mktemp("history")
    chance = Random(7)
    days = [FIRST_DAY - timedelta(days=60 - n) for n in range(60)]
    rows, goals = [], []
    for number, day in enumerate([*days, *(FIRST_DAY + timedelta(days=n // 3) for n in range(9))]):
        home, away = chance.sample(TEAMS, 2) if number < 60 else _pairing(number)
        scores = chance.choices(range(4), k=2)
        cup = "Cup" if number >= 60 else "Friendly"
        rows.append([number, day, home, away, *scores, cup, 1])
        goals += [
            [number, chance.randint(1, 90), side, "goal"]
            for side, n in zip("HA", scores, strict=True)
            for _ in range(n)
        ]
    head = ["match_id", "date", "home_team", "away_team", "home_score", "away_score", "tournament", "neutral"]
    _write(folder / "international_matches.csv.gz", head, rows)
    _write(folder / "international_goals.csv.gz", ["match_id", "minute", "side", "kind"], goals)
    return folder


def _pairing(number: int) -> tuple[str, str]:
    turn, place = divmod(number - 60, 3)
    others = TEAMS[1:]
    order = [TEAMS[0], *others[turn:], *others[:turn]]
    return order[place], order[5 - place]


def _write(file: Path, head: list[str], rows: list[list[Any]]) -> None:
    with gzip.open(file, "wt", newline="") as text:
        csv.writer(text).writerows([head, *rows])


@pytest.fixture
def environment(cluster: LocalCluster, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TOUCHLINE_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
        "TOUCHLINE_REGISTRY_URL": cluster.registry_url,
        "TOUCHLINE_PARTITIONS": "4",
        "TOUCHLINE_PREDICTOR": "heuristic",
        "XDG_STATE_HOME": str(tmp_path),
    }


@pytest.fixture
def settings(cluster: LocalCluster, prefix: str) -> Settings:
    return Settings(
        bootstrap_servers=cluster.bootstrap_servers,
        registry_url=cluster.registry_url,
        topic_prefix=prefix,
        partitions=4,
    )


@contextmanager
def started(environment: dict[str, str], *words: object) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from streams.cli import main; main()", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def ended(environment: dict[str, str], *words: object) -> tuple[int, str, str]:
    with started(environment, *words) as process:
        out, err = process.communicate(timeout=55)
        return process.returncode, out, err


def replayed(environment: dict[str, str], *words: object) -> dict[str, Any]:
    code, out, err = ended(environment, "replay", "--json", *words)
    assert code == 0, out + err
    return dict(json.loads(out))


def predictions(settings: Settings, read: Any) -> list[Prediction]:
    decode = learning(Codec("prediction", Prediction), registry_of(settings))
    return [decode(record.value()) for record in read("predictions")]


def final_states(settings: Settings, read: Any) -> dict[bytes, MatchState]:
    """Return the last state of each match, without the offsets, which belong to the log.

    A match which is over may have left the table or not: that depends on when the worker looked.
    """
    decode = learning(Codec("match_state", MatchState), registry_of(settings))
    found = {}
    for record in read(settings.changelog("predict", "matches"), full_name=True):
        if record.value() is not None and not record.key().startswith(b"\0"):
            found[record.key()] = replace(decode(record.value()), applied_match=-1, applied_feature=-1)
    return found


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of all processes below *pid*."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        found |= descendants(int(child))
    return found


def wait_until(true: Any, seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


def test_a_replay_predicts_each_event_once_with_the_features_computed_offline(environment, history, settings):
    result = replayed(environment, "--history", history, "--from", FIRST_DAY, "--tournament", "Cup")

    assert tuple(result) == KEYS
    assert result["matches"] == 9
    assert result["predictions"] == result["events"] > 9 * 95
    assert (result["dead_letters"], result["parity_mismatches"]) == (0, 0)
    assert result["rescored"] == result["predictions"]
    assert (result["training_rows"], result["training_mismatches"]) == (result["predictions"] - 9, 0)
    assert 0 < result["p50_ms"] <= result["p99_ms"]
    assert not [name for name in Admin(settings).topic_names() if name.startswith("replay-")]


def test_real_matches_are_replayed_with_the_features_and_probabilities_of_training(environment):
    if not DATA.is_dir():
        assert not os.environ.get("CI"), f"{DATA} is missing"
        pytest.skip(f"{DATA} is missing")
    days = ("--from", "2022-11-16", "--until", "2022-11-17")

    result = replayed({**environment, "TOUCHLINE_PREDICTOR": "mean"}, "--history", DATA, *days)

    assert (result["matches"], result["dead_letters"], result["parity_mismatches"]) == (43, 0, 0)
    assert result["predictions"] == result["events"] == result["training_rows"] + 43
    assert (result["training_mismatches"], result["differences"]) == (0, [])
    assert 0 < result["largest_difference"] <= 1e-6


@pytest.mark.slow
def test_a_worker_killed_in_mid_replay_changes_neither_predictions_nor_states(
    environment, history, settings, world_of, prefix
):
    calm, killed = (settings.model_copy(update={"topic_prefix": f"{prefix}{name}-"}) for name in ("calm", "killed"))
    second_day = FIRST_DAY + timedelta(days=1)
    words = ("--history", history, "--from", FIRST_DAY, "--until", second_day, "--json", "--topic-prefix")
    assert ended(environment, "replay", *words, calm.topic_prefix)[0] == 0

    # Slow enough that the worker surely falls while its match day is played.
    with started(environment, "replay", *words, killed.topic_prefix, "--speed", "3000") as process:
        world = world_of(killed)
        wait_until(lambda: Admin(killed).topics([killed.topic("predictions")]))
        wait_until(lambda: len(world.read("predictions")) > 40)
        (worker,) = [pid for pid, line in descendants(process.pid).items() if "worker_process predict" in line]
        os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(timeout=50)

    result = json.loads(out)
    assert (process.returncode, result["parity_mismatches"]) == (0, 0), err
    undisturbed = predictions(calm, world_of(calm).read)
    found = predictions(killed, world.read)
    assert {one.prediction_id for one in undisturbed} == {one.prediction_id for one in found}
    assert len(undisturbed) == len(found)
    assert final_states(calm, world_of(calm).read) == final_states(killed, world.read)


def test_an_interrupted_replay_leaves_no_process_and_no_topic(environment, history, settings):
    with started(environment, "replay", "--history", history, "--from", FIRST_DAY, "--speed", "60") as process:
        wait_until(lambda: sum("worker_process" in line for line in descendants(process.pid).values()) == 2)
        workers = list(descendants(process.pid))
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=50)

    assert process.returncode == 130
    assert "stopped" in err
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert not [name for name in Admin(settings).topic_names() if name.startswith("replay-")]


def test_a_replay_can_be_left_to_workers_which_run_already(environment, history, settings, world):
    given = {**environment, "TOUCHLINE_TOPIC_PREFIX": settings.topic_prefix}
    assert ended(given, "ratings", "seed", "--data", history, "--until", FIRST_DAY)[0] == 0
    world.worker("predict", "rate")

    result = replayed(given, "--history", history, "--from", FIRST_DAY, "--until", FIRST_DAY, "--no-workers")

    assert (result["matches"], result["parity_mismatches"]) == (3, 0)
    assert len(world.values("predictions")) == result["predictions"] == result["events"]


def test_a_recorded_file_is_played_and_checked_too(environment, tmp_path):
    file = tmp_path / "events.jsonl"
    code, out, err = ended(environment, "replay", "--file", _recording(file), "--json")

    assert code == 0, out + err
    result = json.loads(out)
    assert result["parity_mismatches"] == 0
    assert 0 < result["predictions"] < result["events"]  # repeats and late ticks change nothing


def test_users_own_columns_are_served_as_they_are_computed_offline(environment, history, settings, world_of, tmp_path):
    bundle, file = _declared_bundle(tmp_path / "bundle"), tmp_path / "told.jsonl"
    chance, lines = Random(5), []
    matches = [match for match in international_matches(history) if match.day == FIRST_DAY]
    for match in matches:
        for number, after in enumerate((-3_600_000, 1_500_000, 4_000_000, 10**9)):
            values = {"home": chance.random(), "away": None if number == 1 else chance.random()}
            as_of = kick_off_of(match) + after
            lines.append(FeatureEvent(f"{match.match_id}-{number}", match.match_id, "odds", as_of, values))
    file.write_text("\n".join(json.dumps(asdict(line)) for line in lines))
    given = {**environment, "TOUCHLINE_BUNDLE": str(bundle)}
    words = ("--history", history, "--from", FIRST_DAY, "--until", FIRST_DAY, "--topic-prefix", settings.topic_prefix)

    result = replayed(given, *words, "--feature-events", file)

    assert (result["matches"], result["parity_mismatches"], result["dead_letters"]) == (3, 0, 0)
    made = predictions(settings, world_of(settings).read)
    assert result["predictions"] == result["events"] == result["rescored"] == len(made)
    assert (result["training_rows"], result["training_mismatches"]) == (len(made) - 3, 0)
    assert {"v2+odds"} == {one.feature_set for one in made}
    told = {(one.event_id, one.features[-3]) for one in made if one.cause == "FEATURES" and "-" in one.event_id}
    assert told == {(line.event_id, np.float32(line.values["home"])) for line in lines if line.event_id[-1] != "3"}
    ticks = {one.minute: one.features[-2] for one in made if one.event_id == f"{matches[0].match_id}/tick/{one.minute}"}
    # The odds of minute 25 count for 600 s; the next come 66 min 40 s after the kick-off, in minute 51.
    assert [300.0, 600.0] == [ticks[30], ticks[35]]
    assert all(math.isnan(ticks[minute]) for minute in (1, 24, 36, 51))
    assert 20.0 == ticks[52]


def _declared_bundle(folder: Path) -> Path:
    columns = (Column("odds_home", "odds", "home", 600, age=True), Column("odds_away", "odds", "away", 60))
    features = declared_set(Declaration("v2+odds", "v2", columns))
    builder = GraphBuilder(len(features.names))
    graph = builder.serialised(heuristic_member(features.names).add_to(builder))
    manifest = Manifest(
        "declared", "1", "heuristic", "v2+odds", features.names, CLASSES, TrainingRange(None, None, 0, 0, ""), {},
        "now", {}, {}, features.declared,
    )  # fmt: skip
    save_bundle(folder, manifest, graph, {}, np.zeros((20, len(features.names)), np.float32))
    return folder


def _recording(file: Path) -> Path:
    simulated = Simulation(matches=4, start_ms=1_700_000_000_000).events()
    lines = []
    for sent in simulated:
        if sent.event.occurred_at_ms > 1_700_000_000_000 + 86_400_000 or len(lines) > 1200:
            break
        lines.append(json.dumps(asdict(sent.event)))
    file.write_text("\n".join(lines))
    return file


def test_ratings_are_seeded_once_shown_and_replaced_on_demand(environment, history, settings):
    Admin(settings).create_topics()
    given = {**environment, "TOUCHLINE_TOPIC_PREFIX": settings.topic_prefix}
    seed = ("ratings", "seed", "--data", history, "--until", FIRST_DAY)

    code, out, err = ended(given, *seed, "--json")
    assert (code, json.loads(out)) == (0, {"matches": 60, "teams": 6, "records": 7}), err
    code, _, err = ended(given, *seed)
    assert code == 2
    assert "--replace" in err

    wanted = seeded_book(international_matches(history), FIRST_DAY)
    code, out, _ = ended(given, "ratings", "show", "--json", "--top", "2")
    best = sorted(wanted.ratings(), key=lambda rating: -rating.elo)[:2]
    assert [(one["team"], one["elo"]) for one in json.loads(out)] == [(one.team, one.elo) for one in best]

    assert ended(given, *seed[:-1], "2022-10-01", "--replace")[0] == 0
    assert rating_table(settings).book().clock.day == (date(2022, 10, 1) - date(1970, 1, 1)).days
    assert "Togo" in ended(given, "ratings", "show", "--team", "togo")[1]


def test_ratings_are_not_seeded_while_the_rate_role_runs(environment, history, world, settings):
    world.worker("rate")
    given = {**environment, "TOUCHLINE_TOPIC_PREFIX": settings.topic_prefix}

    code, _, err = ended(given, "ratings", "seed", "--data", history, "--until", FIRST_DAY)

    assert code == 2
    assert "has members" in err


def test_a_reset_predict_role_writes_the_same_prediction_ids_again(environment, history, settings, world_of):
    last = ("--until", FIRST_DAY, "--topic-prefix", settings.topic_prefix)
    result = replayed(environment, "--history", history, "--from", FIRST_DAY, *last)
    first = predictions(settings, world_of(settings).read)
    given = {**environment, "TOUCHLINE_TOPIC_PREFIX": settings.topic_prefix}

    code, out, err = ended(given, "reset", "predict", "--from", "earliest", "--run-id", "again")
    assert (code, err) == (0, "")
    assert "TOUCHLINE_RUN_ID=again" in out
    code, _, err = ended(given, "reset", "predict", "--from", "latest", "--run-id", "again")
    assert code == 2
    assert "choose a new --run-id" in err

    world = world_of(settings.model_copy(update={"run_id": "again", "predictor": "heuristic", "session_timeout": 6.0}))
    world.worker("predict")
    world.wait_caught_up()
    both = predictions(settings, world.read)
    assert len(first) == result["predictions"]
    assert sorted(one.prediction_id for one in both) == sorted(2 * [one.prediction_id for one in first])


def test_a_reset_can_begin_at_the_end_or_at_a_time(environment, history, settings):
    day = ("--until", FIRST_DAY, "--topic-prefix", settings.topic_prefix)
    replayed(environment, "--history", history, "--from", FIRST_DAY, *day)
    given = {**environment, "TOUCHLINE_TOPIC_PREFIX": settings.topic_prefix}

    def total(start: str, run_id: str) -> int:
        code, out, err = ended(given, "reset", "predict", "--from", start, "--run-id", run_id, "--json")
        assert code == 0, err
        return sum(place["offset"] for place in json.loads(out)["offsets"])

    assert total("earliest", "a") == total("2020-01-01", "b") == 0
    assert total("latest", "c") == total("2100-01-01T00:00:00+02:00", "d") > 0


def test_the_demo_plays_shows_and_leaves_nothing_after_sigterm(environment, history, settings):
    words = ("demo", "--data", history, "--tournament", "Cup", "--from", FIRST_DAY, "--speed", "600")
    with started(environment, *words) as process:
        lines: list[str] = []
        page = _until(process, lines, "dashboard  ")
        _until(process, lines, "goal")
        wait_for(lambda: len(_shown(page, "matches")["order"]) == 3, 30)
        (seen,) = _shown(page, "models")["seen"]
        words = _shown(page, "page")["words"]
        below = list(descendants(process.pid))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=50)

    assert seen["predictions"] > 0
    assert words["title"].startswith("Cup")
    assert words["links"].keys() == {"dashboard", "metrics"}
    assert (process.returncode, err) == (0, "")
    assert out.strip().splitlines()[-1] == "Everything that the demo started has been stopped."
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]
    assert not [name for name in Admin(settings).topic_names() if name.startswith("demo-")]


def _shown(page: str, view: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{page}data/{view}", timeout=10) as answer:  # noqa: S310 - our own loopback
        parts: dict[str, Any] = json.load(answer)["parts"]
    return parts


def _until(process: "subprocess.Popen[str]", lines: list[str], words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return line.split(words)[1].strip()
    raise AssertionError(f"{words!r} never came: {lines}")


def test_without_a_cluster_it_says_how_to_start_one(environment, history):
    away = {**environment, "TOUCHLINE_BOOTSTRAP_SERVERS": "127.0.0.1:1"}

    code, _, err = ended(away, "replay", "--history", history)

    assert code == 2
    assert "touchline up" in err
    assert "Traceback" not in err
