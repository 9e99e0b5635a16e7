"""The steps of a retraining: each runs commands that a person could run, and says whether the next one may."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from features.recorded import recorded_matches
from models.contract import check_contract
from models.journal import read_model
from models.manifest import MANIFEST, read_manifest
from streams.bundles import store_of
from streams.retraining.champion import Champion, tried_now
from streams.retraining.recording import record, record_told
from streams.retraining.run import Run, RunError, StepDone, Verdict, save, with_step
from streams.settings import Settings

EVENTS: Final = "match-events.jsonl"
TOLD: Final = "feature-events.jsonl"
CHAMPION, UNSEEN, BUNDLE = "champion", "unseen", "bundle"
"""Folders of a run: what serves, a model that has not seen the days it is judged on, and the new bundle."""

ENDED_WELL, SAID_NO = 0, 1

Say = Callable[[str], None]
Outcome = tuple[bool, str, Mapping[str, Any]]
"""Whether the next step may be done, what was found in a sentence, and in figures."""


@dataclass(slots=True)
class Retraining:
    """Carries one run to its end; one owner.

    Attributes:
        runs: Folder of all runs.
        known_until: The last day of the history, without what was recorded.
        before: The run whose recorded matches are kept, or None.
        say: Told a sentence after each step.
        quiet: Whether what the commands print stays unseen.
        key: Private key that signs the bundle, where the store asks for signatures.
    """

    settings: Settings
    runs: Path
    run: Run
    champion: Champion
    known_until: date
    before: Run | None
    say: Say
    quiet: bool
    key: Path | None = None
    _commands: list[Sequence[str]] = field(default_factory=list)

    def go_on(self) -> Run:
        """Do the steps that are not done yet, up to the end or the first that says no, and return the run.

        Raises:
            RunError: A command failed; the same step is tried again when the run goes on.
        """
        self.champion.write(self._place(CHAMPION))
        for name, step in self._steps().items():
            if self.run.verdict is not None:
                break
            if self.run.step(name) is None:
                self._do(name, step)
        return self.run

    def _steps(self) -> Mapping[str, Callable[[], Outcome]]:
        last = {"roll out": self._roll_out} if self.run.rollout else {"shadow": self._shadow}
        return {
            "record": self._record,
            "fit": self._fit,
            "judge": self._judge,
            "look for leaks": self._look,
            "train": self._train,
            "register": self._register,
            **last,
        }

    def _do(self, name: str, step: Callable[[], Outcome]) -> None:
        began, self._commands = _now_ms(), []
        passed, said, facts = step()
        self.run = with_step(self.run, StepDone(name, passed, said, began, _now_ms(), self._commands, facts))
        save(self.runs, self.run)
        self.say(f"{name}: {said}")

    def _record(self) -> Outcome:
        before = None if self.before is None else self.runs / self.before.name
        events = record(self.settings, before and before / EVENTS, self._place(EVENTS))
        told = self._record_told(before)
        matches = recorded_matches(events)
        until = max([self.known_until, *(match.day for match in matches)])
        first = until - timedelta(days=self.run.recipe.holdout_days - 1)
        learned = self.champion.learned_until
        first = first if learned is None else max(first, learned + timedelta(days=1))
        facts = {
            "events": len(events), "feature_events": told, "matches": len(matches), "until": str(until),
            "judged_from": str(first),
        }  # fmt: skip
        if first > until:
            return False, f"the champion has learned until {learned}, and no result after that day is known", facts
        beside = f"{len(matches):,} finished matches of the stream beside the history"
        said = f"{beside}, {told:,} feature events" if self._sources else beside
        return True, f"{said}; judged from {first} to {until}", facts

    def _record_told(self, before: Path | None) -> int:
        """Record what the feature events said that champion or challenger read; return how many there are."""
        if not self._sources:
            return 0
        given = self.run.recipe.feature_events
        files = [*([Path(given)] if given else ()), *([before / TOLD] if before else ())]
        return len(record_told(self.settings, files, self._sources, self._place(TOLD)))

    def _fit(self) -> Outcome:
        first = date.fromisoformat(self.run.facts("record")["judged_from"])
        return self._trained(UNSEEN, f"{self.run.version}-{UNSEEN}", first - timedelta(days=1))

    def _train(self) -> Outcome:
        return self._trained(BUNDLE, self.run.version, date.fromisoformat(self.run.facts("record")["until"]))

    def _judge(self) -> Outcome:
        chosen = "clubs" if self.run.recipe.history == "clubs" else "in-play"
        plan = [] if self.run.plan is None else ["--plan", self.run.plan]
        data = self._data(told=bool(self._sources))
        words = ["rollout", "compare", self._text(CHAMPION), self._text(UNSEEN), *data, "--set", chosen, *plan]
        since = ["--from", self.run.facts("record")["judged_from"], "--json"]
        _, told = self._told([*words, *since])
        facts = {name: told[name] for name in ("status", "verdict", "matches", "why")}
        return (
            told["status"] != "ROLLED_BACK",
            f"{told['status']} after {told['matches']:,} matches: {told['why']}",
            facts,
        )

    def _look(self) -> Outcome:
        recipe, first = self.run.recipe, self.run.facts("record")["judged_from"]
        words = ["leaks", self._text(UNSEEN), *self._data(), "--set", recipe.history, "--since", recipe.since]
        code, told = self._told([*words, "--from", first, "--json"])
        said = "; ".join(one["said"] for one in told if one["alarmed"] or code == ENDED_WELL)
        return code == ENDED_WELL, said, {"alarms": told}

    def _register(self) -> Outcome:
        key = [] if self.key is None else ["--key", str(self.key)]
        _, told = self._told(["model", "register", self._text(BUNDLE), *key, "--why", self._why(), "--json"])
        return True, f"{self._reference} is in the store, as bundle {told['digest']}", {"digest": told["digest"]}

    def _shadow(self) -> Outcome:
        refused = self._tried_already()
        if refused is not None:
            return False, refused, {}
        self._point()
        self._run(["model", "shadow", self._reference, "--model", self.run.model, "--why", self._why()])
        self._end("challenger")
        return True, f"{self._reference} scores beside the champion; a person promotes it, or a roll-out", {}

    def _roll_out(self) -> Outcome:
        refused = self._tried_already()
        if refused is not None:
            return False, refused, {}
        self._point()
        plan = [] if self.run.plan is None else ["--plan", self.run.plan]
        words = ["rollout", "start", self._reference, "--model", self.run.model, *plan, "--why", self._why()]
        code = self._run(words, fine=(ENDED_WELL, SAID_NO))
        self._end("promoted" if code == ENDED_WELL else "rolled back")
        return True, f"{self._reference} was {self.run.verdict}", {}

    def _tried_already(self) -> str | None:
        tried = tried_now(self.settings, self.run.model)
        if tried in {None, self.run.facts("register")["digest"]}:
            return None
        return f"{tried:.12} is tried at present; promote it or roll it back, and start {self._reference} by hand"

    def _point(self) -> None:
        """Let the alias challenger mean the new version."""
        if read_model(store_of(self.settings).files, self.run.model).version_of("challenger") != self.run.version:
            self._run(["model", "alias", self.run.model, "challenger", self.run.version, "--why", self._why()])

    def _end(self, verdict: Verdict) -> None:
        self.run = replace(self.run, verdict=verdict)

    def _trained(self, name: str, version: str, until: date) -> Outcome:
        recipe = self.run.recipe
        options = {
            "set": recipe.history, "kind": recipe.kind, "since": recipe.since, "until": until,
            "holdout-days": recipe.holdout_days, "feature-set": self._feature_set, "share": recipe.share,
            "threads": recipe.threads, "name": self.run.model, "version": version, "out": self._place(name),
        }  # fmt: skip
        words = ["train", *self._data(), *(word for key, value in options.items() for word in (f"--{key}", str(value)))]
        self._run(words)
        manifest = read_manifest((self._place(name) / MANIFEST).read_bytes(), self._text(name))
        loss = manifest.metrics.get("pre_match", {}).get("log_loss")
        facts = {"digest": manifest.digest, "matches": manifest.training.matches, "log_loss": loss}
        return True, f"{manifest.training.matches:,} matches until {until}, bundle {manifest.digest:.12}", facts

    def _data(self, *, told: bool | None = None) -> Sequence[str]:
        """Return the options of what is learned from; *told* says whether there are feature events among it."""
        events = ["--match-events", self._text(EVENTS)] if self.run.facts("record")["matches"] else []
        read = bool(self.run.recipe.sources) if told is None else told
        return ["--data", self.run.recipe.data, *events, *(["--feature-events", self._text(TOLD)] if read else [])]

    @property
    def _sources(self) -> set[str]:
        """Whose feature events champion or challenger read."""
        known = check_contract(self.champion.contents.manifest, CHAMPION).reads.sources
        return {*self.run.recipe.sources, *(source for source, _ in known)}

    @property
    def _feature_set(self) -> str:
        return self.run.recipe.feature_set or str(self._place(CHAMPION) / MANIFEST)

    def _told(self, words: Sequence[str]) -> tuple[int, Any]:
        """Return how the command of *words* ended, and the JSON that it printed."""
        self._commands.append(words)
        done = _started(self.settings, words, stdout=subprocess.PIPE)
        if done.returncode not in {ENDED_WELL, SAID_NO}:
            raise _failed(words, done.returncode)
        return done.returncode, json.loads(done.stdout)

    def _run(self, words: Sequence[str], fine: Sequence[int] = (ENDED_WELL,)) -> int:
        self._commands.append(words)
        done = _started(self.settings, words, stdout=subprocess.DEVNULL if self.quiet else None)
        if done.returncode not in fine:
            raise _failed(words, done.returncode)
        return done.returncode

    def _why(self) -> str:
        return f"{self.run.why} (retraining {self.run.name}: {self.run.cause.said})"[:500]

    @property
    def _reference(self) -> str:
        return f"{self.run.model}@{self.run.version}"

    def _place(self, name: str) -> Path:
        return self.runs / self.run.name / name

    def _text(self, name: str) -> str:
        return str(self._place(name))


def _started(settings: Settings, words: Sequence[str], stdout: int | None) -> subprocess.CompletedProcess[bytes]:
    sys.stdout.flush()
    environment = os.environ | settings.environment()
    return subprocess.run(
        [sys.executable, "-P", "-m", "streams.cli", *words], env=environment, stdout=stdout, check=False
    )


def _failed(words: Sequence[str], code: int) -> RunError:
    return RunError(f"touchline {' '.join(words[:2])} ended with exit code {code}, and said why above")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
