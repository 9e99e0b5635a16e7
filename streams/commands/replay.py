"""`touchline replay`: match days of the history, or recorded events, played through the workers."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from features.history import HistoricMatch
from features.rating_book import RatingBook
from schemas.records import MatchEvent, Prediction
from streams.commands.errors import UserError
from streams.commands.history import DAY, FOLDER, read_history
from streams.commands.options import cluster_options
from streams.commands.replay_bundles import check_bundles, judge_bundles
from streams.commands.rollout_options import plan_option
from streams.commands.sentences import in_one_sentence
from streams.commands.speed import SPEED
from streams.playing.interruption import interruptible
from streams.playing.match_days import (
    Choice,
    MatchDay,
    chosen,
    historic_days,
    read_events,
    read_told,
    recorded_days,
    with_told,
)
from streams.playing.replay import Replay, Result
from streams.playing.seeding import seeded_book
from streams.playing.stage import Stage, own_prefix
from streams.settings import Settings

ROLES = ("predict", "rate")
INTERRUPTED = 130


@click.command()
@click.option("--history", type=FOLDER, help="Folder of the match history; with --file, for the ratings before it.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Recorded match events.")
@click.option(
    "--feature-events",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Feature events of the matches played, as lines of JSON.",
)
@click.option("--from", "first", type=DAY, metavar="DATE", help="First match day (YYYY-MM-DD).")
@click.option("--until", "last", type=DAY, metavar="DATE", help="Last match day.")
@click.option("--tournament", metavar="NAME", help="Matches of this tournament only.")
@click.option(
    "--speed", type=SPEED, default="max", metavar="N|max", show_default=True, help="60 plays a minute a second."
)
@click.option("--no-workers", is_flag=True, help="Leave predict and rate to workers that run already.")
@click.option("--keep", is_flag=True, help="Leave the topics of the replay's own prefix.")
@click.option(
    "--bundle", "bundles", type=FOLDER, multiple=True, metavar="DIR",
    help="Twice, champion and challenger: what the gate of a roll-out says of them, without a broker.",
)  # fmt: skip
@plan_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@cluster_options
@in_one_sentence
def replay(
    settings: Settings,
    *,
    history: Path | None,
    file: Path | None,
    feature_events: Path | None,
    first: datetime | None,
    last: datetime | None,
    tournament: str | None,
    speed: float | None,
    no_workers: bool,
    keep: bool,
    bundles: tuple[Path, ...],
    plan_file: Path | None,
    as_json: bool,
) -> None:
    """Play match days through the predict and rate roles, and check every prediction against the features' code.

    A replay has a topic prefix of its own, and workers of its own, unless --topic-prefix and --no-workers say
    otherwise; ratings begin with all results of --history before the first day played. Day by day it sends the
    fixtures, waits until predict, rate and predict again have caught up, sends the matches, and waits again. Events
    are what was sent to match-events plus what rate told to feature-events; each must have one prediction, whose
    feature vector is, bit for bit, what is computed offline, and whose probabilities are within 1e-6 what the
    bundle says of it. With --history they are compared with training, too: the history is folded as train and
    backtest fold it, and each prediction must have the features of their row, bit for bit, and within 1e-6 the
    probabilities that the bundle's graph gives for it. Training has no row of a fixture whose ratings are not known
    yet, which is one prediction a match. What --feature-events tells of a match is sent after the events of that
    match before it and before those after it, and each time the replay waits until all have caught up. Latencies
    are from a record's timestamp to the prediction read; events per second are over the whole time, waits included.
    The exit code is 0 only when nothing is missing, twice or different. Topics of its own prefix are deleted at the
    end, unless --keep; topics of a given --topic-prefix are left.

    With two bundles no broker and no worker is needed: both predict after each event, as the stream would, and the
    gate of --plan judges the challenger by the results, see docs/rollouts.md.

    \b
    Example:
      touchline replay --history ../shared/data --from 2022-11-20 --until 2022-12-18 --tournament "FIFA World Cup"
      touchline replay --file events.jsonl --speed 60
      touchline replay --history ../shared/data --from 2024-06-01 --bundle champion --bundle challenger
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    if history is None and file is None:
        raise UserError("say what to play: --history DIR or --file FILE")
    check_bundles(bundles, plan_file)
    keep = keep or bool(settings.topic_prefix)
    if not settings.topic_prefix:
        settings = settings.model_copy(update={"topic_prefix": own_prefix("replay", datetime.now(UTC))})
    console = Console(stderr=True, quiet=as_json)
    try:
        with interruptible():
            matches = read_history(history) if history else []
            choice = Choice(first and first.date(), last and last.date(), tournament)
            played = [] if file else chosen(matches, choice)
            days = recorded_days(read_events(file)) if file else historic_days(played)
            if feature_events is not None:
                days = with_told(days, read_told(feature_events))
            book = seeded_book(matches, days[0].date) if matches else RatingBook()
            if bundles:
                told = feature_events is not None
                judge_bundles(bundles, plan_file, days, book, told=told, as_json=as_json)
                return
            stage = Stage(settings, () if no_workers else ROLES, keep=keep, say=console.print)
            known = [match for match in matches if match.day < days[0].date] + played if played else []
            result = _play(stage, days, book, known, speed=speed, console=console)
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has been stopped.")
        sys.exit(INTERRUPTED)
    _tell(result, settings, as_json=as_json, keep=keep)
    sys.exit(0 if result.complete else 1)


def _play(
    stage: Stage,
    days: Sequence[MatchDay],
    book: RatingBook,
    history: Sequence[HistoricMatch],
    *,
    speed: float | None,
    console: Console,
) -> Result:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=console.quiet or not console.is_terminal,
    )
    with stage:
        in_force = stage.start(book)
        with progress:
            task = progress.add_task("events", total=sum(day.events for day in days))

            def each(one: MatchEvent | Prediction) -> None:
                if isinstance(one, MatchEvent):
                    progress.advance(task)

            # Ratings which were there before may know other results than the history.
            history = history if in_force is book else ()
            play = Replay(stage.settings, days, in_force, stage.check, history, speed, each)
            result = play.run()
        if play.parity is not None and play.parity.mismatches:
            console.print(f"Parity: {play.parity}", style="red")
        for difference in result.differences:
            console.print(difference, style="red", soft_wrap=True)
        return result


def _beside(result: Result) -> str:
    if not result.training_rows:
        return ""
    apart = "" if result.largest_difference is None else f", probabilities within {result.largest_difference:.1e}"
    return f"{result.training_rows} compared with training, {result.training_mismatches} mismatches{apart}; "


def _tell(result: Result, settings: Settings, *, as_json: bool, keep: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.as_json()))
        return
    click.echo(
        f"{result.matches} matches, {result.events} events, {result.predictions} predictions, "
        f"{result.dead_letters} dead letters, {result.parity_mismatches} parity mismatches; {_beside(result)}"
        f"p50 {result.p50_ms} ms, p99 {result.p99_ms} ms, {result.events_per_second} events/s"
    )
    if keep:
        click.echo(f"Read the predictions with: touchline tail predictions --topic-prefix {settings.topic_prefix}")
