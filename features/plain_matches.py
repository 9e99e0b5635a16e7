"""A batch of matches as columns, from the bytes of their states and back; what plain_states and plain_fold do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.facts import N_FACTS, RATED
from features.match_expiry import KEPT_AFTER_END_MS, KEPT_AFTER_KICK_OFF_MS
from features.plain_fold import fold
from features.plain_layout import ADDED, ALL_SECTIONS, CAUSE, HEARD, MATCH, SECTION_OF, Columns
from features.plain_states import open_states
from features.plain_told import Said, Wanted
from features.plain_writing import largest, write_states
from features.rating_book import SOURCE
from features.team_ratings import importance
from features.told import NOTHING, Reads
from schemas.flat_texts import pieces_of, starts_of


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


@lru_cache(maxsize=16)
def _wanted(reads: Reads) -> Wanted:
    """Return the ratings, and what *reads*."""
    sources = ((SOURCE, RATED), *reads.sources)
    firsts = np.cumsum([0, *(len(keys) for _, keys in sources)])
    names = _texts([key for _, keys in sources for key in keys])
    return Wanted(*_texts([source for source, _ in sources]), *names, firsts)


def _texts(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    encoded = [text.encode() for text in texts]
    return _bytes(b"".join(encoded)), starts_of(encoded)[1:]


@lru_cache(maxsize=1024)
def _importance(competition: bytes) -> float:
    return importance(competition.decode(errors="replace"))


@dataclass(slots=True)
class Folded:
    """What became of events.

    Attributes:
        verdicts: Of each event, shape ``(n,)``; see features.plain_fold.
        causes: Those to be predicted, in their order.
        facts: What is known after each of these, shape ``(n_causes, reads.width)``.
    """

    verdicts: NDArray[np.int8]
    causes: Columns
    facts: NDArray[np.float64]


@dataclass(slots=True)
class PlainMatches:
    """Matches as columns.

    Attributes:
        content: The bytes of their states, one behind the other.
        matches: MATCH, shape ``(n,)``; only the plain ones may be worked on.
    """

    content: bytes
    matches: Columns
    _places: NDArray[np.int64]
    _known: NDArray[np.int64]
    _wanted: Wanted
    _said: Said
    _counts: NDArray[np.int64] = field(init=False)
    _added: Columns = field(init=False)
    _heard: Columns = field(init=False)
    _events: Columns = field(init=False)
    _ids: bytes = field(init=False)

    @classmethod
    def read(cls, states: Sequence[bytes], header: bytes, reads: Reads = NOTHING) -> "PlainMatches":
        """Return the matches of *states*; plain are those at most which begin with *header*.

        *reads* says which values of users' feature events become facts.
        """
        content = b"".join(states)
        matches = np.zeros(len(states), MATCH)
        places, known = np.zeros((2, len(states), ALL_SECTIONS), np.int64)
        wanted = _wanted(reads)
        said = Said(np.empty((len(states), len(wanted.name_ends))), np.empty((len(states), len(reads.sources))))
        open_states(
            _bytes(content), starts_of(states)[1:], _bytes(header), wanted, matches, places, known, said
        )  # fmt: skip
        return cls(content, matches, places, known, wanted, said)

    @property
    def plain(self) -> NDArray[np.bool_]:
        """Whether each is plain."""
        return self.matches["plain"]

    def text(self, match: int, name: str) -> bytes:
        """Return the ``home_team``, ``away_team`` or ``competition`` of a plain match, UTF-8."""
        one = self.matches[match]
        return self.content[one[name] : one[f"{name}_end"]]

    def expires_at_ms(self) -> NDArray[np.int64]:
        """Return the event time after which each plain match may leave its table; see features.match_expiry."""
        columns = self.matches
        started = columns["marked"] | (columns["minute"] != 0)
        heard = np.maximum(
            np.maximum(columns["last_event_ms"], columns["heard_ms"]), np.maximum(columns["kick_off_ms"], 0)
        )
        open_end = np.where(started, heard, columns["kick_off_ms"]) + KEPT_AFTER_KICK_OFF_MS
        return np.where(columns["over"], columns["ended_ms"] + KEPT_AFTER_END_MS, open_end)

    def fold(self, events: Columns, owners: NDArray[np.int32], offsets: NDArray[np.int64], ids: bytes) -> Folded:
        """Fold *events*, whose texts lie in *ids*, into the plain matches which are their *owners*.

        Once only. See `features.plain_fold.fold`.
        """
        self._importances()
        self._events, self._ids = events, ids
        self._counts = self._known.copy()
        self._added, self._heard = np.empty(len(events), ADDED), np.empty(len(events), HEARD)
        verdicts = np.empty(len(events), np.int8)
        causes = np.empty(len(events), CAUSE)
        read = len(self._wanted.name_ends) - len(RATED) + len(self._wanted.source_ends) - 1
        facts = np.empty((len(events), N_FACTS + read))
        count = fold(
            events, SECTION_OF, owners, offsets, _bytes(ids), _bytes(self.content), self.matches, self._places,
            self._known, self._counts, self._wanted, self._said, self._added, self._heard, verdicts,
            causes, facts,
        )  # fmt: skip
        return Folded(verdicts, causes[:count], facts[:count])

    def _importances(self) -> None:
        spans = zip(self.matches["competition"].tolist(), self.matches["competition_end"].tolist(), strict=True)
        names = [self.content[start:end] for start, end in spans]
        self.matches["importance"] = [
            _importance(name) if plain else 0.0 for name, plain in zip(names, self.plain.tolist(), strict=True)
        ]

    def written(self) -> list[bytes]:
        """Return the states as they are after the fold; empty where nothing has changed."""
        text_bytes = sum(int(self._events[name].sum()) for name in ("id_length", "source_length", "values_length"))
        out = np.empty(largest(len(self.content), len(self._added), text_bytes, len(self.matches)), np.uint8)
        ends = np.empty(len(self.matches), np.int64)
        write_states(
            _bytes(self.content), self.matches, self._places, self._known, self._counts, self._added, self._heard,
            self._events, _bytes(self._ids), out, ends,
        )  # fmt: skip
        return pieces_of(out, ends)
