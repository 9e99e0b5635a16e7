"""A roll-out of the running stream is judged by what the topics hold, and all who look come to the same judgements."""

import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from features.declared import Column, Declaration, declared_set
from models.bundle import bundle_of_kind, load_bundle, save_bundle
from models.entries import Act
from models.registering import register
from models.store import ModelStore
from monitors.rollout_evidence import Evidence
from schemas.records import EventKind, FeatureEvent, Variant
from streams.bundles import store_of
from streams.cli import main
from tests.integration.test_model_control import ended, kick_off, rollout_of
from tests.integration.test_predict_role import KICK_OFF_MS, goal, scheduled
from tests.integration.world import World
from tests.models.small_bundles import REFERENCE, heuristic_graph, manifest_of, speechless_graph

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CHAMPION = load_bundle(bundle_of_kind("heuristic"))
TREE = load_bundle(bundle_of_kind("tree")).digest
PLAN = """
windowHours: 0.001
steps:
  - {stage: shadow, minMatches: 100000}
  - {stage: canary, percent: 100, minMatches: 100}
checks:
  logLoss: {margin: 0.5, clip: 0.5}
  errorRate: {limit: 0.1, minSamples: 10}
  pendingLogLoss: {limit: 5.0, minSamples: 1000}
"""


@pytest.fixture(name="store")
def _store(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    settings = world.settings.model_copy(update={"model_store": str(tmp_path / "store"), "model_budget_us": 1e6})
    world.settings = settings
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "store").mkdir()
    return store_of(settings)


def speechless(store: ModelStore, folder: Path) -> str:
    """Register a challenger that says NaN once the home side leads by two, and return its digest."""
    names = CHAMPION.feature_names
    manifest = manifest_of(names, model=CHAMPION.model, version="speechless", feature_set=CHAMPION.feature_set)
    save_bundle(folder, manifest, speechless_graph(names), REFERENCE, np.zeros((4, len(names)), np.float32))
    return register(store, folder, Act("ann", "a test", 0))[1].digest


def rolling_out(challenger: str, folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    plan = folder / "plan.yaml"
    plan.write_text(PLAN)
    return rollout_of(challenger, plan)


def play(world: World, name: str, matches: int) -> None:
    """Let matches be played, all but the last to their end; the home side leads by one, and then by two."""
    names = [f"{name}-{one}" for one in range(matches)]
    world.send("match-events", *map(scheduled, names), *map(kick_off, names))
    world.send("match-events", *(goal(name, minute) for name in names for minute in (10, 20)), *map(ended, names[:-1]))


def shadows(world: World, challenger: str) -> int:
    return sum(one.bundle_digest == challenger and one.minute >= 0 for one in world.values("shadow-predictions"))


def test_a_challenger_that_does_not_score_is_rolled_back_in_the_shadow(
    world: World, store: ModelStore, tmp_path: Path
) -> None:
    challenger = speechless(store, tmp_path / "bundle")
    world.worker("predict", wait=False).wait_ready(180)
    with rolling_out(challenger, tmp_path) as process:
        assert process.stdout is not None
        began = process.stdout.readline()
        command = [sys.executable, "-P", "-m", "streams.cli", *status(tmp_path), "--watch"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watching:
            assert watching.stdout is not None
            watched = watching.stdout.readline()  # what cannot fail yet is seen before it does
            for number in count():
                if process.poll() is not None:
                    break
                play(world, f"m{number}", 8)
                time.sleep(0.5)  # matches go on being played; nothing is waited for
            said, watched = began + process.communicate()[0], watched + watching.communicate()[0]

    assert process.returncode == 1, said
    assert watching.returncode == 0, watched
    assert f"The roll-out is over: {CHAMPION.digest[:12]} serves" in watched
    assert "(a test: rolled back in shadow; errorRate: " in watched
    assert "rolled back in shadow; errorRate: " in said
    assert "events not scored, " in said
    failed = [one for one in world.values("shadow-predictions") if np.isnan(one.home)]
    assert {one.event_id for one in failed} == {
        one.event_id
        for one in world.values("shadow-predictions")
        if one.bundle_digest == challenger and one.home_score - one.away_score >= 2
    }
    reasons = {dict(one.headers() or []).get("failure") for one in world.read("shadow-predictions")}
    assert reasons == {None, b"its probabilities are not finite"}


def test_where_a_challenger_that_serves_cannot_score_no_prediction_is_missing(
    world: World, store: ModelStore, tmp_path: Path
) -> None:
    challenger = speechless(store, tmp_path / "bundle")
    world.worker("predict", wait=False).wait_ready(180)
    words = ["model", "canary", challenger[:12], "--percent", "100", "--why", "a test", "--wait", "30"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output

    play(world, "m", 6)

    found = world.wait_for_values("predictions", 6 * 4 + 5)
    assert len({one.event_id for one in found}) == len(found) == 6 * 4 + 5
    assert not np.isnan([one.home for one in found]).any()
    by_lead = {one.home_score - one.away_score: one.variant for one in found if one.minute >= 0}
    assert by_lead == {0: Variant.CHALLENGER, 1: Variant.CHALLENGER, 2: Variant.CHAMPION}
    failed = [one for one in world.values("shadow-predictions") if one.bundle_digest == challenger]
    assert {one.event_id for one in failed} == {one.event_id for one in found if one.home_score == 2}
    assert np.isnan([one.home for one in failed]).all()


def with_odds(store: ModelStore, folder: Path) -> str:
    """Register a challenger whose feature set has odds behind the champion's features, and return its digest."""
    odds = declared_set(Declaration("odds", CHAMPION.feature_set, (Column("odds_home", "odds", "home", 86_400),)))
    manifest = manifest_of(
        odds.names, model=CHAMPION.model, version="odds", feature_set=odds.version, declared=odds.declared
    )
    save_bundle(folder, manifest, heuristic_graph(odds.names), REFERENCE, np.zeros((4, len(odds.names)), np.float32))
    return register(store, folder, Act("ann", "a test", 0))[1].digest


def test_a_challenger_with_features_of_its_own_has_what_was_told_before_it_came(
    world: World, store: ModelStore, tmp_path: Path
) -> None:
    challenger = with_odds(store, tmp_path / "bundle")
    worker = world.worker("predict", wait=False)
    worker.wait_ready(180)
    names = ["early", "late"]
    odds = [FeatureEvent(f"{one}-odds", one, "odds", KICK_OFF_MS, {"home": 2.5}) for one in names]
    world.send("match-events", *map(scheduled, names), kick_off("early"))
    world.send("feature-events", *odds)
    world.wait_for_values("predictions", 5)

    words = ["model", "canary", challenger[:12], "--percent", "100", "--why", "a test", "--wait", "30"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    world.send("match-events", kick_off("late"), *(goal(one, 10) for one in names))
    worker.kill_child("predict")
    world.send("match-events", *(goal(one, 20) for one in names))

    by_event = {one.event_id: one for one in world.wait_for_values("predictions", 10)}
    late, early = [by_event["late-kick-off"], by_event["late-goal-20"]], by_event["early-goal-20"]
    assert {one.features[len(CHAMPION.feature_names) :] for one in late} == {(2.5,)}
    assert {(one.feature_set, one.bundle_digest) for one in late} == {("odds", challenger)}
    assert (early.feature_set, early.bundle_digest) == (CHAMPION.feature_set, CHAMPION.digest)
    assert len(early.features) == len(CHAMPION.feature_names)


def test_judgements_are_the_same_after_falls_a_restart_and_the_end_of_the_shadows(
    world: World, store: ModelStore, tmp_path: Path
) -> None:
    assert store.files is not None
    workers = [world.worker("predict", wait=False) for _ in range(2)]
    for worker in workers:
        worker.wait_ready(180)
    told: list[list[str]] = [[], []]
    for number, lines in enumerate(told):  # the second goes on where the first was killed
        with rolling_out(TREE, tmp_path) as process:
            assert process.stdout is not None
            lines.append(process.stdout.readline())
            play(world, f"{number}", 12)
            workers[number].kill_child("predict")
            while "matches without a result" not in lines[-1] or lines[-1] in told[number - 1]:
                lines.append(process.stdout.readline())
                assert lines[-1], lines
                play(world, f"{number}-{len(lines)}", 12)
    first, second = ([line.strip() for line in lines if "  shadow goes on" in line] for lines in told)

    world.wait_caught_up()
    before = judged(tmp_path)
    forget(world, "shadow-predictions")
    after = judged(tmp_path)

    assert second[: len(first)] == first
    assert len(second) > len(first) > 0
    written = world.values("shadow-comparisons")
    assert len({one.window_end_ms for one in written}) == len(written) >= len(second)
    assert before[: len(written)] == after[: len(written)]
    counted = sum(Evidence.from_dict(json.loads(one.evidence)).outcomes.matches for one in written)
    over = [one.match_id for one in world.values("match-events") if one.kind is EventKind.FULL_TIME]
    assert 0 < counted <= len(over) == len(set(over))
    assert set(second) <= {line.strip() for line in CliRunner().invoke(main, status(tmp_path)).output.splitlines()}
    errors = [check["why"] for one in after for check in one["checks"] if check["name"] == "errorRate"]
    assert any(not why.startswith("0 of 0 events") for why in errors)


def status(folder: Path) -> list[str]:
    return ["rollout", "status", "--plan", str(folder / "plan.yaml")]


def judged(folder: Path) -> list[dict[str, object]]:
    result = CliRunner().invoke(main, [*status(folder), "--json"])
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.output)["windows"]
    return found


def forget(world: World, topic: str) -> None:
    """Delete all records which are in a topic now, as its retention does."""
    name = world.settings.topic(topic)
    admin = AdminClient(world.settings.librdkafka())
    partitions = admin.list_topics(name, timeout=10).topics[name].partitions
    ends = [TopicPartition(name, one, -1) for one in partitions]  # -1: all that is there
    assert any(deleted.result().low_watermark for deleted in admin.delete_records(ends).values())
