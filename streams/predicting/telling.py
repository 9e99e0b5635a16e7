"""Tells the ratings of fixtures and final scores, after events of both ways."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from features.match_state import MatchState
from features.plain_layout import Row
from features.plain_matches import Folded, PlainMatches
from features.team_events import team_event
from schemas.plain_layout import FULL_TIME, KINDS, SCHEDULED
from schemas.records import EventKind, MatchEvent, TeamEvent, TeamEventKind
from streams.engine.outbox import Message
from streams.engine.slices import Record, Slice
from streams.metrics import WorkerMetrics
from streams.predicting.batch import Batch, Longs
from streams.predicting.wiring import PredictCodecs, PredictTopics

TEAM_EVENTS_KEY: Final = b"teams"


class News(NamedTuple):
    """What is to be told, after which record of a batch, and the index of its slice."""

    row: int
    place: int
    message: Message


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells the topic of team events; nobody, where there is none."""

    topics: PredictTopics
    codecs: PredictCodecs
    metrics: WorkerMetrics

    def singly(
        self, before: MatchState, after: MatchState, event: MatchEvent, source: tuple[Slice, Record]
    ) -> Message | None:
        """Return what is to be told of the step from *before* to *after*, if anything."""
        topic = self.topics.team_events
        if topic is None:
            return None
        if event.kind is EventKind.FULL_TIME and after.fixture_known:
            self.metrics.final_score(contradicted=after.goals_contradict_result)
        news = team_event(before, after, event)
        return None if news is None else self._message(topic, news, source)

    def together(self, batch: Batch, matches: PlainMatches, folded: Folded, rows: Longs) -> Iterator[News]:
        """Yield what is to be told of the causes at *rows*: of each SCHEDULED, and FULL_TIME that changed a result."""
        topic = self.topics.team_events
        if topic is None:
            return
        records, kinds = batch.records, batch.records.events["kind"][rows]
        for number in np.flatnonzero((kinds == FULL_TIME) | (kinds == SCHEDULED)).tolist():
            cause, row = folded.causes[number], int(rows[number])
            if kinds[number] == FULL_TIME:
                goals, score = (cause["home_goals"], cause["away_goals"]), (cause["home_score"], cause["away_score"])
                self.metrics.final_score(contradicted=bool(cause["has_result"]) and goals != score)
            if cause["ends"] or kinds[number] == SCHEDULED:
                place = int(records.pieces[row])
                source = (records.slices[place].piece, records.each[row])
                yield News(row, place, self._message(topic, _news(batch, matches, cause, row), source))

    def _message(self, topic: str, news: TeamEvent, source: tuple[Slice, Record]) -> Message:
        return Message(topic, TEAM_EVENTS_KEY, self.codecs.team_event.encode(news), 0, source=source)


def _news(batch: Batch, matches: PlainMatches, cause: Row, row: int) -> TeamEvent:
    event, number = batch.records.events[row], int(cause["match"])
    match, start, has_result = matches.matches[number], int(event["id_start"]), bool(cause["has_result"])
    return TeamEvent(
        event_id=batch.records.content[start : start + int(event["id_length"])].decode(),
        match_id=batch.names[batch.owners[row]][1].decode(),
        kind=TeamEventKind(KINDS[event["kind"]]),
        occurred_at_ms=int(event["occurred_at_ms"]),
        kick_off_ms=int(match["kick_off_ms"]),
        competition=matches.text(number, "competition").decode(),
        home_team=matches.text(number, "home_team").decode(),
        away_team=matches.text(number, "away_team").decode(),
        neutral=bool(match["neutral"]),
        home_score=int(cause["home_score"]) if has_result else None,
        away_score=int(cause["away_score"]) if has_result else None,
        cancelled=bool(match["cancelled"]),
    )
