"""The sums of one partition by model, day and segment, as its matches change."""

from dataclasses import dataclass, field
from typing import Final

from streams.monitoring.parts import ModelKey
from streams.performance.contents import Content, contents
from streams.performance.match import JudgedMatch

WINDOWS: Final = (7, 30)  # days
KEPT_DAYS: Final = WINDOWS[-1] + 1  # a match, after its day; and its predictions are in the topic no longer than that


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Whose sum it is.

    Attributes:
        day: Since the epoch, UTC.
    """

    model: ModelKey
    day: int
    segment: str


@dataclass(slots=True)
class Days:
    """Sums of a partition; owned by its job.

    Attributes:
        sums: By account; one that has become empty stays, so that its reader hears of it.
        touched: Accounts whose sum has changed since they were last told.
        first_day: Earlier days are forgotten.
    """

    sums: dict[Account, Content] = field(default_factory=dict)
    touched: set[Account] = field(default_factory=set)
    first_day: int | None = None

    def change(self, before: JudgedMatch | None, after: JudgedMatch | None) -> None:
        """Take out what a match added as it was *before*, and add what it does *after*."""
        if before is not None:
            for account, content in self._accounts(before):
                self.sums[account] = self.sums.get(account, Content()) - content
        if after is not None:
            for account, content in self._accounts(after):
                self.sums[account] = self.sums.get(account, Content()) + content

    def _accounts(self, match: JudgedMatch) -> list[tuple[Account, Content]]:
        day = match.day
        if self.first_day is not None and day < self.first_day:
            return []
        found = [(Account(model, day, segment), one) for (model, segment), one in contents(match).items()]
        self.touched.update(account for account, _ in found)
        return found

    def forget(self, first_day: int) -> None:
        """Forget the days before *first_day*, which no window will hold again."""
        if self.first_day is not None and first_day <= self.first_day:
            return
        self.first_day = first_day
        self.sums = {account: one for account, one in self.sums.items() if account.day >= first_day}
        self.touched = {account for account in self.touched if account.day >= first_day}
