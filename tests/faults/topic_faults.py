"""Faults of topics: too small for an output, not writable, grown, made anew, emptied by retention."""

import subprocess
import sys
from collections.abc import Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from tests.faults.children import ROOT, WorkerProcess, plain_environment, wait_until
from tests.faults.findings import Findings
from tests.faults.load import LONGEST_NAME
from tests.faults.place import DEAD_LETTERS, INPUTS, MATCH_EVENTS, PREDICTIONS, TEAM_EVENTS
from tests.faults.run import LARGEST_DEAD_LETTER, PARTITIONS, Run
from tests.faults.scenario import Scenario

FIRST_PART = 20_000
MORE = 2_000
GROWN = PARTITIONS + 2
SMALLER_THAN_A_LONG_PREDICTION = 700
END_SECONDS = 90.0
REFUSED = 3
LONG_SHARE = 0.03


def set_largest_record(run: Run, topic: str, size: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, run.place.topic(topic), incremental_configs=[entry])
    run.admin.incremental_alter_configs([resource])[resource].result(30)


def ends(run: Run) -> Mapping[str, Mapping[int, int]]:
    """Return where outputs and changelog end: a worker which refuses to go on must leave them alone."""
    return {topic: run.log.ends(topic) for topic in (run.place.topic(PREDICTIONS), run.place.changelog)}


def claim_refused(run: Run, worker: WorkerProcess, *words: str) -> None:
    """Claim that *worker* ends as one who refuses, with *words* in what it says."""
    code = worker.wait_ended(END_SECONDS)
    run.claim(code == REFUSED, f"the worker ended with {code}, not {REFUSED}: {worker.last_words()}")
    for some in words:
        run.claim(some in worker.said(), f"no {some!r} in what the worker said: {worker.last_words()}")


def environment_of(run: Run) -> dict[str, str]:
    """Return the environment of an operator's commands."""
    return plain_environment() | {f"TOUCHLINE_{name}": value for name, value in run.settings().items()}


def touchline(run: Run, *arguments: str) -> None:
    """Run a command as the operator would."""
    command = (sys.executable, "-P", "-m", "streams.cli", *arguments)
    done = subprocess.run(command, env=environment_of(run), cwd=ROOT, capture_output=True, text=True, check=False)
    run.claim(
        done.returncode == 0, f"touchline {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
    )


def start_over(run: Run) -> Findings:
    """Do what the refusal says, `touchline reset`, with new outputs, and check the run which begins then."""
    delete(run, PREDICTIONS, TEAM_EVENTS, DEAD_LETTERS)
    run.create_topics(PREDICTIONS, TEAM_EVENTS, DEAD_LETTERS)
    touchline(run, "reset", "predict", "--from", "earliest", "--run-id", "2")
    run.begin_run("2")
    run.worker(run_id="2")
    run.fault_is_over()
    return run.finish()


def delete(run: Run, *topics: str) -> None:
    """Delete topics, and wait until no broker knows them."""
    names = {run.place.topic(topic) for topic in topics}
    for answer in run.admin.delete_topics(sorted(names)).values():
        answer.result(60)
    wait_until(lambda: not names & set(run.admin.list_topics(timeout=30).topics), 30, "the end of deleted topics")


def output_too_large(run: Run) -> Findings:
    """Predictions which their topic does not take become dead letters; those beside them do not."""
    set_largest_record(run, PREDICTIONS, SMALLER_THAN_A_LONG_PREDICTION)
    run.dead_letters_allowed = True
    worker = run.worker()
    run.load(long_ids=LONG_SHARE, then_rate=100).wait_burst()
    run.a_moment()
    worker.kill_child()
    run.fault_is_over()
    run.wait_recovered()
    found = run.finish()
    short = [one for one in found.dead_letter_keys if len(one) < LONGEST_NAME]
    run.claim(not short, f"predictions were set aside which their topic takes: of {short[:3]}")
    run.claim(found.dead_lettered, "no prediction was too large")
    return found


def dead_letters_not_writable(run: Run) -> None:
    """Without a place for them no record may be set aside and committed: the worker stops until there is one."""
    for topic in INPUTS:
        set_largest_record(run, topic, LARGEST_DEAD_LETTER)
    worker = run.worker()
    run.load()
    run.a_moment()
    delete(run, DEAD_LETTERS)
    run.load(events=0, then_rate=10, corrupt=1.0)
    wait_until(lambda: "role.restarted" in worker.said(), END_SECONDS, "the fall of a worker without dead letters")
    run.claim("dead-letters" in worker.said(), f"the worker did not say which topic: {worker.last_words()}")
    run.create_topics(DEAD_LETTERS)
    run.fault_is_over()
    run.wait_recovered()


def partitions_increased(run: Run) -> Findings:
    """A key belongs elsewhere then: the worker stops, says what to do, and leaves the states alone; that then helps."""
    touchline(run, "topics", "create")  # those of the other roles, too
    worker = run.worker()
    run.load(then_rate=0).wait_burst()
    run.wait_committed()
    grown = NewPartitions(run.place.topic(MATCH_EVENTS), GROWN)
    for answer in run.admin.create_partitions([grown]).values():
        answer.result(30)
    claim_refused(run, worker, "touchline topics repartition", run.place.topic(MATCH_EVENTS), str(GROWN))
    before = ends(run)
    claim_refused(run, run.worker(wait=False), "touchline topics repartition")
    run.claim(ends(run) == before, "a worker which refused to start has written")
    found = run.check()
    touchline(run, "topics", "repartition", "--partitions", str(GROWN), "--run-id", "2")
    run.begin_run("2")
    run.worker(run_id="2", partitions=GROWN)
    run.load(events=MORE, then_rate=0, seed=2).wait_burst()
    run.wait_committed()
    return found


def topic_recreated(run: Run) -> Findings:
    """Its offsets begin anew under a worker which has applied higher ones: it must stop, and say so at its start."""
    worker = run.worker()
    run.load(then_rate=0)
    run.children.loads[0].finish()
    run.wait_committed()
    delete(run, MATCH_EVENTS)
    run.create_topics(MATCH_EVENTS)
    run.children.loads.clear()
    run.load(then_rate=200, seed=2)
    claim_refused(run, worker, "made anew", "touchline reset")
    before = ends(run)
    claim_refused(run, run.worker(wait=False), "made anew", "touchline reset")
    run.claim(ends(run) == before, "a worker which refused to start has written")
    return start_over(run)


def retention_overtakes(run: Run) -> Findings:
    """Events are deleted before a stopped worker has read them: it says how many, and does not go on without a word."""
    worker = run.worker()
    run.load(then_rate=0)
    run.children.loads[0].finish()
    run.wait_committed()
    worker.stop()
    committed = run.log.committed()
    run.load(events=MORE, then_rate=0, seed=2).finish()
    gone = 0
    for topic in (run.place.topic(name) for name in INPUTS):
        ends_now = run.log.ends(topic)
        deleted = [TopicPartition(topic, one, (committed[topic, one] + end + 1) // 2) for one, end in ends_now.items()]
        gone = max(gone, *(one.offset - committed[topic, one.partition] for one in deleted))
        for answer in run.admin.delete_records(deleted).values():
            answer.result(30)
    before = ends(run)
    refused = run.worker(wait=False)
    claim_refused(run, refused, "events of", "are gone", "retention", "touchline reset")
    run.claim(ends(run) == before, "a worker which refused to start has written")
    return start_over(run)


TOPIC_FAULTS = (
    Scenario("output-too-large", output_too_large, events=MORE),
    Scenario("dead-letters-not-writable", dead_letters_not_writable, events=FIRST_PART),
    Scenario("partitions-increased", partitions_increased, events=FIRST_PART),
    Scenario("topic-recreated", topic_recreated, events=FIRST_PART),
    Scenario("retention-overtakes", retention_overtakes, events=FIRST_PART),
)
