"""Runs scenarios one after the other on one cluster, and keeps the results of each."""

import random
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import cast

from rich.console import Console

from streams.code_version import COMMIT, code_version
from streams.local.cluster import LocalCluster
from tests.faults import results
from tests.faults.children import Children, FaultError
from tests.faults.findings import Findings
from tests.faults.place import Place
from tests.faults.results import Result
from tests.faults.run import Pace, Run
from tests.faults.scenario import Scenario, complaints

BROKEN_MARK = "broken-"
CHANCES = 3  # for an engine broken on purpose: whether a fault hits what is under way is a matter of moments
GENTLE, ROUGH, ANY = "gentle", "rough", "any"


@dataclass(frozen=True)
class Neighbours:
    """A cluster which other runs share, so that none of them may break it.

    Attributes:
        bootstrap_servers: Of its brokers.
        registry_url: Of its registry, for Confluent's clients.
    """

    bootstrap_servers: str
    registry_url: str


@dataclass(frozen=True)
class Lane:
    """Which part of the runs a runner does.

    Attributes:
        kind: GENTLE ones leave the cluster alone, ROUGH ones break it; ANY is both.
        part: From one.
        parts: Among how many runners the runs of that kind are dealt out.
    """

    kind: str = ANY
    part: int = 1
    parts: int = 1

    def deal(self, runs: Iterable["Planned"]) -> Iterator["Planned"]:
        """Yield the runs of this lane."""
        of_kind = (one for one in runs if self.kind in (ANY, ROUGH if one.scenario.breaks_cluster else GENTLE))
        return islice(of_kind, self.part - 1, None, self.parts)


@dataclass(frozen=True)
class Planned:
    """A run which is to be done; *number* is its place among all."""

    number: int
    scenario: Scenario
    guarantee: str
    seed: int


@dataclass
class Runner:
    """Owns the cluster which the scenarios share.

    Attributes:
        out: File for the results, written after each run.
        keep: Whether the workers' logs are kept beside it of green runs, too.
        lane: Which part of the runs are to be done.
        neighbours: Their cluster, where they are not to have one of their own; for gentle runs.
    """

    console: Console
    out: Path
    pace: Pace
    seed: int
    keep: bool = False
    lane: Lane = field(default_factory=Lane)
    neighbours: Neighbours | None = None
    _shared: LocalCluster | None = field(default=None, init=False)

    def run(
        self,
        scenarios: Sequence[Scenario],
        guarantees: Sequence[str],
        times: int,
        done: Sequence[Result],
        left_out: Sequence[Result] = (),
    ) -> list[Result]:
        """Return the results of all runs but those *left_out*, with those which are *done* already."""
        found = list(done)
        known = {(one.scenario, one.guarantee, one.seed) for one in (*done, *left_out)}
        code = code_version().get(COMMIT, "")
        try:
            for one in self.lane.deal(planned(scenarios, guarantees, times, self.seed)):
                if (one.scenario.name, one.guarantee, one.seed) not in known:
                    made = self._one(one.scenario, one.guarantee, one.seed)
                    found.append(replace(made, number=one.number, code=code))
                    # A run with an engine broken on purpose says nothing of this engine.
                    results.write(self.out, [one for one in found if not one.scenario.startswith(BROKEN_MARK)])
        finally:
            self._forget_cluster()
        return found

    def _one(self, scenario: Scenario, guarantee: str, seed: int) -> Result:
        began = time.monotonic()
        with self.console.status(f"{scenario.name}, {guarantee}"):
            found, wrong = self._findings(scenario, guarantee, seed)
            for another in range(1, CHANCES if scenario.broken else 1):
                if wrong:
                    found, wrong = self._findings(scenario, guarantee, seed + another)
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
                kept = self._logs(scenario, guarantee, seed)
                try:
                    found = scenario.body(run) or run.finish()
                except Exception:
                    run.children.keep_logs(kept)
                    (kept / "error.txt").write_text(traceback.format_exc())
                    raise
                wrong = complaints(scenario, guarantee, found)
                if wrong or self.keep:
                    run.children.keep_logs(kept)
                return found, wrong
        except Exception as error:  # noqa: BLE001 - whatever fails in a scenario, the others can still run
            self._forget_cluster()  # it may have been left with something broken
            return Findings(), [str(error) if isinstance(error, FaultError) else repr(error)]

    def _logs(self, scenario: Scenario, guarantee: str, seed: int) -> Path:
        return self.out.parent / "faults-logs" / f"{scenario.name}-{guarantee}-{seed}"

    def _forget_cluster(self) -> None:
        if self._shared is not None:
            self._shared.stop()
            self._shared = None

    @contextmanager
    def _cluster(self, scenario: Scenario) -> Iterator[LocalCluster | Neighbours]:
        if scenario.own_cluster:
            with LocalCluster(3, ephemeral=True, quick=True) as cluster:
                yield cluster
            return
        if self.neighbours is not None:
            yield self.neighbours
            return
        if self._shared is None:
            self._shared = LocalCluster(3, ephemeral=True, quick=True).start()
        yield self._shared

    @contextmanager
    def _run(self, scenario: Scenario, cluster: LocalCluster | Neighbours, guarantee: str, seed: int) -> Iterator[Run]:
        place = Place(cluster.bootstrap_servers, cluster.registry_url, f"f{uuid.uuid4().hex[:6]}-")
        children = Children(Path(tempfile.mkdtemp(prefix="touchline-faults-")))
        run = Run(cast("LocalCluster", cluster), place, children, guarantee, self._pace(scenario), random.Random(seed))
        try:
            run.create_topics()
            yield run
        finally:
            run.close()


def planned(scenarios: Sequence[Scenario], guarantees: Sequence[str], times: int, seed: int) -> Iterator[Planned]:
    """Yield all runs: every scenario once, then those again whose outcome depends on timing.

    An interrupted run so says something of each, and those at once are not alike. Engines broken on purpose need no
    repeats and no low rate.
    """
    numbers = count()
    for turn in range(times):
        for scenario in scenarios:
            if scenario.timed or (turn == 0 and not (scenario.broken and times > 1)):
                for guarantee in (one for one in guarantees if one in scenario.guarantees):
                    yield Planned(next(numbers), scenario, guarantee, seed + turn)
