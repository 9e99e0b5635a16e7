"""The public history of internationals: downloaded, checked, and written as the files which all commands read.

The source is github.com/martj42/international_results (CC0 1.0): ``results.csv`` and ``goalscorers.csv``.
"""

import asyncio
import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from features.history import HistoryError, international_matches

SOURCE: Final = "https://raw.githubusercontent.com/martj42/international_results/master"
RESULTS, SCORERS = "results.csv", "goalscorers.csv"
MATCHES_FILE, GOALS_FILE = "international_matches.csv.gz", "international_goals.csv.gz"
PROVENANCE: Final = "provenance.json"
MOST_BYTES: Final = 100_000_000
ATTEMPTS: Final = 3
TIMEOUT_SECONDS: Final = 60.0
UNKNOWN: Final = "NA"

_RESULT_COLUMNS: Final = ("date", "home_team", "away_team", "home_score", "away_score", "tournament", "neutral")
_SCORER_COLUMNS: Final = ("date", "home_team", "away_team", "team", "minute", "own_goal", "penalty")
_MATCHES: Final = (
    "match_id", "date", "home_team", "away_team", "home_score", "away_score", "tournament", "neutral", "goals_timed",
)  # fmt: skip
_GOALS: Final = ("match_id", "minute", "side", "kind")

Row = Mapping[str, str]
Meeting = tuple[str, str, str]
"""Date, home and away team."""

Download = Callable[[str], bytes]


class SourceError(RuntimeError):
    """Raised when the history cannot be had, or is not what it was; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was written.

    Attributes:
        url: Where it came from.
        sha256: Of the downloaded files, by name.
        first: Day of the first match, as last.
        at: When, UTC.
    """

    url: str
    sha256: Mapping[str, str]
    matches: int
    goals: int
    first: str
    last: str
    at: str


def fetch(url: str, out: Path, download: Download | None = None, now: Callable[[], datetime] | None = None) -> Fetched:
    """Write the history at *url* to the folder *out*, whole or not at all, and return what it is.

    Raises:
        SourceError: It cannot be downloaded, is of another form, or has fewer matches than what *out* has.
    """
    get = download_of(TIMEOUT_SECONDS) if download is None else download
    sources = {name: get(f"{url.rstrip('/')}/{name}") for name in (RESULTS, SCORERS)}
    matches = list(_matches(_rows(sources[RESULTS], RESULTS, _RESULT_COLUMNS)))
    ids = {meeting: match[0] for meeting, match in zip(map(_meeting_of, matches), matches, strict=True)}
    goals = list(_goals(_rows(sources[SCORERS], SCORERS, _SCORER_COLUMNS), ids))
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="partial-", dir=out) as folder:
        _write(Path(folder, MATCHES_FILE), _MATCHES, _with_timed(matches, goals))
        _write(Path(folder, GOALS_FILE), _GOALS, goals)
        days = _checked(Path(folder), out)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in sources.items()}
        at = (now or (lambda: datetime.now(UTC)))().isoformat(timespec="seconds")
        found = Fetched(url, digests, len(matches), len(goals), days[0], days[-1], at)
        Path(folder, PROVENANCE).write_text(json.dumps(asdict(found), indent=2) + "\n")
        for name in (MATCHES_FILE, GOALS_FILE, PROVENANCE):
            Path(folder, name).replace(out / name)
    return found


def download_of(timeout_seconds: float) -> Download:
    """Return what downloads a file, in three attempts.

    Raises:
        SourceError: By what is returned: it could not be downloaded.
    """

    def download(url: str) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return asyncio.run(_downloaded(url, timeout_seconds))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if attempt == ATTEMPTS or (isinstance(error, aiohttp.ClientResponseError) and error.status < 500):  # noqa: PLR2004 - HTTP's
                    raise SourceError(f"{url} cannot be downloaded: {_why(error)}") from error
        raise AssertionError

    return download


async def _downloaded(url: str, timeout_seconds: float) -> bytes:
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True, raise_for_status=True) as session,
        session.get(url) as answer,
    ):
        content = bytearray()
        async for part in answer.content.iter_any():
            content += part
            if len(content) > MOST_BYTES:
                raise SourceError(f"{url} is larger than {MOST_BYTES:,} bytes")
    return bytes(content)


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is {error.status} {error.message}"
    return " ".join(str(error).split()) or type(error).__name__


def _rows(content: bytes, name: str, columns: Sequence[str]) -> Iterator[Row]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise SourceError(f"{name} has no column {missing[0]}, only {', '.join(reader.fieldnames or ())[:200]}")
        for row in reader:
            if None in row or None in row.values():
                raise SourceError(f"{name}, line {reader.line_num} has not {len(reader.fieldnames or ())} columns")
            yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{name} is no table: {error}") from error


def _matches(rows: Iterator[Row]) -> Iterator[list[str]]:
    """Give the matches with a score; those to come have none yet. An id is of day and teams: rows may move."""
    seen: Counter[Meeting] = Counter()
    for row in rows:
        if UNKNOWN in {row["home_score"], row["away_score"]}:
            continue
        meeting = row["date"], row["home_team"], row["away_team"]
        seen[meeting] += 1
        again = f"/{seen[meeting]}" if seen[meeting] > 1 else ""
        neutral = str(int(_truth(row["neutral"], RESULTS, "neutral")))
        yield [
            f"{'/'.join(meeting)}{again}",
            *meeting,
            row["home_score"],
            row["away_score"],
            row["tournament"],
            neutral,
        ]


def _meeting_of(match: Sequence[str]) -> Meeting:
    return match[1], match[2], match[3]


def _goals(rows: Iterator[Row], ids: Mapping[Meeting, str]) -> Iterator[list[str]]:
    for row in rows:
        match_id = ids.get((row["date"], row["home_team"], row["away_team"]))
        if match_id is None:
            continue  # of a match that is in no list: nothing is said of it
        if row["team"] not in {row["home_team"], row["away_team"]}:
            raise SourceError(f"{SCORERS} has a goal of {row['team']!r} in {match_id}")
        kind = "own" if _truth(row["own_goal"], SCORERS, "own_goal") else "goal"
        kind = "pen" if _truth(row["penalty"], SCORERS, "penalty") else kind
        minute = "" if row["minute"] == UNKNOWN else row["minute"]
        yield [match_id, minute, "H" if row["team"] == row["home_team"] else "A", kind]


def _truth(text: str, name: str, column: str) -> bool:
    if text not in {"TRUE", "FALSE"}:
        raise SourceError(f"{name}: {column} is {text!r:.50}, not TRUE or FALSE")
    return text == "TRUE"


def _with_timed(matches: Sequence[Sequence[str]], goals: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    timed = Counter(match_id for match_id, minute, *_ in goals if minute)
    for match in matches:
        scored = sum(int(score) for score in match[4:6] if score.isdecimal())
        yield [*match, str(int(timed[match[0]] == scored))]


def _write(file: Path, columns: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    with file.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def _checked(new: Path, old: Path) -> list[str]:
    """Return the days of the matches in *new*, sorted, once they can be read and are no fewer than those in *old*."""
    try:
        days = sorted(match.day.isoformat() for match in international_matches(new))
    except HistoryError as error:
        raise SourceError(f"what was downloaded cannot be read: {error}") from error
    try:
        before = sum(1 for _ in international_matches(old)) if (old / MATCHES_FILE).exists() else 0
    except (HistoryError, FileNotFoundError):
        before = 0  # it is damaged: anything is better
    if not days or len(days) < before:
        raise SourceError(f"{RESULTS} has {len(days):,} matches with a score, and {old} has {before:,} already")
    return days
