"""Inputs are refused when they are not there; one broker may hear of a new topic later than another."""

from dataclasses import dataclass

import pytest

from streams.admin import TopicState
from streams.engine.safety import InputError
from streams.inputs import Inputs, describe_inputs

FOUND = {name: TopicState(name, f"id-{name}", 6, 3) for name in ("match-events", "feature-events")}
LATER = {"match-events": FOUND["match-events"]}


@dataclass
class FakeAdmin:
    answers: list

    def topics(self, _names):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_topic_which_is_known_a_moment_later_is_an_input():
    admin = FakeAdmin([{}, LATER, FOUND])

    assert describe_inputs(admin, list(FOUND)) == Inputs({name: f"id-{name}" for name in FOUND}, 6)


def test_a_topic_which_stays_away_is_refused():
    with pytest.raises(InputError, match="there is no topic feature-events; create it with `touchline topics create`"):
        describe_inputs(FakeAdmin([LATER]), list(FOUND), patience_seconds=0.0)


def test_inputs_of_unlike_partitions_are_refused():
    unlike = {**FOUND, "feature-events": TopicState("feature-events", "id", 3, 3)}

    with pytest.raises(InputError, match="match-events has 6, feature-events has 3; make them equal"):
        describe_inputs(FakeAdmin([unlike]), list(FOUND))
