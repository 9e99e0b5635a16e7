"""What reports must say, recomputed from the records of the topics by slow loops; and records to do so with."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from schemas.records import EventKind, MatchEvent, Prediction, Variant

DAY_MS = 86_400_000
GRID = (0, 15, 30, 45, 60, 75, 85)
COMPETITIONS = ("League", "Cup")


def outcomes(events: Iterable[MatchEvent]) -> dict[str, SimpleNamespace]:
    """Return of each match its competition, result (None without one), end and whether it was cancelled."""
    struck = {(one.match_id, one.corrects) for one in events if one.kind is EventKind.CORRECTION}
    found: dict[str, SimpleNamespace] = {}
    for event in sorted(events, key=lambda one: (one.occurred_at_ms, one.event_id)):
        known = found.setdefault(
            event.match_id, SimpleNamespace(competition=None, result=None, end=None, cancelled=False, kick_off=None)
        )
        if (event.match_id, event.event_id) in struck:
            continue
        if event.kind is EventKind.SCHEDULED:
            known.competition, known.kick_off = event.competition, event.kick_off_ms
        elif event.kind is EventKind.FULL_TIME:
            known.result = int(np.sign(event.away_score - event.home_score)) + 1
            known.end = event.occurred_at_ms
        elif event.kind is EventKind.CANCELLED:
            known.cancelled = True
    return found


def segments(prediction: Prediction, competition: str | None) -> list[str]:
    """Return the segments of a prediction."""
    band = "85+"
    for first, end in pairwise(GRID):
        if first <= prediction.minute < end:
            band = f"{first}-{end - 1}"
    band = "pre-match" if prediction.minute < 0 else band
    return ["all", f"minute={band}", *([f"competition={competition}"] if competition else [])]


def judged_rows(predictions: Sequence[Prediction], events: Sequence[MatchEvent]) -> list[SimpleNamespace]:
    """Return a row for each prediction that is judged and each of its segments."""
    ended, seen, rows = set(), set(), []
    known = outcomes(events)
    for one in predictions:
        if one.prediction_id in seen:
            continue
        seen.add(one.prediction_id)
        ended |= {one.match_id} if one.cause == "FULL_TIME" else set()
        match = known.get(one.match_id)
        if match is None or match.cancelled or match.result is None or one.match_id in ended:
            continue
        rows += [
            SimpleNamespace(
                match=one.match_id,
                day=match.end // DAY_MS,
                segment=segment,
                said=(one.home, one.draw, one.away),
                came=match.result,
            )
            for segment in segments(one, match.competition)
        ]
    return rows


def figures(rows: Sequence[SimpleNamespace]) -> dict[str, Any]:
    """Return the means over *rows*, and what they estimate of themselves."""
    n = len(rows)
    confusion = [0] * 9
    parts: dict[str, list[float]] = {name: [] for name in ("log_loss", "rps", "brier", "e_log_loss", "e_accuracy")}
    for row in rows:
        truth = [float(one == row.came) for one in range(3)]
        confusion[3 * row.said.index(max(row.said)) + row.came] += 1
        parts["log_loss"].append(-math.log(max(row.said[row.came], 1e-15)))
        parts["rps"].append(sum((sum(row.said[:end]) - sum(truth[:end])) ** 2 for end in (1, 2)) / 2)
        parts["brier"].append(sum((p - t) ** 2 for p, t in zip(row.said, truth, strict=True)))
        weights = [one / sum(row.said) for one in row.said]
        parts["e_log_loss"].append(-sum(w * math.log(max(p, 1e-15)) for w, p in zip(weights, row.said, strict=True)))
        parts["e_accuracy"].append(max(weights))
    ece = []
    for one in range(3):
        bins: dict[int, list[float]] = {}
        for row in rows:
            bins.setdefault(min(int(row.said[one] * 10), 9), []).append(row.said[one] - (row.came == one))
        ece.append(sum(abs(math.fsum(gaps)) for gaps in bins.values()) / n)
    return {
        "n_matches": len({row.match for row in rows}),
        "n_predictions": n,
        "confusion": confusion,
        "accuracy": sum(confusion[::4]) / n,
        "ece": ece,
        **{name: math.fsum(values) / n for name, values in parts.items()},
    }


def check(report: Any, predictions: Sequence[Prediction], events: Sequence[MatchEvent]) -> None:
    """Check that *report* says what all records give, to 1e-12."""
    first, end = report.window_start_ms // DAY_MS, report.window_end_ms // DAY_MS
    rows = [row for row in judged_rows(predictions, events) if first <= row.day < end]
    found = {one.segment: one for one in report.segments if one.n_predictions}
    assert {row.segment for row in rows} == set(found)
    for segment, one in found.items():
        expected = figures([row for row in rows if row.segment == segment])
        counts = ("n_matches", "n_predictions")
        assert [expected[name] for name in counts] == [getattr(one, name) for name in counts], segment
        assert expected["confusion"] == list(one.confusion), segment
        for name in ("log_loss", "rps", "brier", "accuracy"):
            assert abs(expected[name] - getattr(one, name)) < 1e-12, (segment, name)
        assert abs(expected["e_log_loss"] - one.estimated_log_loss) < 1e-12
        assert abs(expected["e_accuracy"] - one.estimated_accuracy) < 1e-12
        assert max(abs(a - b) for a, b in zip(expected["ece"], one.ece_by_class, strict=True)) < 1e-12
        assert abs(sum(expected["ece"]) / 3 - one.ece) < 1e-12
    whole = found.get("all")
    if whole is not None:
        assert (whole.log_loss, whole.n_matches) == (report.log_loss, report.n_matches)


def story(number: int, day: int, chance: np.random.Generator) -> tuple[list[MatchEvent], list[Prediction]]:
    """Return the events of one match which ends on *day*, and predictions of it: some repeated, some informed."""
    match, kick_off = f"match-{number}", day * DAY_MS + 12 * 3_600_000
    end = kick_off + 6_600_000
    events = [
        MatchEvent(
            "fixture", match, EventKind.SCHEDULED, kick_off - 3_600_000, home_team="A", away_team="B",
            competition=COMPETITIONS[number % 2], neutral=False, kick_off_ms=kick_off,
        ),
        MatchEvent("start", match, EventKind.KICK_OFF, kick_off),
    ]  # fmt: skip
    home, away = chance.integers(0, 4, 2).tolist()
    result = MatchEvent("end", match, EventKind.FULL_TIME, end, 90, home_score=home, away_score=away)
    kind = number % 6
    if kind == 1:  # corrected
        events.append(MatchEvent("wrong", match, EventKind.FULL_TIME, end + 9, 90, home_score=9, away_score=0))
        events.append(MatchEvent("no", match, EventKind.CORRECTION, end + 60_000, 90, corrects="wrong"))
    if kind == 2:  # said again, otherwise
        events.append(MatchEvent("again", match, EventKind.FULL_TIME, end + 60_000, 90, home_score=0, away_score=1))
    if kind == 3:
        events.append(MatchEvent("off", match, EventKind.CANCELLED, end + 60_000, 90))
    if kind != 4:  # whose result is missing
        events.append(result)
    minutes = [-1, *sorted(chance.integers(0, 95, 7).tolist())]
    causes = [("SCHEDULED", "fixture"), *[("TICK", f"tick{one}") for one in range(7)]]
    said = [
        prediction(match, name, cause, kick_off + 60_000 * minute, minute, chance)
        for minute, (cause, name) in zip(minutes, causes, strict=True)
    ]
    said += [said[int(chance.integers(0, len(said)))]]
    if kind != 4:
        said += [
            prediction(match, name, cause, end, 90, chance) for cause, name in (("FULL_TIME", "end"), ("GOAL", "g"))
        ]
    return events, said


def prediction(  # noqa: PLR0917 - what tells one from another
    match: str, name: str, cause: str, at_ms: int, minute: int, chance: np.random.Generator, model: str = "m"
) -> Prediction:
    """Return a prediction with any probabilities that float32 holds."""
    home, draw, away = chance.dirichlet((2, 2, 2)).astype(np.float32).tolist()
    return Prediction(
        prediction_id=f"{match}/{name}", match_id=match, event_id=name, cause=cause, occurred_at_ms=at_ms,
        competition="", minute=minute, home_score=0, away_score=0, home=home, draw=draw, away=away,
        variant=Variant.CHAMPION, model=model, model_version="1", bundle_digest="d", feature_set="v1", features=[0.5],
        source_topic="match-events", source_partition=0, source_offset=0, source_timestamp_ms=at_ms,
        received_at_us=at_ms * 1000, decoded_at_us=at_ms * 1000, scored_at_us=at_ms * 1000,
    )  # fmt: skip
