"""How much of what waits is worked on at once: all of it, while that keeps within a latency budget."""

LEAST_ROWS = 64  # fewer would cost more in calls than they save in time


class BatchSize:
    """Learns from each batch how many records fit into the budget.

    Attributes:
        rows: To be taken next, at most.
    """

    def __init__(self, most: int, budget_seconds: float) -> None:
        self._most, self._budget = most, budget_seconds
        self.rows = most

    def worked(self, rows: int, seconds: float) -> None:
        """Take note that a batch of *rows* took *seconds*.

        It shrinks at once to what would have fitted. It grows by twice at most, and only where more may have waited:
        what a few rows cost says little about many.
        """
        if seconds > self._budget:
            self.rows = max(min(LEAST_ROWS, self._most), min(self.rows, int(rows * self._budget / seconds)))
        elif rows >= self.rows:
            fitting = rows * self._budget / seconds if seconds > 0 else self._most
            self.rows = int(min(self._most, 2 * self.rows, max(self.rows, fitting)))
