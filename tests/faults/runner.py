"""Runs scenarios one after the other on one cluster, and keeps the results of each."""

import random
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from streams.local.cluster import LocalCluster
from tests.faults import results
from tests.faults.children import Children, FaultError
from tests.faults.findings import Findings
from tests.faults.place import Place
from tests.faults.results import Result
from tests.faults.run import Pace, Run
from tests.faults.scenario import Scenario, complaints

BROKEN_MARK = "broken-"


@dataclass
class Runner:
    """Owns the cluster which the scenarios share.

    Attributes:
        out: File for the results, written after each run.
        keep: Whether the workers' logs are kept beside it.
        share: Which of how many parts of the runs are to be done, counted from one.
    """

    console: Console
    out: Path
    pace: Pace
    seed: int
    keep: bool = False
    share: tuple[int, int] = (1, 1)
    _shared: LocalCluster | None = field(default=None, init=False)

    def run(
        self, scenarios: Sequence[Scenario], guarantees: Sequence[str], times: int, done: Sequence[Result]
    ) -> list[Result]:
        """Return the results of all runs, with those which are *done* already."""
        found = list(done)
        known = {(one.scenario, one.guarantee, one.seed) for one in done}
        part, parts = self.share
        try:
            for number, (scenario, guarantee, seed) in enumerate(self._runs(scenarios, guarantees, times)):
                if number % parts == part - 1 and (scenario.name, guarantee, seed) not in known:
                    found.append(replace(self._one(scenario, guarantee, seed), number=number))
                    # A run with an engine broken on purpose says nothing of this engine.
                    results.write(self.out, [one for one in found if not one.scenario.startswith(BROKEN_MARK)])
        finally:
            self._forget_cluster()
        return found

    def _runs(
        self, scenarios: Sequence[Scenario], guarantees: Sequence[str], times: int
    ) -> Iterator[tuple[Scenario, str, int]]:
        # All of them once, then again: an interrupted run says something of each, and those at once are not alike.
        for turn in range(times):
            for scenario in (one for one in scenarios if one.timed or turn == 0):
                for guarantee in (one for one in guarantees if one in scenario.guarantees):
                    yield scenario, guarantee, self.seed + turn

    def _one(self, scenario: Scenario, guarantee: str, seed: int) -> Result:
        began = time.monotonic()
        with self.console.status(f"{scenario.name}, {guarantee}"):
            found, wrong = self._findings(scenario, guarantee, seed)
        pace = self._pace(scenario)
        rate = str(pace.first_rate) if pace.first_rate else "saturated"
        result = results.result_of(
            scenario.name, guarantee, rate, found, wrong, seconds=time.monotonic() - began, seed=seed
        )
        verdict = "[green]green[/]" if result.green else "[red]not green[/]"
        self.console.print(
            f"{verdict} {scenario.name}, {guarantee}: {found.events} events, {result.wall_seconds:.0f} s"
        )
        for sentence in (*wrong, *(found.examples if wrong else ())):
            self.console.print(f"  {sentence}", markup=False, highlight=False)
        return result

    def _pace(self, scenario: Scenario) -> Pace:
        if scenario.broken:  # a faster flow shows more of what is broken
            return Pace(events=scenario.events or Pace.events)
        return replace(self.pace, events=min(self.pace.events, scenario.events or self.pace.events))

    def _findings(self, scenario: Scenario, guarantee: str, seed: int) -> tuple[Findings, list[str]]:
        try:
            with self._cluster(scenario) as cluster, self._run(scenario, cluster, guarantee, seed) as run:
                found = scenario.body(run) or run.finish()
                return found, complaints(scenario, guarantee, found)
        except Exception as error:  # noqa: BLE001 - whatever fails in a scenario, the others can still run
            self._forget_cluster()  # it may have been left with something broken
            return Findings(), [str(error) if isinstance(error, FaultError) else repr(error)]

    def _forget_cluster(self) -> None:
        if self._shared is not None:
            self._shared.stop()
            self._shared = None

    @contextmanager
    def _cluster(self, scenario: Scenario) -> Iterator[LocalCluster]:
        if scenario.own_cluster:
            with LocalCluster(3, ephemeral=True) as cluster:
                yield cluster
            return
        if self._shared is None:
            self._shared = LocalCluster(3, ephemeral=True).start()
        yield self._shared

    @contextmanager
    def _run(self, scenario: Scenario, cluster: LocalCluster, guarantee: str, seed: int) -> Iterator[Run]:
        place = Place(cluster.bootstrap_servers, cluster.registry_url, f"f{uuid.uuid4().hex[:6]}-")
        children = Children(Path(tempfile.mkdtemp(prefix="touchline-faults-")))
        run = Run(cluster, place, children, guarantee, self._pace(scenario), random.Random(seed))
        try:
            run.create_topics()
            yield run
        finally:
            if self.keep:
                self._keep_logs(scenario, guarantee, children.folder)
            run.close()

    def _keep_logs(self, scenario: Scenario, guarantee: str, folder: Path) -> None:
        kept = self.out.parent / "faults-logs" / f"{scenario.name}-{guarantee}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
