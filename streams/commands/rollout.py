"""`touchline rollout`: the plan by which a challenger becomes champion, and how often its verdicts are right."""

from pathlib import Path

import click

from streams.commands.rollout_comparison import compare
from streams.commands.rollout_options import chosen_plan
from streams.commands.rollout_running import go_on, start, status
from streams.commands.rollout_simulation import simulate
from streams.rollouts.plans import usual_text


@click.group()
def rollout() -> None:
    """Judge by a plan whether a challenger may take the champion's place.

    docs/rollouts.md says what the words of a plan mean, and how sure the verdicts are.

    \b
    Example:
      touchline rollout plan > plan.yaml
      touchline rollout simulate --plan plan.yaml
      touchline rollout compare models/bundles/internationals-3-xgboost models/bundles/internationals-3-mlp
    """  # noqa: D301 - \b is click's mark for a block kept as it is


@rollout.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def plan(file: Path | None) -> None:
    """Print the usual plan, to be changed; or check the one in FILE, and tell its steps.

    \b
    Example:
      touchline rollout plan > plan.yaml
      touchline rollout plan plan.yaml
    """  # noqa: D301 - as above
    if file is None:
        click.echo(usual_text(), nl=False)
        return
    found = chosen_plan(file)
    for number, step in enumerate(found.steps):
        most = f"{step.max_matches:,} matches or " if step.max_matches else ""
        click.echo(
            f"{step.name}: {step.min_matches:,} matches and {step.min_hours:g} h or more, held after "
            f"{most}{step.max_hours:g} h; worse by less than {found.margin_of(number):g} nats"
        )


rollout.add_command(start)
rollout.add_command(status)
rollout.add_command(go_on)
rollout.add_command(simulate)
rollout.add_command(compare)
