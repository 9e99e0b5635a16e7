"""`touchline retrain` while it waits: what it looks at, and what it leaves alone."""

from types import SimpleNamespace

import pytest

from streams.commands import retrain as command
from streams.retraining.causes import Triggers
from streams.retraining.run import Cause

CHAMPION = SimpleNamespace(digest="a" * 64, contents=SimpleNamespace(manifest=SimpleNamespace(model="m")))
ORDER = SimpleNamespace(settings=None, model="", runs=None)
CAUSE = Cause("drift", "drift of elo_difference", 1)


@pytest.fixture(name="tried", autouse=True)
def _tried(monkeypatch, tmp_path):
    """What is tried at present, by model."""
    found = {}
    monkeypatch.setattr(command, "champion_of", lambda _settings, _model: CHAMPION)
    monkeypatch.setattr(command, "tried_now", lambda _settings, model: found.get(model))
    monkeypatch.setattr(command, "cause_of", lambda *_: CAUSE)
    monkeypatch.setattr(ORDER, "runs", tmp_path, raising=False)
    return found


def test_an_alarm_is_a_cause():
    assert command._cause(ORDER, Triggers(drift=True)) == CAUSE


def test_nothing_begins_by_itself_while_a_challenger_is_tried(tried):
    tried["m"] = "b" * 64

    assert command._cause(ORDER, Triggers(drift=True)) is None
