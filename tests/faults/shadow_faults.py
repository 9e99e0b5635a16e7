"""Faults of workers which say what a challenger would: they fall and freeze, and each of their answers must come."""

from collections.abc import Mapping

from tests.faults.findings import Findings
from tests.faults.model_faults import change, digest_of
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


def told(run: Run, topic: str) -> list[tuple[Source, dict[str, object]]]:
    """Return the predictions of *topic*, each with its source."""
    found = [run.log.decode(record.value()) for record in run.log.records(run.place.topic(topic))]
    return [((one["source_topic"], one["source_partition"], one["source_offset"]), one) for one in found]


def unanswered(run: Run, since: Mapping[tuple[str, int], int]) -> set[Source]:
    """Return the events behind the offsets *since* which are predicted, but of which the challenger says nothing."""
    prefix = len(run.place.prefix)
    events = {source for source, _ in told(run, PREDICTIONS) if source[2] >= since[source[0][prefix:], source[1]]}
    return events - {source for source, _ in told(run, SHADOWS)}


def compare(run: Run, found: Findings) -> None:
    """Look for answers which came twice, of another bundle, of no prediction's event, or of other features."""
    features = {source: one["features"] for source, one in told(run, PREDICTIONS)}
    seen: set[Source] = set()
    for source, one in told(run, SHADOWS):
        if source in seen:
            found.add("repeated", f"the challenger says twice what it would of {source}")
        seen.add(source)
        if one["bundle_digest"] != digest_of("tree") or one["variant"] != "SHADOW":
            found.add("differing", f"{one['bundle_digest']} answers as {one['variant']} of {source}")
        if source not in features:
            found.add("unexpected", f"the challenger says something of {source}, which is not predicted")
        elif str(features[source]) != str(one["features"]):
            found.add("differing", f"the challenger has other features of {source}")


SHADOW_FAULTS = (Scenario("shadows-fall", shadows_fall, events=20_000),)
