"""How much of what waits is worked on at once, and delivered at once: all of it, while that does not take too long."""

LEAST_ROWS = 64  # fewer would cost more in calls than they save in time
FIRST_DELIVERED = 256
SLOW_SECONDS = 2.0  # what the brokers have not taken after some seconds more is given up, and work begins anew


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


class DeliverySize:
    """Learns how many records' outputs the brokers take in good time.

    It begins small, because what was too much for them is not known any more after a fall: the same work, as large as
    before, would fall again and again.

    Attributes:
        rows: Whose outputs are brought onto the brokers together, at most.
    """

    def __init__(self, most: int) -> None:
        self._most = max(most, LEAST_ROWS)
        self.rows = min(FIRST_DELIVERED, self._most)

    def delivered(self, rows: int, seconds: float) -> None:
        """Take note that the outputs of *rows* records took *seconds*.

        It grows by twice at most, and only after about as many rows. Where it takes too long it becomes half of what
        was too much, and not smaller than it began: slow brokers also take their time for very little.
        """
        if seconds > SLOW_SECONDS:
            self.rows = max(min(FIRST_DELIVERED, self._most), min(self.rows, rows // 2))
        elif 2 * rows >= self.rows:
            self.rows = min(self._most, 2 * self.rows)
