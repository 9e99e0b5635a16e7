"""The schedule of a simulation: steady, honest about delays, and never in the future."""

from itertools import islice

import pytest

from features.simulation import DAY_MS, Sending, Simulation
from schemas.codec import Codec
from schemas.records import MatchEvent
from streams.simulating import Clock, ClockError, Counts, Pacer

NOW = 1_700_000_000.0


class FakeTime:
    """A clock which moves when somebody sleeps, or is held up."""

    def __init__(self) -> None:
        self.now = NOW

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeSender:
    def __init__(self, time: FakeTime, held_up_at: int = -1) -> None:
        self.time, self.held_up_at = time, held_up_at
        self.records: list[tuple[bytes, bytes, int, float]] = []

    def send(self, key: bytes, value: bytes, timestamp_ms: int = 0) -> None:
        if len(self.records) == self.held_up_at:
            self.time.now += 0.5
        self.records.append((key, value, timestamp_ms, self.time.now))

    def serve(self) -> None:
        pass


@pytest.fixture
def codec() -> Codec[MatchEvent]:
    codec = Codec("match_event", MatchEvent)
    codec.use_for_writing(1)
    codec.learn(1, Codec("match_event", MatchEvent)._reader_json)
    return codec


def pacer(time: FakeTime, sender: FakeSender, codec: Codec[MatchEvent], rate: float) -> Pacer:
    return Pacer(sender, codec, rate, lambda _counts: None, Clock(lambda: time.now, time.sleep))


def test_as_many_are_sent_as_rate_and_time_say(codec):
    time = FakeTime()
    sender = FakeSender(time)
    paced = pacer(time, sender, codec, 200)
    paced.run(Simulation(matches=2).events(), 3)

    assert len(sender.records) == 600 == paced.counts.sent
    assert paced.counts.seconds == pytest.approx(3, abs=0.02)


def test_a_record_bears_the_time_it_was_due_also_when_the_sender_is_held_up(codec):
    time = FakeTime()
    sender = FakeSender(time, held_up_at=10)
    paced = pacer(time, sender, codec, 100)
    paced.run(Simulation(matches=2).events(), 1)

    due = [int((NOW + number / 100) * 1000) for number in range(100)]
    assert due == [record[2] for record in sender.records]
    assert paced.counts.latest_send == pytest.approx(0.49, abs=0.02)
    assert paced.counts.seconds == pytest.approx(0.99, abs=0.02)


def test_what_is_sent_is_what_is_counted(codec):
    time = FakeTime()
    sender = FakeSender(time)
    paced = pacer(time, sender, codec, 1000)
    paced.run(Simulation(matches=3).events(), 2)

    expected = list(islice(Simulation(matches=3).events(), 2000))
    assert [each.event for each in expected] == [codec.decode(value) for _, value, _, _ in sender.records]
    assert [each.event.match_id.encode() for each in expected] == [key for key, _, _, _ in sender.records]
    counted = paced.counts.as_json()
    assert len({each.event.event_id for each in expected}) == counted["distinct"]
    assert sum(each.sending is Sending.LATE for each in expected) == counted["late"]
    assert counted["sent"] == 2000 == counted["distinct"] + counted["repeated"]
    assert len({each.event.match_id for each in expected}) == counted["matches"]
    assert sum(paced.counts.kinds.values()) == 2000


def test_simulated_time_does_not_pass_the_present(codec):
    time = FakeTime()
    paced = pacer(time, FakeSender(time), codec, 1000)
    today = int(NOW * 1000)

    with pytest.raises(ClockError, match="another --topic-prefix or --start"):
        paced.run(Simulation(matches=3, start_ms=today - 2 * DAY_MS).events(), 60)


def test_nothing_sent_has_no_rate():
    assert Counts().as_json()["events_per_second"] == 0.0
