"""Faults of workers which say what a challenger would: they fall and freeze, and each of their answers must come."""

from collections.abc import Mapping
from typing import Any

from tests.faults.findings import Findings
from tests.faults.model_faults import change, digest_of, score_again
from tests.faults.place import INPUTS, PREDICTIONS, SHADOWS
from tests.faults.run import CATCH_UP_SECONDS, Run
from tests.faults.scenario import Scenario

APART = {"shadows_by": "shadow", "shadow_patience_seconds": 3_600}  # so that nothing is left out for its age
Source = tuple[str, int, int]


def shadows_fall(run: Run) -> Findings:
    """A challenger is heard in a group of its own; one worker there falls, one freezes, one of predict falls."""
    first, second = (run.worker("shadow", wait=False, **APART) for _ in range(2))
    predicts = run.worker(wait=False, **APART)
    run.load()
    for worker in run.children.workers:
        worker.wait_ready()
    change(run, "shadow", digest_of("tree"))
    answers = run.place.topic(SHADOWS)
    run.wait(lambda: all(run.log.ends(answers).values()), CATCH_UP_SECONDS, "the first answers of the challenger")
    since = {
        (topic, partition): end for topic in INPUTS for partition, end in run.log.ends(run.place.topic(topic)).items()
    }
    run.a_moment()
    killed = member_ids(run)
    first.kill_child()
    run.wait(lambda: has_changed_hands(run, killed), CATCH_UP_SECONDS, "a shadow worker in the place of the killed one")
    run.wait_recovered(of=SHADOWS)
    frozen = member_ids(run)
    second.freeze()
    run.wait(lambda: len(member_ids(run)) == 1, CATCH_UP_SECONDS, "the end of the frozen worker's session")
    run.wait_recovered(of=SHADOWS)
    predicts.kill_child()
    second.thaw()
    run.fault_is_over()
    run.wait(lambda: has_changed_hands(run, frozen), CATCH_UP_SECONDS, "the woken worker's coming back")
    run.wait_recovered(of=SHADOWS)
    run.wait_recovered()
    run.end_loads()
    run.wait(lambda: not unanswered(run, since), CATCH_UP_SECONDS, lambda: f"{len(unanswered(run, since))} answers")
    found = run.finish()
    compare(run, found)
    return found


def member_ids(run: Run) -> set[str]:
    """Return the members of the shadow group, each as long as it is the same."""
    return {one.member_id for one in run.described_group("shadow").members}


def has_changed_hands(run: Run, before: set[str]) -> bool:
    """Tell whether the shadow group has two members, and not those which were there *before*."""
    now = member_ids(run)
    return len(now) == 2 and now != before


def told(run: Run, topic: str) -> list[tuple[Source, Mapping[str, Any]]]:
    """Return the predictions of *topic*, each with its source."""
    found = [run.log.decode(record.value()) for record in run.log.records(run.place.topic(topic))]
    return [((one["source_topic"], one["source_partition"], one["source_offset"]), one) for one in found]


def unanswered(run: Run, since: Mapping[tuple[str, int], int]) -> set[Source]:
    """Return the events behind the offsets *since* which are predicted, but of which the challenger says nothing."""
    prefix = len(run.place.prefix)
    events = {source for source, _ in told(run, PREDICTIONS) if source[2] >= since[source[0][prefix:], source[1]]}
    return events - {source for source, _ in told(run, SHADOWS)}


def compare(run: Run, found: Findings) -> None:
    """Look for answers which came twice, of another bundle, of no prediction's event, or of another course of play.

    Both groups read the events of matches in the same order, but feature events between them where each meets them.
    """
    predicted = {source: course(one) for source, one in told(run, PREDICTIONS)}
    answers: dict[Source, Mapping[str, Any]] = {}
    for source, one in told(run, SHADOWS):
        if source in answers:
            found.add("repeated", f"the challenger says twice what it would of {source}")
        answers[source] = one
        if one["bundle_digest"] != digest_of("tree") or one["variant"] != "SHADOW":
            found.add("differing", f"{one['bundle_digest']} answers as {one['variant']} of {source}")
        if source not in predicted:
            found.add("unexpected", f"the challenger says something of {source}, which is not predicted")
        elif one["cause"] != "FEATURES" and course(one) != predicted[source]:
            found.add("differing", f"of {source} it is {course(one)} for the challenger, and {predicted[source]}")
    score_again(answers.values(), found)


def course(said: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what a prediction says of the course of play."""
    return said["match_id"], said["event_id"], said["minute"], said["home_score"], said["away_score"]


SHADOW_FAULTS = (Scenario("shadows-fall", shadows_fall, events=20_000),)
