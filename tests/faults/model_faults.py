"""Faults while the model is changed: workers fall and partitions move, and no match may change its bundle for that."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from models.bundle import bundle_of_kind, shipped_bundles
from models.manifest import MANIFEST, read_manifest
from models.predictors import GraphPredictor
from tests.faults.checker import PROBABILITY_TOLERANCE
from tests.faults.findings import Findings
from tests.faults.place import PREDICTIONS
from tests.faults.run import CATCH_UP_SECONDS, Run
from tests.faults.scenario import Scenario
from tests.faults.topic_faults import touchline
from tests.faults.worker_faults import started

_CHANCES = ("home", "draw", "away")


def digest_of(kind: str) -> str:
    folder = bundle_of_kind(kind)
    return read_manifest((folder / MANIFEST).read_bytes(), str(folder)).digest


def change(run: Run, *words: str) -> None:
    """Change what is served; return when every worker follows."""
    touchline(run, "model", *words, "--why", "a fault", "--wait", "60")


def models_change(run: Run) -> Findings:
    """A canary, a larger one, and a promotion: during each a worker falls, joins or leaves."""
    workers = started(run, 3)
    run.a_moment()
    workers[0].kill_child()
    change(run, "canary", digest_of("tree"), "--percent", "30")
    run.fault_is_over()
    run.wait_recovered()
    joining = run.worker(wait=False)
    change(run, "canary", digest_of("tree"), "--percent", "60")
    joining.wait_ready()
    run.a_moment()
    workers[1].kill_child()
    joining.terminate()
    change(run, "promote")
    run.fault_is_over()
    run.wait_recovered()
    found = run.finish()
    look_for_changes(bundles_by_match(run, found), found)
    return found


def models_rolled_back(run: Run) -> Findings:
    """A canary is taken back while a worker falls: running matches go to the champion, once."""
    champion = digest_of("heuristic")
    workers = started(run, 3)
    run.a_moment()
    change(run, "canary", digest_of("tree"), "--percent", "50")
    run.wait(lambda: has_begun(run, digest_of("tree")), CATCH_UP_SECONDS, "a match that begins with the challenger")
    run.a_moment()
    workers[0].kill_child()
    change(run, "rollback")
    run.fault_is_over()
    run.wait_recovered()
    run.wait(
        lambda: has_begun(run, digest_of("tree"), champion), CATCH_UP_SECONDS, "a running match that is taken back"
    )
    found = run.finish()
    by_match = bundles_by_match(run, found)
    for match, digests in by_match.items():
        changes = [after for before, after in pairwise(digests) if after != before]
        if changes not in ([], [champion]):
            found.add("differing", f"match {match} changed its bundle to {[one[:12] for one in changes]}")
    return found


def has_begun(run: Run, digest: str, later: str = "") -> bool:
    """Tell whether a running match is predicted by the bundle with *digest*, and then by that of *later*, if any."""
    by_match: dict[str, set[str]] = defaultdict(set)
    for record in run.log.records(run.place.topic(PREDICTIONS)):
        said = run.log.decode(record.value())
        if said["minute"] >= 0:
            by_match[said["match_id"]].add(said["bundle_digest"])
    return any({digest, later or digest} <= digests for digests in by_match.values())


def bundles_by_match(run: Run, found: Findings) -> dict[str, list[str]]:
    """Return the bundles of each match's predictions from its beginning on, and score every vector again."""
    by_match: dict[str, list[str]] = defaultdict(list)
    told: dict[str, Mapping[str, Any]] = {}
    for record in run.log.records(run.place.topic(PREDICTIONS)):
        said = run.log.decode(record.value())
        if said["prediction_id"] in told:
            continue
        told[said["prediction_id"]] = said
        if said["minute"] >= 0:
            by_match[said["match_id"]].append(said["bundle_digest"])
    score_again(told.values(), found)
    return by_match


def look_for_changes(by_match: Mapping[str, Sequence[str]], found: Findings) -> None:
    """Look for matches which did not keep the bundle with which they began."""
    for match, digests in by_match.items():
        if len(set(digests)) > 1:
            found.add("differing", f"match {match} changed its bundle: {[one[:12] for one in dict.fromkeys(digests)]}")


def score_again(told: Iterable[Mapping[str, Any]], found: Findings) -> None:
    """Look for predictions which are not what their bundle says of their features."""
    scored: dict[str, list[tuple[list[float], list[float]]]] = defaultdict(list)
    for said in told:
        scored[said["bundle_digest"]].append((said["features"], [said[name] for name in _CHANCES]))
    for digest, rows in scored.items():
        graph = (shipped_bundles()[digest] / "model.onnx").read_bytes()
        features, chances = (np.array(column, np.float32) for column in zip(*rows, strict=True))
        off = np.abs(GraphPredictor(graph).predict_proba(features) - chances).max(axis=1) > PROBABILITY_TOLERANCE
        if off.any():
            found.add("differing", f"{off.sum()} predictions are not what bundle {digest[:12]} says of their features")


MODEL_FAULTS = (
    Scenario("models-change", models_change, timed=True, events=20_000),
    Scenario("models-rolled-back", models_rolled_back, timed=True, events=20_000),
)
