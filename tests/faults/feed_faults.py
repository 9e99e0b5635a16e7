"""Faults of what is fed in: records which cannot be used."""

from tests.faults.place import INPUTS
from tests.faults.run import LARGEST_DEAD_LETTER, Run
from tests.faults.scenario import Scenario
from tests.faults.topic_faults import set_largest_record

SHARE = 0.01


def corrupt_records(run: Run) -> None:
    """One record of a hundred cannot be used, in each way there is; the worker falls once on the way."""
    for topic in INPUTS:
        set_largest_record(run, topic, LARGEST_DEAD_LETTER)
    worker = run.worker(wait=False)
    run.load(corrupt=SHARE)
    worker.wait_ready()
    run.a_moment()
    worker.kill_child()
    run.fault_is_over()
    run.wait_recovered()


FEED_FAULTS = (Scenario("corrupt-records", corrupt_records),)
