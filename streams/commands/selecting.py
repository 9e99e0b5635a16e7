"""The options which say which dead letters are meant."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from streams.commands.moments import Moment
from streams.dead_letters.selection import Selection
from streams.engine.dead_letters import Cause
from streams.settings import Settings
from streams.topics import TOPICS

P = ParamSpec("P")
R = TypeVar("R")


class Place(click.ParamType):
    """Partition and offset of a dead letter."""

    name = "PARTITION/OFFSET"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return both."""
        parts = value.rsplit("/", 2)[-2:] if isinstance(value, str) else [str(one) for one in value]
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):  # noqa: PLR2004 - the two
            self.fail(f"{value!r} is not PARTITION/OFFSET, such as 0/17", param, ctx)
        return int(parts[0]), int(parts[1])


def selecting(command: Callable[Concatenate[Settings, Selection, P], R]) -> Callable[Concatenate[Settings, P], R]:
    """Give *command* the options which select letters, and the selection after the settings."""

    @click.option("--cause", "causes", multiple=True, type=click.Choice([*Cause]), help="May be repeated, as all.")
    @click.option("--topic", "topics", multiple=True, metavar="NAME", help="Source topic, without prefix or in full.")
    @click.option("--schema-id", "schema_ids", multiple=True, type=int, help="Which the bytes name.")
    @click.option("--since", type=Moment(), help="Set aside since then: 2022-12-18T15:00 (UTC), or 90m (ago).")
    @click.option("--until", type=Moment(), help="Set aside before then.")
    @click.option("--at", "places", multiple=True, type=Place(), help="Where the letter is.")
    @functools.wraps(command)
    def with_selection(settings: Settings, /, *args: P.args, **options: P.kwargs) -> R:
        given: dict[str, Any] = {
            name: options.pop(name) for name in ("causes", "topics", "schema_ids", "since", "until", "places")
        }
        selection = Selection(
            frozenset(given["causes"]),
            frozenset(settings.topic(name) if name in TOPICS else name for name in given["topics"]),
            frozenset(given["schema_ids"]),
            given["since"],
            given["until"],
            frozenset(given["places"]),
        )
        return command(settings, selection, *args, **options)

    return with_selection
