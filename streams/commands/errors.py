"""What a person did wrong, told in one sentence."""

import click


class UserError(click.ClickException):
    """Raised when a command cannot do what was asked; its message is one sentence, the exit code is 2."""

    exit_code = 2
