"""How fast matches are played, as an option's value."""

import math

import click


class Speed(click.ParamType):
    """A multiple of the matches' own clock, or ``max``."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Return seconds of the matches' clock in a second of ours; None for as fast as possible."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = math.nan
        if not 0 < speed < math.inf:
            self.fail(f"{value!r} is neither a number above 0 nor max", param, ctx)
        return speed


SPEED = Speed()
