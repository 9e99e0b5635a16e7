"""What goes wrong outside of us ends a command with one sentence and exit code 2."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from models.manifest import BundleError
from schemas.compatibility import SchemaError
from streams.brokers import BrokerError
from streams.commands.errors import UserError
from streams.control.errors import ChangeError
from streams.dead_letters.files import LetterFileError
from streams.playing.errors import PlayError
from streams.records_io import TopicError
from streams.registry_errors import IncompatibleSchemaError, RegistryUnavailableError, SchemaNotFoundError
from streams.repartitioning.errors import MoveError
from streams.settings import SettingsError

P = ParamSpec("P")
R = TypeVar("R")
_OURS = (
    BrokerError,
    BundleError,
    ChangeError,
    IncompatibleSchemaError,
    LetterFileError,
    MoveError,
    PlayError,
    RegistryUnavailableError,
    SchemaError,
    SchemaNotFoundError,
    SettingsError,
    TopicError,
)


def in_one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Give *command* an end with one sentence in place of a traceback."""

    @functools.wraps(command)
    def guarded(*args: P.args, **options: P.kwargs) -> R:
        try:
            return command(*args, **options)
        except _OURS as error:
            raise UserError(" ".join(str(error).split())) from error

    return guarded
