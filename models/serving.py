"""Which bundle serves a match: the fold of the control records of one model, in the order of their log.

A record says which change it follows (its revision is the next one) and which champion it replaces. One which does not
fit is void for every reader, so that of two operators who act at once one wins, and all workers agree on which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from re import compile as compiled_pattern
from typing import Final

from schemas.records import ControlAction, ModelControl

PIN_BYTES: Final = 8
"""First bytes of a digest, which a match's state remembers."""

KEPT_MS: Final = 48 * 3_600_000
"""So long after it serves no longer a bundle is there for the matches which began with it: they are over by then."""

_DIGEST: Final = compiled_pattern("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served after some control records.

    Attributes:
        revision: Of the last change; 0 before any.
        champion: Digest of the bundle which serves; None before any change, when each worker serves its own.
        previous: Digest of the champion before this one; None without one.
        challenger: Digest of the one which is tried; None without one.
        canary_share: Share of the matches which kick off from now on that the challenger serves, 0 to 1.
        shadow: True when the challenger scores beside the champion.
        rollout: Revision of the change which brought this challenger against this champion; it salts the draws, so
            that a larger share keeps the matches of a smaller one.
        kept: Digests which running matches may keep, and since when each serves no later ones: milliseconds since the
            epoch, 0 while it does. All which served since the last change that took all matches at once.
        served: Every digest that has ever served, in the order of their first time.
    """

    revision: int = 0
    champion: str | None = None
    previous: str | None = None
    challenger: str | None = None
    canary_share: float = 0.0
    shadow: bool = False
    rollout: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    served: tuple[str, ...] = ()

    def chosen(self, match_id: str) -> str | None:
        """Return the digest of the bundle for a match which kicks off now; None for the worker's own."""
        if self.challenger is not None and draw(match_id, self.rollout) < self.canary_share:
            return self.challenger
        return self.champion


def draw(match_id: str, rollout: int) -> float:
    """Return the number in [0, 1) which a roll-out draws for a match: the same everywhere and always."""
    drawn = blake2b(f"{rollout}\x00{match_id}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn) / 2**64


def why_void(serving: Serving, record: ModelControl) -> str | None:
    """Return in words why *record* changes nothing after *serving*; None when it does."""
    digests = [one for one in (record.champion, record.challenger) if one is not None]
    strange = [one for one in digests if not _DIGEST.fullmatch(one)]
    if record.revision != serving.revision + 1:
        return f"it is change {record.revision}, and {serving.revision + 1} would be the next one"
    if record.replaces != serving.champion:
        return f"it replaces {_short(record.replaces)}, and the champion is {_short(serving.champion)}"
    if strange:
        return f"{strange[0]!r:.80} is no digest of a bundle (64 hexadecimal digits)"
    if not 0 <= record.canary_share <= 1:
        return f"its canary share is {record.canary_share}, not 0 to 1"
    return _why_impossible(record)


def _why_impossible(record: ModelControl) -> str | None:
    if record.challenger == record.champion:
        return f"champion and challenger are both {_short(record.champion)}"
    if record.challenger is None and (record.canary_share or record.shadow):
        return "it tries a challenger and names none"
    return None


def after_control(serving: Serving, record: ModelControl) -> Serving:
    """Return what is served after *record*; *serving* itself when it is void."""
    if why_void(serving, record) is not None:
        return serving
    now = [record.champion, *([record.challenger] if record.challenger and record.canary_share else [])]
    replaced = serving.champion if serving.champion != record.champion else serving.previous
    same_trial = (record.champion, record.challenger) == (serving.champion, serving.challenger)
    return Serving(
        revision=record.revision,
        champion=record.champion,
        previous=replaced,
        challenger=record.challenger,
        canary_share=record.canary_share,
        shadow=record.shadow,
        rollout=serving.rollout if same_trial else record.revision,
        kept=_kept(serving, record, now),
        served=tuple(dict.fromkeys((*serving.served, *now))),
    )


def _kept(serving: Serving, record: ModelControl, now: Sequence[str]) -> Mapping[str, int]:
    if record.running or record.action is ControlAction.ROLLBACK:
        return dict.fromkeys(now, 0)
    left_at = {digest: since or record.at_ms for digest, since in serving.kept.items()}
    recent = {digest: since for digest, since in left_at.items() if record.at_ms - since <= KEPT_MS}
    return recent | dict.fromkeys(now, 0)


def pin_of(digest: str) -> bytes:
    """Return what the state of a match remembers of the bundle with *digest*.

    >>> pin_of("00ff" * 16).hex()
    '00ff00ff00ff00ff'
    """
    return bytes.fromhex(digest)[:PIN_BYTES]


def _short(digest: str | None) -> str:
    return "none" if digest is None else f"{digest:.12}"
