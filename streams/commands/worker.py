"""`touchline worker`: the roles, each in a process of its own."""

import sys

import click

from streams.applications import READERS, ROLES, every_role
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.sentences import in_one_sentence
from streams.logs import configure_logs
from streams.settings import Settings
from streams.supervisor import supervise
from streams.tracing.environment import traces_wanted

ALL = "all"


@click.command()
@click.argument("roles", nargs=-1, required=True, metavar="ROLE...")
@cluster_options
@in_one_sentence
def worker(settings: Settings, roles: tuple[str, ...]) -> None:
    """Run roles until Ctrl-C: predict, shadow, rate, monitor, performance, materialize, all of these, or api.

    Of all, materialize runs where TOUCHLINE_REDIS_URL is set, and shadow with TOUCHLINE_SHADOWS_BY=shadow.
    Metrics and health are served on loopback: /metrics, /healthz and /readyz. The role api answers with predictions on
    a port of its own (TOUCHLINE_API_PORT), so it is run only where it is named.

    \b
    Example:
      touchline worker predict rate
      TOUCHLINE_HTTP_PORT=9500 touchline worker all
      TOUCHLINE_HTTP_PORT=9501 TOUCHLINE_API_PORT=8088 touchline worker api
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    known = (*ROLES, *READERS)
    unknown = [role for role in roles if role not in (*known, ALL)]
    if unknown:
        raise UserError(f"{unknown[0]!r} is not a role; there are {', '.join(known)} and {ALL}")
    traces_wanted()  # what is wrong with its variables is said here, once
    configure_logs(settings.log_format, settings.log_level)
    wanted = [one for role in roles for one in (every_role(settings) if role == ALL else [role])]
    sys.exit(supervise(settings, wanted))
