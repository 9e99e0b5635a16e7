"""`touchline worker`: the roles, each in a process of its own."""

import sys

import click

from streams.applications import ROLES, every_role
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.logs import configure_logs
from streams.settings import Settings
from streams.supervisor import supervise

ALL = "all"


@click.command()
@click.argument("roles", nargs=-1, required=True, metavar="ROLE...")
@cluster_options
def worker(settings: Settings, roles: tuple[str, ...]) -> None:
    """Run roles until Ctrl-C: predict, rate, monitor, performance, materialize, or all.

    Metrics and health are served on loopback: /metrics, /healthz and /readyz.

    \b
    Example:
      touchline worker predict rate
      TOUCHLINE_HTTP_PORT=9500 touchline worker all
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    unknown = [role for role in roles if role not in (*ROLES, ALL)]
    if unknown:
        raise UserError(f"{unknown[0]!r} is not a role; there are {', '.join(ROLES)} and {ALL}")
    configure_logs(settings.log_format, settings.log_level)
    sys.exit(supervise(settings, every_role(settings) if ALL in roles else roles))
