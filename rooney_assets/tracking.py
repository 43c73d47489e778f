"""MLflow beside the lake: the store, its experiment, and its registry of models.

Belongs here: the dagster-mlflow resource, opened late and safely, and what the registry is asked.
Does not belong here: what is logged (`rooney_assets.training_log`), or the model itself, whose
truth is the lake.

Two things that bite are handled here. Processes that meet a fresh SQLite store at once break it,
so the store is made under a file lock before anyone uses it. And the vendor's resource imports
MLflow (seconds) and starts a run when it is created; ours waits until something is logged, so a
partition that is reused costs nothing and leaves no empty run.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from rooney_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

EXPERIMENT: Final = "rooney-meta-models"
CHALLENGER: Final = "challenger"
"""Alias of the newest model of a symbol. `champion` is the gates' to give, and not given here."""

VERSION_TAG, SYMBOL_TAG, LAKE_TAG = "model_version", "symbol", "lake_version"


def tracking_uri(settings: Settings) -> str:
    """The embedded SQLite store below the state folder."""
    return f"sqlite:///{settings.state / 'mlflow' / 'mlflow.db'}"


def registry_name(symbol: str) -> str:
    """Name of a symbol's registered model."""
    return f"rooney-meta-model-{symbol}"


@dataclass(frozen=True)
class Registered:
    """A version of MLflow's registry. `aliases` are those that point to this version."""

    name: str
    version: str
    aliases: tuple[str, ...]
    run_id: str

    @property
    def told(self) -> str:
        """In words."""
        named = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name}, version {self.version}{named}"

    def as_facts(self) -> dict[str, object]:
        """For a program."""
        return {
            "run_id": self.run_id,
            "registered_model": self.name,
            "version": self.version,
            "aliases": list(self.aliases),
        }


class LateMlflow:
    """The dagster-mlflow resource of one Dagster run, created when it is first asked for."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._running: Iterator[Any] | None = None

    def open(self) -> Any:
        """The resource object: all of MLflow's functions, inside this Dagster run's MLflow run."""
        from dagster_mlflow import mlflow_tracking

        if self._running is None:
            prepare_store(self._context.resource_config["mlflow_tracking_uri"])
            self._running = mlflow_tracking.resource_fn(self._context)
            self._resource = next(self._running)
        return self._resource

    def close(self) -> None:
        """End the MLflow run, if one was started."""
        if self._running is not None:
            self._resource.end_run()
            self._running.close()


def prepare_store(uri: str) -> None:
    """Create the SQLite store and the experiment once, however many processes ask at once."""
    _be_quiet()
    folder = _store_file(uri).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        if client.get_experiment_by_name(EXPERIMENT) is None:
            client.create_experiment(EXPERIMENT, artifact_location=(folder / "artifacts").as_uri())


def register(
    client: "MlflowClient", symbol: str, source: str, run_id: str, tags: Mapping[str, str]
) -> str:
    """Make a folder of artifacts the symbol's challenger; the number of its registered version.

    `source`: URI of the folder; `tags` hold VERSION_TAG. A model that is registered already is not
    registered again: the alias moves to it.
    """
    from mlflow.exceptions import MlflowException

    name = registry_name(symbol)
    try:
        client.create_registered_model(name, {SYMBOL_TAG: symbol})
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    known = _version(client, symbol, tags[VERSION_TAG])
    found = known or client.create_model_version(name, source, run_id, dict(tags))
    client.set_registered_model_alias(name, CHALLENGER, found.version)
    return str(found.version)


def registered(uri: str, symbol: str, model_version: str) -> Registered | None:
    """What the registry says of a model; None where there is no store, or it does not know it."""
    if not _store_file(uri).is_file():
        return None
    _be_quiet()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    found = _version(client, symbol, model_version)
    if found is None:
        return None
    # A search leaves the aliases out.
    aliases = client.get_model_version(found.name, found.version).aliases
    return Registered(found.name, str(found.version), tuple(sorted(aliases)), str(found.run_id))


def _version(client: "MlflowClient", symbol: str, model_version: str) -> "ModelVersion | None":
    wanted = f"name = '{registry_name(symbol)}' and tags.{VERSION_TAG} = '{model_version}'"
    return next(iter(client.search_model_versions(wanted)), None)


def _store_file(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///"))


def _be_quiet() -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


@dg.resource(
    config_schema={
        "experiment_name": dg.Field(str, default_value=EXPERIMENT),
        "mlflow_tracking_uri": str,
        "env": dg.Field(dg.Permissive(), default_value={}),
        "extra_tags": dg.Field(dg.Permissive(), default_value={}),
    }
)
def late_mlflow(context: Any) -> Iterator[LateMlflow]:
    """Hand out a LateMlflow and end its run when the Dagster run ends."""
    late = LateMlflow(context)
    try:
        yield late
    finally:
        late.close()
