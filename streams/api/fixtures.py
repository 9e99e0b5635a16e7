"""Who plays whom, from team-events: announced long before the match, so read further back than predictions."""

from typing import Final

from schemas.bounds import MAX_TEXT, ImpossibleValueError
from schemas.records import TeamEvent
from streams.api.index import Fixture
from streams.materializing.shelf import Place

FIXTURE_HOURS: Final = 24 * 8  # a fixture which never starts is forgotten by the workers after seven days


def check_names(event: TeamEvent) -> None:
    """Refuse names which no worker has let through; raises ImpossibleValueError."""
    for name in ("match_id", "home_team", "away_team"):
        if not 0 < len(getattr(event, name)) <= MAX_TEXT:
            raise ImpossibleValueError(name, getattr(event, name), f"1 to {MAX_TEXT} characters")


def fixture_of(event: TeamEvent, _place: Place, _record: bytes) -> tuple[str, Fixture]:
    """Return a match and who plays in it."""
    return event.match_id, Fixture(event.home_team, event.away_team, event.kick_off_ms)
