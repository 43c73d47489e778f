"""Reads the one release that the lake offers the trader, and nothing else of the lake.

Belongs here: two files by name, and the refusal when either is not what it says. Does not belong
here: bars (the feed's business) or writing (the trader never writes to the lake).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from rooney_core.errors import LakeError, MissingArtifact, ReleaseRejected
from rooney_core.lineage import table_from_bytes
from rooney_core.release import (
    ProductionConfig,
    Release,
    check_models_version,
    load_release,
)


def config_path(lake: Path) -> Path:
    """The file that names the current release."""
    return lake / "production_config" / "current.parquet"


def models_path(lake: Path, version: str) -> Path:
    """The immutable file of the production_model version with that content hash."""
    return lake / "production_model" / "versions" / f"{version}.parquet"


def read_release(lake: Path) -> Release:
    """The current release of the lake, verified.

    Raises MissingArtifact when nothing was released or the named models are not there, and
    ReleaseRejected, naming the file, for one that is damaged or tampered with.
    """
    config = _read(config_path(lake))
    path = models_path(lake, _named_version(config))
    models = _read(path)
    try:
        check_models_version(_named_version(config), models)
    except ReleaseRejected as error:
        raise ReleaseRejected(f"{path}: {error}") from None
    return load_release(config, models)


def day_of(config: ProductionConfig, last_session: date | None = None) -> date:
    """The day that a release's terms are held to: today in UTC.

    The simulated market's time stands still: at its `last_session`, or that of the release's data.
    """
    if config.is_simulated:
        return last_session or config.data_through
    return datetime.now(UTC).date()


def _named_version(config: pl.DataFrame) -> str:
    column = "production_model_version"
    named = config[column].unique().to_list() if column in config.columns else []
    # The version becomes a file name: only a bare hash may, never a path.
    if len(named) != 1 or not str(named[0]).isalnum():
        raise ReleaseRejected(
            f"production_config must name one {column}; it names {named or 'none'}. "
            "Materialize production_config again."
        )
    return str(named[0])


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise MissingArtifact(
            f"{path} does not exist. Run `make demo` or `rooney materialize`, synchronize the "
            "lake to this machine, or point ROONEY_LAKE (or --lake) at the lake that has it."
        )
    try:
        # The checksum is judged before anything is parsed: damaged Parquet can end the process.
        return table_from_bytes(path.read_bytes(), str(path))[0]
    except (LakeError, OSError) as error:
        raise ReleaseRejected(f"{error} Synchronize the lake again.") from None
