"""A start leaves nothing to be compiled by the first events: all that is usual is done once before."""

from collections import Counter

from models.bundle import open_bundle
from streams.predicting.job import PredictJob
from streams.predicting.single import SingleEvents
from streams.predicting.warming import TOPICS, warm_up


def test_a_made_up_match_is_predicted_in_columns(monkeypatch):
    process, topics = PredictJob.process, Counter()

    async def seen(job, slices, tables):
        steps = await process(job, slices, tables)
        topics.update(message.topic for step in steps for message in step.outputs)
        return steps

    def refused(*_):
        raise AssertionError("an event went singly")

    monkeypatch.setattr(PredictJob, "process", seen)
    monkeypatch.setattr(SingleEvents, "fold", refused)

    warm_up(open_bundle(None, "heuristic"))

    assert {TOPICS.predictions: 218, TOPICS.team_events: 1} == topics
