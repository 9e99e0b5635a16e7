"""`touchline replay --bundle A --bundle B`: what the gate of a roll-out says of two bundles on what is played."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from features.rating_book import RatingBook
from streams.commands.errors import UserError
from streams.commands.feature_files import check_reads_nothing
from streams.commands.rollout_options import check_unseen, chosen_plan, read_bundle
from streams.commands.rollout_views import tell
from streams.commands.training_progress import training_progress
from streams.playing.match_days import MatchDay
from streams.rollouts.comparing import offline
from streams.rollouts.replaying import replayed

_PAIR: Final = 2


def check_bundles(bundles: Sequence[Path], plan_file: Path | None) -> None:
    """Check that there is a champion with a challenger, or neither.

    Raises:
        UserError: There is one bundle, or more than two, or what has no place without them.
    """
    if bundles and len(bundles) != _PAIR:
        raise UserError(f"--bundle is given {len(bundles)} times, not twice: first the champion, then the challenger")
    if plan_file is not None and not bundles:
        raise UserError("--plan is of a roll-out: name champion and challenger by --bundle, twice")


def judge_bundles(
    folders: Sequence[Path],
    plan_file: Path | None,
    days: Sequence[MatchDay],
    book: RatingBook,
    *,
    told: bool,
    as_json: bool,
) -> None:
    """Print what the gate says of the bundles in *folders*, champion and challenger, over *days*.

    Raises:
        UserError: A bundle or the plan is none, a bundle has learned from the days or reads what was not *told*, or no
            match has a result.
    """
    plan = offline(chosen_plan(plan_file))
    champion, challenger = (read_bundle(folder) for folder in folders)
    check_unseen(days[0].date, (champion, challenger))
    if not told:
        check_reads_nothing(champion.features, challenger.features)
    with training_progress(len(days), quiet=as_json) as step:

        def stepping() -> Iterator[MatchDay]:
            for day in days:
                step(f"playing {day.date}")
                yield day

        found = replayed(champion, challenger, stepping(), book)
    if not found.match_ids:
        raise UserError("none of the matches that were played has a result")
    tell(plan, found, (champion, challenger), as_json=as_json)
