"""What may stand in a request's URL; anything else is refused in one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import parse_qsl

from schemas.bounds import MAX_TEXT

MOST_LISTED = 1_000
_LISTED = 100
_SHOWN = 60
Sort = Literal["newest", "swing"]
_SORTS: tuple[Sort, ...] = get_args(Sort)
_TRUTHS: Mapping[str, bool] = {"true": True, "false": False}


class QueryError(ValueError):
    """Raised for a URL which asks for what is not there; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which matches are wanted.

    Attributes:
        live: Only those that are played, or only the others; None for both.
        competition: Only those of this one.
        limit: At most so many.
    """

    live: bool | None = None
    competition: str | None = None
    limit: int = _LISTED
    sort: Sort = "newest"


@lru_cache(maxsize=1024)
def listing_of(query: str) -> Listing:
    """Return what the *query* of `/matches` asks for, percent-encoded as it came.

    Raises:
        QueryError: An unknown name, a name that is given twice, or a value which cannot be.
    """
    given = _given(query, ("live", "competition", "limit", "sort"))
    live, limit, sort = given.get("live"), given.get("limit"), given.get("sort", "newest")
    if live is not None and live not in _TRUTHS:
        raise QueryError(f"live is {_shown(live)}, not true or false")
    if limit is not None and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST_LISTED):
        raise QueryError(f"limit is {_shown(limit)}, not a whole number from 1 to {MOST_LISTED}")
    for known in _SORTS:
        if known == sort:
            competition = None if "competition" not in given else checked_id(given["competition"], "competition")
            return Listing(
                None if live is None else _TRUTHS[live], competition, _LISTED if limit is None else int(limit), known
            )
    raise QueryError(f"sort is {_shown(sort)}, not {' or '.join(_SORTS)}")


def followed_match(query: str) -> str | None:
    """Return the match which the *query* of `/live` asks for; None for all.

    Raises:
        QueryError: As of listing_of.
    """
    match = _given(query, ("match",)).get("match")
    return None if match is None else checked_id(match, "match")


def no_query(query: str) -> None:
    """Refuse any *query*; raises QueryError."""
    _given(query, ())


def checked_id(text: str, what: str) -> str:
    """Return *text*, an id or a name, if there can be one.

    Raises:
        QueryError: It is empty or too long; *what* begins the sentence.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        raise QueryError(f"{what} is {_shown(text)}, not 1 to {MAX_TEXT} characters")
    return text


def _given(query: str, names: tuple[str, ...]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise QueryError(f"the query {_shown(query)} is not UTF-8, or of more than 20 values") from error
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            raise QueryError(f"{_shown(name)} can not be asked for here, only {' or '.join(names) or 'the path'}")
        if name in given:
            raise QueryError(f"{name} is given twice")
        given[name] = value
    return given


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
