"""The report of a backtest: what each model was worth, where, when and how sure that is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from features.history import EPOCH, HistoricMatch
from models.champion import ABOUT, champion, log_loss, stack_against_mean
from models.evaluation import COMPARED, evaluate, evaluate_parts, moments
from models.predictors import CLASSES
from models.reliability import confusion, reliability, worst_misses
from models.rows import PRE_MATCH
from models.scores import Judged
from models.segments import BY
from models.walk_forward import Forecasts
from streams.reporting import page
from streams.reporting.charts import bars_chart, lines_chart, reliability_chart

MEASURES = ("log_loss", "rps", "brier", "accuracy", "ece")
MISSES = 20
GAINS = 15
SHOWN = 4  # lines of a chart
BASELINES = ("elo", "table")


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a report tells of.

    Attributes:
        title: What was forecast, and when.
        told: In words, how it was done.
        found: The forecasts that are judged.
        matches: By match_id.
    """

    title: str
    told: str
    found: Forecasts
    matches: Mapping[str, HistoricMatch]


def report(backtest: Backtest) -> str:
    """Return the page."""
    return page.page(backtest.title, _blocks(backtest))


def _blocks(backtest: Backtest) -> Iterator[str]:
    found = backtest.found
    judged = evaluate(found)
    best = champion(judged)
    yield page.paragraph(backtest.told)
    yield page.paragraph(f"Champion: {best}, the cheapest model within {ABOUT} nats of the best.")
    yield from (page.paragraph(told) for told in (stack_against_mean(judged),) if told)
    yield page.heading("All matches")
    yield _models(judged)
    yield page.heading(f"The champion, {best}")
    yield page.charts(dict(_charts(found, best)))
    yield from _said(found, best)
    for by, labels in BY.items():
        competitions = {match_id: match.competition for match_id, match in backtest.matches.items()}
        yield page.heading(f"By {by}")
        yield _parts(by, evaluate_parts(found, labels(found, competitions)), best)
    yield page.heading("What surprised it most")
    yield _misses(backtest, best)


def _models(judged: Judged) -> str:
    columns = ("model", *(one.replace("_", " ") for one in MEASURES), *(name.replace("_", " ") for name in COMPARED))
    ranked = sorted(judged.kinds.items(), key=lambda kind: log_loss(judged, kind[0]))
    rows = [(name, *(measures.get(one) for one in (*MEASURES, *COMPARED))) for name, measures in ranked]
    return page.table("All matches", columns, rows) + page.paragraph(
        f"{judged.n:,} matches, none left out. Log loss in nats; RPS in the order home, draw, away; ECE is the mean "
        "over the three results, in ten bins. The last columns are 95 % intervals of the difference in log loss to Elo "
        "under a logit and to the plain mean, from a paired bootstrap over matches: below zero is better."
    )


def _charts(found: Forecasts, best: str) -> Iterator[tuple[str, str]]:
    said, results = found.probabilities[best], found.rows.results
    bins = {name: reliability(said[:, one], results == one) for one, name in enumerate(CLASSES)}
    yield "Reliability, with 95 % intervals", reliability_chart(bins)
    names = [best, *(name for name in ("mean", *BASELINES) if name in found.probabilities and name != best)][:SHOWN]
    quarters = evaluate_parts(found, _quarters(found))
    yield (
        "Log loss by quarter of a year",
        lines_chart(list(quarters), _lines(quarters.values(), names), "quarter", "Log loss by quarter of a year"),
    )
    minutes = {minute: evaluate(part) for minute, part in moments(found).items() if minute != PRE_MATCH}
    if len(minutes) > 1:
        lines = _lines(minutes.values(), names)
        yield "Log loss by minute", lines_chart(list(minutes), lines, "minute", "Log loss by minute")
    if found.gains:
        top = dict(sorted(found.gains.items(), key=lambda one: -one[1])[:GAINS])
        caption = "What its features gave LightGBM beyond the goals which the ratings expect"
        yield caption, bars_chart(top, "Feature importance")


def _lines(judged: Iterable[Judged], names: Sequence[str]) -> dict[str, list[float]]:
    parts = list(judged)
    return {name: [log_loss(one, name) for one in parts] for name in names}


def _quarters(found: Forecasts) -> list[str]:
    days = [EPOCH + timedelta(days=day) for day in found.rows.days.tolist()]
    return [f"{day.year} Q{(day.month + 2) // 3}" for day in days]


def _said(found: Forecasts, best: str) -> Iterator[str]:
    counts = confusion(found.probabilities[best], found.rows.results)
    yield page.heading("The most probable result, and the result")
    yield page.table(
        "Confusion",
        ("most probable", *CLASSES),
        [(name, *(f"{count:,}" for count in row)) for name, row in zip(CLASSES, counts.tolist(), strict=True)],
    )


def _parts(by: str, judged: Mapping[str, Judged], best: str) -> str:
    columns = (by, "matches", "log loss", "RPS", "accuracy", "ECE", "Elo's log loss", "versus elo")
    rows = []
    for part, one in judged.items():
        ours = one.kinds[best]
        measures = (ours[name] for name in ("log_loss", "rps", "accuracy", "ece"))
        rows.append((part, f"{one.n:,}", *measures, one.kinds["elo"]["log_loss"], ours.get("versus_elo")))
    return page.table(f"By {by}", columns, rows)


def _misses(backtest: Backtest, best: str) -> str:
    found = backtest.found
    said, rows = found.probabilities[best], found.rows
    lines = []
    for place in worst_misses(said, rows.results, MISSES):
        match = backtest.matches[rows.match_ids[place]]
        minute = int(rows.minutes[place])
        lines.append((
            match.day.isoformat(), f"{match.home_team} - {match.away_team}", match.competition,
            "before" if minute == PRE_MATCH else f"minute {minute}", f"{match.home_score}-{match.away_score}",
            f"{float(said[place, rows.results[place]]):.2%}",
        ))  # fmt: skip
    columns = ("day", "match", "competition", "forecast", "score", "its probability")
    return page.table("What surprised it most", columns, lines)
