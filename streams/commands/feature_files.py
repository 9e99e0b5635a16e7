"""What commands that fit models are told by file: feature sets, feature events, and matches beyond the history."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import click
import numpy as np

from features.declared import declared_set
from features.declaring import DeclarationError, read_declaration
from features.feature_sets import FEATURE_SETS, FeatureSet
from features.history import HistoricMatch
from features.recorded import joined, recorded_matches
from features.told import together
from models.contract import check_contract
from models.manifest import MANIFEST, BundleError, read_manifest
from models.rows import NOTHING_TOLD, Rows, Told
from streams.commands.errors import UserError
from streams.records_io import RecordsFileError, read_file

_match = attrgetter("match_id")

feature_events_option: Final = click.option(
    "--feature-events",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What users' sources told of the matches, as lines of JSON; needed by a declared feature set.",
)

match_events_option: Final = click.option(
    "--match-events",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Matches which the history does not have, as lines of JSON (touchline tail match-events --json).",
)


def read_feature_set(name: str) -> FeatureSet:
    """Return the published feature set of *name*, or the one which the file *name* declares, be it a bundle's manifest.

    Raises:
        UserError: There is neither, or what the file declares cannot be.
    """
    if name in FEATURE_SETS:
        return FEATURE_SETS[name]
    if not Path(name).is_file():
        raise UserError(
            f"--feature-set is {name!r}, not one of {', '.join(FEATURE_SETS)} and no file that declares one"
        )
    try:
        if Path(name).name == MANIFEST:
            return check_contract(read_manifest(Path(name).read_bytes(), name), name)
        return declared_set(read_declaration(Path(name)))
    except (BundleError, DeclarationError) as error:
        raise UserError(str(error)) from error


def with_recorded(history: Sequence[HistoricMatch], file: Path | None) -> Sequence[HistoricMatch]:
    """Return *history* and the finished matches of the match events in *file* which it does not have.

    Raises:
        UserError: A line of it is no match event, or there are none.
    """
    if file is None:
        return history
    try:
        return joined(history, recorded_matches(read_file(file, "match-events")))
    except RecordsFileError as error:
        raise UserError(str(error)) from error


def read_told(file: Path | None, *several: FeatureSet) -> Told:
    """Return the feature events in *file* which any of *several* feature sets reads, by match.

    Raises:
        UserError: It is not what the feature sets need, or a line of it is no feature event.
    """
    if file is None:
        check_reads_nothing(*several)
        return NOTHING_TOLD
    sources = [source for source, _ in together(one.reads for one in several).sources]
    if not sources:
        names = " and ".join(dict.fromkeys(one.version for one in several))
        raise UserError(f"--feature-events is {file}, but feature set {names} reads no feature events")
    try:
        events = read_file(file, "feature-events")
    except RecordsFileError as error:
        raise UserError(str(error)) from error
    read = sorted((event for event in events if event.source in sources), key=_match)
    return {match_id: list(those) for match_id, those in groupby(read, _match)}


def check_reads_nothing(*several: FeatureSet) -> None:
    """Check that no feature set of *several* reads feature events, as there is no file with any.

    Raises:
        UserError: For the first which does.
    """
    for features in several:
        if sources := [source for source, _ in features.reads.sources]:
            raise UserError(
                f"feature set {features.version} reads feature events of {', '.join(sources)}: "
                "--feature-events names no file with them"
            )


def check_known(features: FeatureSet, rows: Rows) -> None:
    """Check that each column which *features* reads of users' events is known in one of *rows* at least.

    Raises:
        UserError: For the first which is not.
    """
    if features.declared is None or not len(rows.matrix):
        return
    first = len(FEATURE_SETS[str(features.declared["base"])].names)
    for name, column in zip(features.names[first:], rows.matrix.T[first:], strict=True):
        if np.isnan(column).all():
            raise UserError(
                f"feature {name} is missing in all {len(rows.matrix):,} rows to learn from: no feature event of the "
                "file tells it of one of these matches, before the row and not too long before it (docs/features.md)"
            )
