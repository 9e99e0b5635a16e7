"""A start leaves nothing to be compiled by the first events: all that is usual is done once before."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from models.bundle import open_bundle
from streams.predicting.job import PredictJob
from streams.predicting.single import SingleEvents
from streams.predicting.warming import TOPICS, score_once, warm_up


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


@dataclass
class Heard:
    """Scores nothing, and remembers how many rows it was given at a time."""

    rows: list[int] = field(default_factory=list)

    def predict_proba(self, matrix):
        self.rows.append(len(matrix))
        return np.full((len(matrix), 3), 1 / 3, np.float32)


def test_a_bundle_beside_another_scores_as_few_and_as_many_rows_as_the_kernels_are_for():
    heard = Heard()

    score_once(replace(open_bundle(None, "heuristic"), predictor=heard))

    assert heard.rows == [1, 16, 200]
