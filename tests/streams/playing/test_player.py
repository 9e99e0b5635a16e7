from features.narrative import kick_off_of, narrate
from streams.playing.player import LONGEST_PAUSE_SECONDS, Clock, Player


class FakeSender:
    def __init__(self):
        self.sent, self.finished = [], 0

    def send(self, key, value, timestamp_ms=0):
        self.sent.append((key, value, timestamp_ms))

    def serve(self):
        pass

    def finish(self):
        self.finished = len(self.sent)


class FakeCodec:
    def encode(self, event):
        return event.event_id.encode()


class FakeTime:
    def __init__(self):
        self.at, self.slept = 0.0, []

    def clock(self):
        return Clock(lambda: self.at, self.sleep)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds


def player(speed, time):
    told = []
    return Player(FakeSender(), FakeCodec(), speed, told.append, time.clock()), told


def test_at_full_speed_everything_is_sent_at_once_in_its_order(matches):
    events = narrate(matches[0], kick_off_of(matches[0]))
    time = FakeTime()
    playing, told = player(None, time)

    playing.play(events)

    assert [value.decode() for _, value, _ in playing.sender.sent] == [event.event_id for event in events]
    assert {key for key, _, _ in playing.sender.sent} == {b"1"}
    assert told == events
    assert playing.sender.finished == len(events)
    assert time.slept == []


def test_at_speed_60_a_minute_of_the_match_takes_a_second_and_intervals_are_cut_short(matches):
    events = [event for event in narrate(matches[0], kick_off_of(matches[0])) if event.kind in {"KICK_OFF", "TICK"}]
    time = FakeTime()
    playing, _ = player(60.0, time)

    playing.play(events)

    minutes = len(events) - 1
    assert round(time.at, 6) == minutes - 1 + LONGEST_PAUSE_SECONDS  # one pause is the interval


def test_time_lost_on_the_way_is_made_up(matches):
    events = [event for event in narrate(matches[0], kick_off_of(matches[0])) if event.kind == "TICK"][:40]
    time = FakeTime()
    playing, _ = player(60.0, time)
    playing.each = lambda _event: setattr(time, "at", time.at + 0.5)

    playing.play(events)

    assert round(time.at, 6) == 39.5
