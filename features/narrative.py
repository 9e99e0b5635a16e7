"""From a played match to the events its feed would have sent, for replays and for training."""

from features.history import HistoricMatch
from schemas.records import MatchEvent


def kick_off_of(match: HistoricMatch) -> int:
    """Return a kick-off time, milliseconds since the epoch: one of four slots of the day, chosen by match_id."""
    raise NotImplementedError


def narrate(match: HistoricMatch, kick_off_ms: int) -> list[MatchEvent]:
    """Return the events of *match* in event-time order, each of which changes the state of the match."""
    raise NotImplementedError
