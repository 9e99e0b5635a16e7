import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from streams.api.figures import ApiFigures
from streams.api.live import FullError, LiveHub
from tests.streams.api.matches import known, predicted


def hub_of(kept=8, most_clients=2):
    registry = CollectorRegistry()
    return LiveHub(ApiFigures(registry), most_clients, kept), registry


def events(chunk: bytes):
    """Return the events in *chunk*: kind, data and id."""
    found = []
    for block in chunk.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


def ids(chunk: bytes):
    return [data.get("prediction_id", kind) for kind, data, _ in events(chunk)]


def batch(*offsets, match="m"):
    return [known(predicted(match, offset)) for offset in offsets]


async def test_everybody_gets_what_comes_and_of_one_match_that_only():
    hub, _ = hub_of()
    everything, one = hub.join(None, None), hub.join("b", None)
    hub.publish([*batch(1, match="a"), *batch(2, match="b")])

    assert ["a-1", "b-2"] == ids(await everything.take())
    assert ["b-2"] == ids(await one.take())


async def test_who_is_slow_is_told_how_many_were_skipped_and_nobody_else_notices():
    hub, registry = hub_of(kept=3)
    slow, fast = hub.join(None, None), hub.join(None, None)
    for number in range(10):
        hub.publish(batch(number))
        assert [f"m-{number}"] == ids(await fast.take())

    assert [("skipped", {"skipped": 7}, None)] == events(first := await slow.take())[:1]
    assert ["m-7", "m-8", "m-9"] == ids(first)[1:]
    assert 7 == registry.get_sample_value("touchline_api_live_skipped_total")
    hub.publish(batch(10))
    assert ["m-10"] == ids(await slow.take())


@given(st.integers(0, 30), st.integers(0, 29), st.integers(1, 20))
async def test_who_comes_back_gets_all_that_was_missed_or_is_told_of_a_gap(published, last, kept):
    hub, _ = hub_of(kept=kept)
    first = hub.join(None, None)
    seen = []
    for number in range(published):
        hub.publish(batch(number))
        seen += events(await first.take())
    if last >= published:
        return
    again = hub.join(None, seen[last][2])
    hub.publish(batch(99))
    found = ids(await again.take())

    missed = [f"m-{number}" for number in range(last + 1, published)]
    # The one that has come since may have taken the place of the oldest in a full line.
    expected = {("gap", "m-99")} if len(missed) > kept else {(*missed, "m-99")}
    if len(missed) == kept or (kept == 1 and len(missed) > kept):
        expected = {("skipped", *[*missed, "m-99"][-kept:]), ("skipped", "m-99")}
    assert tuple(found) in expected


@pytest.mark.parametrize(
    "place", ["", "-", "other-1", "1", "x" * 5000, "-٣", "{name}-99999999999999999999999", "{name}-5"]
)
async def test_a_place_which_is_not_known_is_a_gap(place):
    hub, _ = hub_of()
    first = hub.join(None, None)
    hub.publish(batch(1))
    name = events(await first.take())[0][2].partition("-")[0]
    client = hub.join(None, place.format(name=name))

    assert ["gap"] == ids(await client.take())


async def test_there_are_so_many_clients_and_no_more_until_one_leaves():
    hub, registry = hub_of(most_clients=1)
    client = hub.join(None, None)
    with pytest.raises(FullError, match="1 clients of /live already"):
        hub.join(None, None)
    assert 1 == registry.get_sample_value("touchline_api_live_clients")
    hub.leave(client)

    assert hub.join("m", None).match == "m"


async def test_at_the_end_everybody_is_sent_home():
    hub, _ = hub_of()
    client = hub.join(None, None)
    hub.end()

    assert (b"", True) == (await client.take(), client.ended)
