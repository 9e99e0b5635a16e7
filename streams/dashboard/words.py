"""What is said around the views; told by whoever serves the page, from any thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """A title, what is going on, and where else to look.

    Attributes:
        links: URLs by name.
    """

    title: str = ""
    note: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
