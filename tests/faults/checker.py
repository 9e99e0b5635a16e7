"""Says what a run did with its log: what is missing, repeated or different, in predictions and in states.

It imports nothing of the engine. The input log is folded by `reference.py`; predictions, dead letters, team events and
the changelog are read as any consumer would read them, with ``read_committed``.
"""

import itertools
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from tests.faults.changelog import last_states
from tests.faults.corruption import EXPECT_HEADER
from tests.faults.findings import Findings, Wanted
from tests.faults.place import DEAD_LETTERS, FEATURE_EVENTS, INPUTS, MATCH_EVENTS, PREDICTIONS, TEAM_EVENTS, Place
from tests.faults.reading import LogReader
from tests.faults.reference import Match, Reference, Said, Source

PROBABILITY_TOLERANCE = 1e-6
_OF_THE_RUN = ("received_at_us", "decoded_at_us", "scored_at_us")
_CHANCES = ("home", "draw", "away")


def check(place: Place, wanted: Wanted) -> Findings:
    """Return what the log of *place* shows; the workers have stopped, or have nothing left to do."""
    reader = LogReader(place)
    try:
        for topic in (place.topic(PREDICTIONS), place.changelog):
            reader.await_no_open_transaction(topic)
        return _Check(place, wanted, reader).findings()
    finally:
        reader.close()


class _Check:
    def __init__(self, place: Place, wanted: Wanted, reader: LogReader) -> None:
        self._place, self._wanted, self._reader = place, wanted, reader
        self._reference = Reference()
        self._spoilt: set[Source] = set()
        self._dead: dict[Source, str] = {}
        self._found = Findings()
        self._input_times: list[int] = []

    def findings(self) -> Findings:
        self._read_dead_letters()
        self._read_inputs()
        self._read_predictions()
        self._read_team_events()
        self._compare_states()
        self._found.commit_gap = self._reader.commit_gap()
        return self._found

    def _read_dead_letters(self) -> None:
        seen: set[tuple[str, ...]] = set()
        names = {self._place.topic(name): name for name in INPUTS}
        for record in self._reader.records(self._place.topic(DEAD_LETTERS)):
            headers = {name: value.decode() for name, value in record.headers()}
            where = (headers["source_topic"], headers["source_partition"], headers["source_offset"])
            if where in seen:
                self._found.add("repeated_others", f"dead letter {headers}")
            seen.add(where)
            if where[0] in names:
                self._found.dead_letter_keys.add(record.key() or b"")
                self._dead[names[where[0]], int(where[1]), int(where[2])] = headers["cause"]
        self._found.dead_lettered = len(self._dead)

    def _read_inputs(self) -> None:
        for name, take in (
            (MATCH_EVENTS, self._reference.take_match_event),
            (FEATURE_EVENTS, self._reference.take_feature_event),
        ):
            ends: dict[int, int] = defaultdict(int)
            for record in self._reader.records(self._place.topic(name)):
                source = (name, record.partition(), record.offset())
                ends[record.partition()] = record.offset() + 1
                self._found.events += 1
                self._input_times.append(record.timestamp()[1])
                expected = dict(record.headers() or ()).get(EXPECT_HEADER)
                if expected is not None:
                    self._spoilt.add(source)
                    self._compare_cause(source, expected.decode())
                else:
                    take(source, self._reader.decode(record.value()))
            self._compare_acknowledged(self._place.topic(name), ends)
        held = {source for match in self._reference.matches.values() for source in match.waiting}
        self._found.held = len(held)
        self._found.repeats_in_log = len(self._reference.repeats)

    def _compare_cause(self, source: Source, expected: str) -> None:
        if source not in self._dead:
            self._found.add("missing", f"{source} was spoilt and is no dead letter: {expected}")
        elif self._dead[source] != expected:
            self._found.add("differing", f"the dead letter of {source} says {self._dead[source]}, not {expected}")

    def _compare_acknowledged(self, topic: str, ends: Mapping[int, int]) -> None:
        for partition, end in self._wanted.acknowledged.get(topic, {}).items():
            if ends.get(int(partition), 0) < end:
                self._found.add("lost_by_brokers", f"{topic}[{partition}] ends before {end}")

    def _read_predictions(self) -> None:
        first: dict[str, tuple[bytes, int]] = {}
        sources: set[Source] = set()
        times: list[tuple[int, int]] = []
        for record in self._reader.records(self._place.topic(PREDICTIONS)):
            value = record.value()
            said = self._reader.decode(value)
            one = said["prediction_id"]
            if one in first:
                before, stamp = first[one]
                later = f"partition {record.partition()}, {record.timestamp()[1] - stamp} ms after {stamp}"
                self._found.add("repeated", f"{one} of {said['event_id']} in {later}")
                if not _same(self._reader.decode(before), said):
                    self._found.add("differing", f"{one} of {said['event_id']} says something else in {later}")
                continue
            first[one] = (value, record.timestamp()[1])
            times.append((record.timestamp()[1], record.partition()))
            source = (said["source_topic"].removeprefix(self._place.prefix), record.partition(), said["source_offset"])
            sources.add(source)
            self._compare_with_reference(source, said)
        self._found.predicted = len(first)
        self._count_missing(sources)
        self._measure_times(sorted(times))

    def _compare_with_reference(self, source: Source, said: Mapping[str, Any]) -> None:
        expected: Mapping[Source, Said | None] = self._reference.predicted
        if source not in expected:
            self._found.add("unexpected", f"prediction of {source}, event {said['event_id']}")
            return
        right = expected[source]
        says = (said["minute"], said["home_score"], said["away_score"])
        parts = f"{said['match_id']}\x00{said['event_id']}\x00{said['bundle_digest']}".encode()
        if blake2b(parts, digest_size=16).hexdigest() != said["prediction_id"]:
            self._found.add("differing", f"{said['prediction_id']} is not the id of {said['event_id']}")
        elif right is not None and says != right:
            self._found.add("differing", f"{source} says {says} where the reference says {right}")

    def _count_missing(self, sources: set[Source]) -> None:
        excused = set(self._dead) if self._wanted.dead_letters_allowed else set()
        for source in self._reference.predicted.keys() - sources - excused:
            self._found.add("missing", f"no prediction of {source}")
        if not self._wanted.dead_letters_allowed:
            for source in self._dead.keys() - self._spoilt - self._never_scheduled():
                self._found.add("unexpected", f"dead letter of {source}")

    def _never_scheduled(self) -> set[Source]:
        """Return what waited for a fixture until its match had its time."""
        matches = self._reference.matches.items()
        return {
            source for (partition, _), match in matches if self._is_over(partition, match) for source in match.waiting
        }

    def _is_over(self, partition: int, match: Match) -> bool:
        return match.expires_at_ms() < self._reference.watermarks[partition]

    def _measure_times(self, times: Sequence[tuple[int, int]]) -> None:
        """Measure the longest gap up to the first prediction after the last event, and the recovery after each mark."""
        last_input = max(self._input_times, default=0)
        stamps = [stamp for stamp, _ in times]
        flowing = [stamp for stamp in stamps if stamp <= last_input] + [
            stamp for stamp in stamps if stamp > last_input
        ][:1]
        gaps = [after - before for before, after in itertools.pairwise(flowing)]
        self._found.gap_seconds = max(gaps, default=0) / 1000
        by_partition: dict[int, list[int]] = defaultdict(list)
        for stamp, partition in times:
            by_partition[partition].append(stamp)
        waits = [
            stamps[bisect_left(stamps, mark)] - mark
            for mark in self._wanted.marks
            for stamps in by_partition.values()
            if stamps[-1] >= mark
        ]
        self._found.recovery_seconds = max(waits, default=0) / 1000

    def _read_team_events(self) -> None:
        seen: set[tuple[str, str]] = set()
        for record in self._reader.records(self._place.topic(TEAM_EVENTS)):
            said = self._reader.decode(record.value())
            one = (said["match_id"], said["event_id"])
            if one in seen:
                self._found.add("repeated_others", f"team event {one}")
            elif one not in self._reference.team_events:
                self._found.add("unexpected", f"team event {one}")
            seen.add(one)
        for one in self._reference.team_events - seen:
            self._found.add("missing", f"no team event of {one}")

    def _compare_states(self) -> None:
        states, since = last_states(self._reader, self._place.changelog)
        for partition, key in (key for key in states.keys() | since.keys() if states.get(key) != since.get(key)):
            self._found.add("state_differences", f"a restore of partition {partition} finds no state of {key!r}")
        for (partition, match_id), match in self._reference.matches.items():
            raw = states.pop((partition, match_id.encode()), None)
            if raw is None:
                # One whose time is over may be in the table still, or may have left it.
                if not self._is_over(partition, match):
                    self._found.add("state_differences", f"no state of {match_id} in partition {partition}")
                continue
            state = self._reader.decode(raw)
            state["held"] = sorted((one["source_topic"].removeprefix(self._place.prefix), one["source_offset"])
                                   for one in state["held"])  # fmt: skip
            for name, right in match.record(match_id).items():
                if state[name] != right:
                    self._found.add("state_differences", f"{name} of {match_id} is {state[name]!r}, not {right!r}")
                    break
        for partition, key in states:
            self._found.add(
                "state_differences", f"a state of {key!r} in partition {partition} which no event calls for"
            )


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two predictions say the same: features bit for bit, processing times left out."""
    if any(abs(one[name] - other[name]) > PROBABILITY_TOLERANCE for name in _CHANCES):
        return False
    left_out = (*_OF_THE_RUN, *_CHANCES, "features")
    rest = [{name: value for name, value in said.items() if name not in left_out} for said in (one, other)]
    return rest[0] == rest[1] and array("f", one["features"]).tobytes() == array("f", other["features"]).tobytes()
