"""Where something is played: topics, schemas and workers of one prefix."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from features.rating_book import RatingBook
from streams.admin import Admin
from streams.local.places import state_folder
from streams.patient_registry import patient_registry
from streams.playing.crew import Crew
from streams.playing.seeding import rating_table
from streams.registering import register_all
from streams.settings import Settings

# Waits between match days are as long as a commit takes to come: commits are cheap where one worker plays alone.
COMMIT_INTERVAL = 0.1
# A worker which was killed is missed as soon as the brokers allow.
SESSION_TIMEOUT = 6.0


def own_prefix(what: str, now: datetime) -> str:
    """Return a topic prefix for one run.

    >>> own_prefix("replay", datetime(2026, 11, 20, 22, 45, 1))
    'replay-20261120-224501-'
    """
    return f"{what}-{now:%Y%m%d-%H%M%S}-"


class Stage:
    """Makes topics and schemas, and runs workers until it is left; then nothing of what it started is left.

    Attributes:
        settings: With the prefix.
        crew: The workers; None when others run them.
    """

    def __init__(self, settings: Settings, roles: Sequence[str], *, keep: bool, say: Callable[[str], None]) -> None:
        """Describe a stage; nothing happens before it is entered.

        Args:
            settings: With the prefix.
            roles: Of the workers; none when others run them.
            keep: Leave the prefix's topics.
            say: Told what happens.
        """
        log = state_folder() / "logs" / f"{settings.topic_prefix}workers.log"
        quick = {
            "commit_interval": min(COMMIT_INTERVAL, settings.commit_interval),
            "session_timeout": min(SESSION_TIMEOUT, settings.session_timeout),
        }
        self.settings = settings.model_copy(update=quick)
        self.crew = Crew(self.settings, roles, log) if roles else None
        self._admin = Admin(settings)
        self._keep = keep
        self._say = say

    def __enter__(self) -> Self:
        self._admin.cluster()  # says at once when there is none
        try:
            self._say("Creating topics and registering schemas")
            self._admin.create_topics()
            registry = patient_registry(self.settings)
            register_all(registry, self.settings.topic_prefix, match_event_version=self.settings.match_event_version)
        except BaseException:
            self._leave()
            raise
        return self

    def start(self, book: RatingBook) -> RatingBook:
        """Load *book*, unless the rate role has ratings already, and start the workers; return the book in force.

        Raises:
            PlayError: The rate role runs without ratings, or the workers did not start.
        """
        table = rating_table(self.settings)
        present = table.book()
        if present.ratings():
            self._say("Going on with the ratings which are there")
            book = present
        elif book.ratings():
            self._say(f"Loading {len(book.ratings())} ratings as one snapshot")
            table.seed(book)
        if self.crew is not None:
            self._say("Starting the workers")
            self.crew.start()
            self.crew.wait_until_ready()
        return book

    def check(self) -> None:
        """Raise PlayError when the workers have ended."""
        if self.crew is not None:
            self.crew.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        if self.crew is not None and error is None and not self._keep:
            self.crew.log.unlink(missing_ok=True)

    def _leave(self) -> None:
        if self.crew is not None:
            self.crew.stop()
        if not self._keep:
            prefix = self.settings.topic_prefix
            self._admin.delete_topics(name for name in self._admin.topic_names() if name.startswith(prefix))
