"""The sums of all partitions, merged by one reader, and which days are closed.

A partition's owner says under its epoch all that the partition has, and then what changes. So when an epoch begins,
what earlier owners said is void: it may hold records which the new owner has yet to read again. A progress record comes
after all the sums it stands for; until it is there, a partition is not settled, and no day closes.

A day closes once every partition's watermark, which is that of the input further behind, has passed its end by the
lateness allowed. A partition that is idle is not waited for; when all are idle and none has gone past it, the wall
clock closes the day. What becomes known afterwards is in the windows of the days to come.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.records import MonitorState, PerformancePartial
from streams.monitoring.parts import ModelKey, compact
from streams.performance.contents import Content
from streams.performance.days import WINDOWS, Account
from streams.topics import DAY_MS

_SUM, _PROGRESS, _CLOSED = b"sum/", b"progress/", b"closed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition is.

    Attributes:
        watermark_ms: Event time up to which both inputs have come; None before both have begun.
        idle: Whether nothing has come for a while.
    """

    watermark_ms: int | None
    idle: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"watermark_ms": self.watermark_ms, "idle": self.idle}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Progress":
        """Return what `to_dict` wrote; TypeError or LookupError for anything else."""
        mark = plain["watermark_ms"]
        return cls(None if mark is None else int(mark), bool(plain["idle"]))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A partial whose payload has been read."""

    partial: PerformancePartial
    said: Content | Progress

    @classmethod
    def of(cls, partial: PerformancePartial) -> "Parsed":
        """Return *partial* with its payload; ValueError, TypeError or LookupError when it has no such."""
        plain = json.loads(partial.payload)
        return cls(partial, Content.from_dict(plain) if partial.segment else Progress.from_dict(plain))

    @property
    def account(self) -> Account:
        """Whose sum it is."""
        one = self.partial
        return Account(ModelKey(one.model, one.model_version, one.variant, one.bundle_digest), one.day, one.segment)


@dataclass(slots=True)
class _Partition:
    """What the present owner of a partition has said; sequences say which is newer."""

    epoch: int = -1
    sums: dict[Account, tuple[int, Content]] = field(default_factory=dict)
    progress: Progress | None = None
    told: int = -1
    newest: int = -1

    @property
    def settled(self) -> bool:
        return self.progress is not None and self.told >= self.newest


@dataclass(slots=True)
class Merging:
    """What is known of all partitions; owned by one reader.

    Attributes:
        run_id: Of the run whose sums count.
        partitions: How many there are.
        lateness_ms: How long a day waits after its end, in event time.
        closed: The last day that is closed; None before any.
        totals: Sums over the partitions, by account.
    """

    run_id: str
    partitions: int
    lateness_ms: int
    closed: int | None = None
    totals: dict[Account, Content] = field(default_factory=dict)
    _parts: dict[int, _Partition] = field(default_factory=dict)
    _changed: dict[bytes, MonitorState | None] = field(default_factory=dict)

    @classmethod
    def restore(cls, run_id: str, partitions: int, lateness_ms: int, states: Mapping[bytes, MonitorState]) -> "Merging":
        """Return what the table has; what is of another run, or of an earlier owner, leaves it."""
        found = cls(run_id, partitions, lateness_ms)
        entries = {key: json.loads(state.payload) for key, state in states.items()}
        closed = entries.pop(_CLOSED, None)
        found.closed = None if closed is None else int(closed["day"])
        # A fall may have left some entries of an owner whose end was already known.
        epochs: dict[int, int] = {}
        for key, plain in entries.items():
            if plain["run_id"] == run_id:
                epochs[_number(key)] = max(plain["epoch"], epochs.get(_number(key), -1))
        for key, plain in entries.items():
            if plain["run_id"] == run_id and plain["epoch"] == epochs[_number(key)]:
                found._restore(key, states[key].applied, plain)
            else:
                found._changed[key] = None
        return found

    def _restore(self, key: bytes, sequence: int, plain: Mapping[str, Any]) -> None:
        if key.startswith(_PROGRESS):
            part = self._part(_number(key), plain["epoch"])
            part.progress, part.told = Progress.from_dict(plain), sequence
            return
        number, day, segment, *model = json.loads(key.removeprefix(_SUM))
        account, content = Account(ModelKey(*model), day, segment), Content.from_dict(plain)
        part = self._part(number, plain["epoch"])
        part.sums[account], part.newest = (sequence, content), max(part.newest, sequence)
        self.totals[account] = self.totals.get(account, Content()) + content

    def _part(self, number: int, epoch: int) -> _Partition:
        part = self._parts.setdefault(number, _Partition())
        part.epoch = max(part.epoch, epoch)
        return part

    def take_in(self, parsed: Parsed) -> bool:
        """Take what a partition says; return False for what is passed over: of another run, or an earlier owner."""
        partial, said = parsed.partial, parsed.said
        part = self._parts.setdefault(partial.source_partition, _Partition())
        if partial.run_id != self.run_id or partial.epoch < part.epoch:
            return False
        if partial.epoch > part.epoch:
            self._void(partial.source_partition)
            part = self._part(partial.source_partition, partial.epoch)
        part.newest = max(part.newest, partial.sequence)
        if isinstance(said, Progress):
            return self._take_progress(part, partial, said)
        return self._take_sum(part, parsed.account, partial, said)

    def _void(self, number: int) -> None:
        for account, (_, content) in self._parts[number].sums.items():
            self._add(account, Content() - content)
            self._changed[_key(number, account)] = None
        self._changed[_PROGRESS + b"%d" % number] = None
        self._parts[number] = _Partition()

    def _add(self, account: Account, content: Content) -> None:
        total = self.totals.get(account, Content()) + content
        self.totals[account] = total
        if total == Content():
            del self.totals[account]

    def _take_progress(self, part: _Partition, partial: PerformancePartial, said: Progress) -> bool:
        if partial.sequence < part.told:
            return False
        part.progress, part.told = said, partial.sequence
        kept = {"run_id": self.run_id, "epoch": partial.epoch, **said.to_dict()}
        key = _PROGRESS + b"%d" % partial.source_partition
        self._changed.pop(key, None)  # so that it is written behind the sums for which it stands
        self._changed[key] = MonitorState(partial.sequence, compact(kept))
        return True

    def _take_sum(self, part: _Partition, account: Account, partial: PerformancePartial, said: Content) -> bool:
        if account.day < self._first_day():
            return True
        known = part.sums.get(account)
        if known is not None and partial.sequence < known[0]:
            return False
        part.sums[account] = (partial.sequence, said)
        self._add(account, said - known[1] if known else said)
        kept = {"run_id": self.run_id, "epoch": partial.epoch, **said.to_dict()}
        self._changed[_key(partial.source_partition, account)] = MonitorState(partial.sequence, compact(kept))
        return True

    def _first_day(self) -> float:
        """Return the first day that a window to come, or the newest, holds."""
        return float("-inf") if self.closed is None else self.closed + 1 - WINDOWS[-1]

    def complete(self, now_ms: int) -> Iterator[int]:
        """Yield the days with predictions which are closed, oldest first; each once."""
        for day in sorted({account.day for account in self.totals}):
            if self.closed is not None and day <= self.closed:
                continue
            if not self._is_over((day + 1) * DAY_MS + self.lateness_ms, now_ms):
                return
            yield day
            self.closed = day
            self._changed[_CLOSED] = MonitorState(0, compact({"day": day}))
            self._forget()

    def _is_over(self, end_ms: int, now_ms: int) -> bool:
        passed = False
        for number in range(self.partitions):
            part = self._parts.get(number)
            if part is None or part.progress is None or not part.settled:
                return False
            mark = part.progress.watermark_ms
            if mark is not None and mark >= end_ms:
                passed = True
            elif not part.progress.idle:
                return False
        return passed or now_ms >= end_ms

    def _forget(self) -> None:
        first = self._first_day()
        self.totals = {account: one for account, one in self.totals.items() if account.day >= first}
        for number, part in self._parts.items():
            for account in [one for one in part.sums if one.day < first]:
                del part.sums[account]
                self._changed[_key(number, account)] = None

    def changed(self) -> dict[bytes, MonitorState | None]:
        """Return the entries of the table changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    @property
    def today(self) -> int | None:
        """The day up to which the inputs have come."""
        marks = [part.progress.watermark_ms for part in self._parts.values() if part.progress is not None]
        known = [mark for mark in marks if mark is not None]
        return max(known) // DAY_MS if known else None


def _number(key: bytes) -> int:
    """Return the partition of an entry."""
    if key.startswith(_PROGRESS):
        return int(key.removeprefix(_PROGRESS))
    return int(json.loads(key.removeprefix(_SUM))[0])


def _key(number: int, account: Account) -> bytes:
    return _SUM + json.dumps([number, account.day, account.segment, *account.model.to_list()]).encode()
