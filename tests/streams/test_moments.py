"""A moment is a time, or how long ago."""

import time

import click
import pytest

from streams.commands.moments import Moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-12-18T15:00", 1_671_375_600_000),
        ("2022-12-18T15:00Z", 1_671_375_600_000),
        ("2022-12-18T16:00+01:00", 1_671_375_600_000),
        ("2022-12-18", 1_671_321_600_000),
    ],
)
def test_a_time_without_a_zone_is_utc(text, moment):
    assert moment == Moment().convert(text, None, None)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("90m", 5400), ("2h", 7200), ("7d", 604_800)])
def test_an_age_is_counted_from_now(text, seconds, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)

    assert (1_000_000 - seconds) * 1000 == Moment().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "yesterday", "-1h", "1y"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="90m"):
        Moment().convert(text, None, None)
