"""What a source of users told of the matches of a small history."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from features.history import EPOCH, HistoricMatch
from features.narrative import DAY_MS
from schemas.plain_values import to_json
from schemas.records import FeatureEvent

DECLARED = """
version = "v2+odds"
base = "v2"

[[columns]]
name = "odds_home"
source = "odds"
key = "home"
max_age_seconds = 86400
"""


def told(matches: Sequence[HistoricMatch], home: Callable[[HistoricMatch], float]) -> list[FeatureEvent]:
    """Return the odds of *matches*, told at midnight of their day, and what another source says."""
    found = []
    for match in matches:
        as_of_ms = (match.day - EPOCH).days * DAY_MS
        for source, value in (("odds", home(match)), ("weather", 20.0)):
            found.append(FeatureEvent(f"{match.match_id}-{source}", match.match_id, source, as_of_ms, {"home": value}))
    return found


def write_told(file: Path, events: Sequence[FeatureEvent]) -> Path:
    """Write *events* as lines of JSON, and return *file*."""
    file.write_text("".join(json.dumps(to_json(event)) + "\n" for event in events))
    return file
