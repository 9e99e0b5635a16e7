"""A moment on the command line: a time, or how long ago."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import click

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO = re.compile(r"(\d+)([smhd])")


class Moment(click.ParamType):
    """Milliseconds since the epoch."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the moment which *value* names."""
        if isinstance(value, int):
            return value
        ago = _AGO.fullmatch(value)
        if ago is not None:
            return int((time.time() - int(ago[1]) * _UNIT_SECONDS[ago[2]]) * 1000)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a time such as 2022-12-18T15:00 (UTC) nor an age such as 90m", param, ctx)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
