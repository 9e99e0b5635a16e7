import asyncio

import pytest

from streams import layout as under_test
from streams.admin import TopicState
from streams.brokers import BrokerError
from streams.engine.safety import InputError
from streams.layout import Layout, LayoutWatch

EQUAL = {"changelog": 4, "events": 4, "predictions": 4}


class Brokers:
    """Tells one number after the other, the last one for ever; None for an outage."""

    def __init__(self, *answers, topic_id):
        self.answers = list(answers)
        self.topic_id = topic_id

    def topics(self, names):
        counts = self.answers.pop(0) if self.answers[1:] else self.answers[0]
        if counts is None:
            raise BrokerError("away")
        return {name: TopicState(name, self.topic_id, counts[name], 1) for name in names}


def layout_of(*answers, topic_id: str = "first") -> Layout:
    return Layout(Brokers(*answers, topic_id=topic_id), ("events", "predictions"), "changelog", 4, {"events": "first"})


def test_equal_numbers_are_fine():
    layout_of(EQUAL).check()


@pytest.mark.parametrize("grown", ["changelog", "events", "predictions"])
def test_a_topic_with_another_number_is_named_with_both_numbers_and_the_command(grown):
    with pytest.raises(InputError) as caught:
        layout_of(EQUAL | {grown: 6}).check()

    assert str(caught.value).startswith(f"{grown} has 6 partitions, but the states in changelog are laid out for 4")
    assert "`touchline topics repartition --partitions 6`" in str(caught.value)


def test_an_input_made_anew_is_named_although_its_number_is_the_same():
    with pytest.raises(InputError, match=r"events was deleted and made anew.*`touchline reset`"):
        layout_of(EQUAL, topic_id="second").check()


async def test_the_watch_tells_what_it_sees_and_outlasts_an_outage(monkeypatch):
    monkeypatch.setattr(under_test, "_LOOK_SECONDS", 0.001)
    told: asyncio.Queue[InputError] = asyncio.Queue()
    watch = LayoutWatch(layout_of(None, EQUAL, EQUAL | {"events": 5}), told.put_nowait)

    await watch.start()

    assert "events has 5 partitions" in str(await told.get())
    await watch.stop()
