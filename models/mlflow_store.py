"""A store in MLflow: a bundle is a run's artifacts, a version one of a registered model, an alias MLflow's own.

==========================  ==========================================================================================
a file of a bundle          artifact ``bundle/FILE`` of a run with the tag ``touchline.digest``
a signature                 tag ``touchline.signature.KEY`` of that run
a version that came in      a version of the registered model NAME, made of that run; its tags are ``touchline.digest``
                            and ``touchline.entry``, which says what, by whom and why
a version that was retired  that version's tag ``touchline.retired``
an alias                    an alias of the registered model; its tag ``touchline.champion`` (or ``.challenger``) says
                            who pointed it last, and why
==========================  ==========================================================================================

MLflow gives each version the next number, so of two bundles for one version the first stands, for every reader. It has
nothing like that for aliases: the later one wins.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final

from models.contents import LARGEST_FILE
from models.entries import Entry, Pointed, Registered, Retired, written
from models.journal import FOLDER, StoredModel, check_name
from models.manifest import BundleError, StoreError
from models.mlflow_tags import ALIASES, DIGEST, ENTRY, OURS, RETIRED, Version, pointed_of, versions_of
from models.store import SIGNATURES
from models.store_files import told

ARTIFACTS: Final = "bundle"
SIGNATURE: Final = "touchline.signature."
_MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
_THERE: Final = "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True, slots=True)
class MlflowStore:
    """Files and models in MLflow, as `models.store_files.Files` and `models.journal.Registry` describe them.

    Attributes:
        url: Of the store; named in errors.
        client: MLflow's.
        experiment: Name of the one in which runs are made.
    """

    url: str
    client: Any
    experiment: str
    is_folder: ClassVar[bool] = False

    def read(self, path: str) -> bytes:
        """Return the content of *path*; errors as of `models.store_files.StoreFiles.read`."""
        run = self._run(_parts(path)[1])
        found = None if run is None else self._content(run, path)
        if found is None:
            raise BundleError(f"{self.url}: {path} cannot be read: No such file or directory")
        return found

    def create(self, path: str, content: bytes) -> None:
        """Write *content* to *path*, where nothing is yet; of two at the same time the later one may overwrite.

        Raises:
            FileExistsError: There is another content.
            StoreError: MLflow does not answer, or does not take it.
        """
        digest = _parts(path)[1]
        run = self._run(digest)
        found = None if run is None else self._content(run, path)
        if found is None:
            self._write(run.info.run_id if run else self.new_run(digest, f"bundle {digest[:12]}"), path, content)
        elif found != content:
            raise FileExistsError(f"{self.url}: {path} is there already, with another content")

    def names(self, path: str) -> list[str]:
        """Return the names of the models, or of the keys that have signed a bundle, sorted."""
        if path == FOLDER:
            found = self._pages(self.client.search_registered_models, "the models")
            return sorted(one.name for one in found if OURS in one.tags)
        run = self._run(path.removeprefix(f"{SIGNATURES}/"))
        tags = {} if run is None else run.data.tags
        return sorted(tag.removeprefix(SIGNATURE) for tag in tags if tag.startswith(SIGNATURE))

    def read_model(self, name: str) -> StoredModel:
        """Return what MLflow knows of the model called *name*; nothing, when it has none."""
        model = self._ask(f"the model {name}", lambda: self.client.get_registered_model(name))
        if model is None:
            return StoredModel(name)
        ours = self._versions(name)
        aliases = {alias: pointed_of(model, alias, ours, self.url) for alias in ALIASES}
        pointed = {alias: one for alias, one in aliases.items() if one is not None}
        retired = {one.came.version: one.retired for one in ours if one.retired is not None}
        entries: list[Entry] = [*(one.came for one in ours), *pointed.values(), *retired.values()]
        entries.sort(key=lambda entry: entry.act.at_ms)
        return StoredModel(name, tuple(entries), {one.came.version: one.came for one in ours}, pointed, retired)

    def append(self, name: str, entry: Entry) -> StoredModel:
        """Let *entry* happen to the model called *name*, if it makes sense now, and return it afterwards."""
        check_name(name, "model")
        self.read_model(name).after(entry)
        text = written(entry).decode()
        match entry:
            case Registered():
                self._register(name, entry, text)
            case Pointed():
                self._point(name, entry, text)
            case Retired():
                tag = name, self._number(name, entry.version), RETIRED, text
                self._ask(f"{name} {entry.version}", lambda: self.client.set_model_version_tag(*tag))
        found = self.read_model(name)
        if isinstance(entry, Registered) and found.versions[entry.version].digest != entry.digest:
            found.check_new(entry)  # somebody was first
        return found

    def new_run(self, digest: str, name: str) -> str:
        """Return the id of a new run, called *name*, for the bundle of *digest*."""
        run = self._ask(
            "a run", lambda: self.client.create_run(self.experiment_id(), tags={DIGEST: digest}, run_name=name)
        )
        return str(run.info.run_id)

    def experiment_id(self) -> str:
        """Return the id of the experiment, which is made if there is none."""
        found = self._experiment()
        named = f"the experiment {self.experiment}"
        return found or str(self._ask(named, lambda: self.client.create_experiment(self.experiment)))

    def _experiment(self) -> str | None:
        named = f"the experiment {self.experiment}"
        found = self._ask(named, lambda: self.client.get_experiment_by_name(self.experiment))
        return None if found is None else str(found.experiment_id)

    def _register(self, name: str, entry: Registered, text: str) -> None:
        run = self._run(entry.digest)
        if run is None:
            raise BundleError(f"{self.url}: the files of bundle {entry.digest} are not there")
        run_id, source = run.info.run_id, f"{run.info.artifact_uri}/{ARTIFACTS}"
        tags = {DIGEST: entry.digest, ENTRY: text}
        self._make_ours(name)
        self._ask(f"{name} {entry.version}", lambda: self.client.create_model_version(
            name, source, run_id, tags=tags, description=f"{name} {entry.version}: {entry.act.why}"
        ))  # fmt: skip
        if run.info.status == "RUNNING":
            self._ask(f"run {run_id}", lambda: self.client.set_terminated(run_id))

    def _make_ours(self, name: str) -> None:
        """Let there be a model called *name* with our tag, also when another makes it just now."""
        about, ours = f"the model {name}", {OURS: "1"}
        self._ask(about, lambda: self.client.create_registered_model(name, tags=ours), allowed=_THERE)
        # A tag that two set at the same time for the first time is an error of one of them.
        if OURS not in self._ask(about, lambda: self.client.get_registered_model(name)).tags:
            self._ask(about, lambda: self.client.set_registered_model_tag(name, OURS, "1"))

    def _point(self, name: str, entry: Pointed, text: str) -> None:
        about = f"the {entry.alias} of {name}"
        self._ask(about, lambda: self.client.set_registered_model_tag(name, f"{OURS}.{entry.alias}", text))
        if entry.version is None:
            self._ask(about, lambda: self.client.delete_registered_model_alias(name, entry.alias))
            return
        number = self._number(name, entry.version)
        self._ask(about, lambda: self.client.set_registered_model_alias(name, entry.alias, number))

    def _number(self, name: str, version: str) -> str:
        return next(one.number for one in self._versions(name) if one.came.version == version)

    def _versions(self, name: str) -> list[Version]:
        found = self._pages(self.client.search_model_versions, f"the model {name}", f"name = '{name}'")
        return versions_of(found, self.url)

    def _content(self, run: Any, path: str) -> bytes | None:
        folder, _, name = _parts(path)
        if folder == SIGNATURES:
            signature = run.data.tags.get(f"{SIGNATURE}{name}")
            return None if signature is None else str(signature).encode()
        content: bytes | None = self._ask(path, lambda: self._artifact(run.info.run_id, name, path))
        return content

    def _artifact(self, run_id: str, name: str, path: str) -> bytes | None:
        listed = self.client.list_artifacts(run_id, ARTIFACTS)
        sizes = {PurePosixPath(one.path).name: one.file_size or 0 for one in listed}
        if name not in sizes:
            return None
        if sizes[name] > LARGEST_FILE:
            raise BundleError(f"{self.url}: {path} is larger than {LARGEST_FILE} bytes")
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(run_id, f"{ARTIFACTS}/{name}", folder)).read_bytes()

    def _write(self, run_id: str, path: str, content: bytes) -> None:
        folder, _, name = _parts(path)
        if folder == SIGNATURES:
            self._ask(path, lambda: self.client.set_tag(run_id, f"{SIGNATURE}{name}", content.decode()))
            return
        with tempfile.TemporaryDirectory() as staging:
            file = Path(staging, name)
            file.write_bytes(content)
            self._ask(path, lambda: self.client.log_artifact(run_id, str(file), ARTIFACTS))

    def _run(self, digest: str) -> Any:
        """Return the run with the bundle of *digest*, None without any.

        It is that of the first version; else the oldest that has ended well, else the oldest that still goes on.
        """
        wanted = f"tags.`{DIGEST}` = '{digest}'"
        versions = list(self._pages(self.client.search_model_versions, f"bundle {digest}", wanted))
        if versions:
            first = min(versions, key=lambda one: int(one.version))
            return self._ask(f"bundle {digest}", lambda: self.client.get_run(first.run_id))
        experiment = self._experiment()
        if experiment is None:
            return None
        whole = f"{wanted} AND attributes.status != 'FAILED'"
        order = ["attributes.status ASC", "attributes.start_time ASC"]  # FINISHED comes before RUNNING
        found = self._ask(
            f"bundle {digest}",
            lambda: self.client.search_runs([experiment], whole, max_results=1, order_by=order),
        )
        return found[0] if found else None

    def _pages(self, search: Callable[..., Any], about: str, wanted: str | None = None) -> Iterator[Any]:
        token = None
        while True:
            page = self._ask(about, partial(search, filter_string=wanted, page_token=token))
            yield from page or ()
            token = page.token if page else None
            if not token:
                return

    def _ask(self, about: str, ask: Callable[[], Any], allowed: str = _MISSING) -> Any:
        """Return the answer, or None when it is the error *allowed*."""
        try:
            return ask()
        except BundleError:
            raise
        except Exception as error:  # MLflow's, its database's and its network's errors have no parent of their own
            if getattr(error, "error_code", None) == allowed:
                return None
            raise StoreError(f"{self.url} does not answer for {about}: {told(error)}") from error


def _parts(path: str) -> tuple[str, str, str]:
    """Return folder, digest and name of a file."""
    folder, digest, name = path.split("/")
    return folder, digest, name
