"""`touchline drift`: what the monitors say of features and probabilities, worst first."""

from dataclasses import replace

import click
from click.core import ParameterSource

from schemas.records import DriftReport
from streams.commands.drift_simulation import simulate
from streams.commands.drift_views import DriftPicture
from streams.commands.errors import UserError
from streams.commands.options import cluster_options
from streams.commands.reports import ReportView, report_options
from streams.commands.sentences import in_one_sentence
from streams.monitoring.reading import ReportReader
from streams.settings import Settings


@click.group(invoke_without_command=True)
@report_options
@click.option("--feature", "features", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Show quiet features too.")
@cluster_options
@in_one_sentence
def drift(
    settings: Settings,
    *,
    model: str | None,
    windows: int,
    features: tuple[str, ...],
    everything: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Show how features and predicted probabilities have moved from the training data, worst first.

    Of each model the newest window, and the PSI over the last windows (a dot: too few matches, or no such feature). Of
    quiet features only the number is shown. docs/drift.md says what the figures mean; `simulate` says how often an
    alarm is right.

    \b
    Example:
      touchline drift
      touchline drift --model internationals --feature minute --windows 60
      touchline drift --watch --json
      touchline drift simulate
    """  # noqa: D301 - \b is click's mark for a block kept as it is
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise UserError(
                f"options of {context.invoked_subcommand} come after its name, and these before are drift's"
            )
        return

    def narrowed(report: DriftReport) -> DriftReport:
        names = [one.feature for one in report.features]
        if missing := sorted(set(features) - set(names)):
            raise UserError(
                f"there is no feature {missing[0]!r} in the reports of {report.model}; try: touchline drift --all"
            )
        kept = [one for one in report.features if not features or one.feature in features]
        return replace(report, features=kept, alarms=[one for one in report.alarms if not features or one in features])

    picture = DriftPicture(everything or bool(features), settings.drift_psi_threshold)
    reader = ReportReader(settings, "drift-reports", DriftReport)
    view = ReportView(reader, "drift", settings.drift_window_seconds, model, windows, picture, narrowed)
    view.show(watch=watch, as_json=as_json)


drift.add_command(simulate)
