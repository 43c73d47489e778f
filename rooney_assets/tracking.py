"""MLflow beside the lake: the store, its experiment, and a place in its registry of models.

Belongs here: the dagster-mlflow resource, opened late and safely, and registering. Does not belong
here: what is logged (`rooney_assets.training_log`), looking a model up (`rooney_assets.registry`),
or the model itself, whose truth is the lake.

Two things that bite are handled here. Processes that meet a fresh SQLite store at once break it,
so the store is made under a file lock before anyone uses it. And the vendor's resource imports
MLflow (seconds) and starts a run when it is created; ours waits until something is logged, so a
partition that is reused costs nothing and leaves no empty run.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from rooney_assets.registry import (
    CHALLENGER,
    CHAMPION,
    SYMBOL_TAG,
    VERSION_TAG,
    registry_name,
    store_file,
)
from rooney_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

EXPERIMENT: Final = "rooney-meta-models"


def tracking_uri(settings: Settings) -> str:
    """The embedded SQLite store below the state folder."""
    return f"sqlite:///{store_file(settings)}"


class LateMlflow:
    """The dagster-mlflow resource of one Dagster run, created when it is first asked for."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._running: Iterator[Any] | None = None
        self._resource: Any = None

    def open(self) -> Any:
        """The resource object: all of MLflow's functions, inside this Dagster run's MLflow run."""
        from dagster_mlflow import mlflow_tracking

        if self._resource is None:
            prepare_store(self.uri)
            self._running = mlflow_tracking.resource_fn(self._context)
            self._resource = next(self._running)
        return self._resource

    @property
    def uri(self) -> str:
        """Of the store, for whoever needs no run."""
        return str(self._context.resource_config["mlflow_tracking_uri"])

    def close(self) -> None:
        """End the MLflow run, if one was started.

        A store that fails now is told of in the log: what the Dagster run made is written, and
        stays.
        """
        if self._running is None or self._resource is None:
            return
        try:
            self._resource.end_run()
        except Exception as error:  # noqa: BLE001  (a store may fail in any way; the run is over)
            self._context.log.warning(f"MLflow did not end its run: {error}")
        finally:
            self._running.close()


def prepare_store(uri: str) -> None:
    """Create the SQLite store and the experiment once, however many processes ask at once."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    folder = Path(uri.removeprefix("sqlite:///")).parent
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


def crown(uri: str, model_versions: Mapping[str, str]) -> dict[str, str]:
    """Let each symbol's released model be its champion; what was done, in words, by symbol.

    MLflow is beside the lake: what it does not know or refuses, and a store that is damaged or out
    of reach, is told and stops nobody, because the release is switched by then.
    """
    told: dict[str, str] = {}
    if not model_versions:
        return told
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        prepare_store(uri)
        client = MlflowClient(tracking_uri=uri)
        for symbol, model_version in model_versions.items():
            told[symbol] = _crown_one(client, symbol, model_version)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = str(error).splitlines()[0]
        told |= {
            symbol: f"MLflow's store could not be used: {reason}"
            for symbol in model_versions
            if symbol not in told
        }
    return told


def _crown_one(client: "MlflowClient", symbol: str, model_version: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        found = _version(client, symbol, model_version)
        if found is None:
            return "not registered"
        client.set_registered_model_alias(registry_name(symbol), CHAMPION, found.version)
    except MlflowException as error:
        return f"MLflow refused: {error}"
    return f"champion is version {found.version}"


def _version(client: "MlflowClient", symbol: str, model_version: str) -> "ModelVersion | None":
    wanted = f"name = '{registry_name(symbol)}' and tags.{VERSION_TAG} = '{model_version}'"
    return next(iter(client.search_model_versions(wanted)), None)


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
