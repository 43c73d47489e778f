"""Trials made by hand: configurations that somebody scored outside the search of the factory.

Belongs here: appending them and reading them back. Does not belong here: counting them beside the
trials of the searches (`rooney_assets.ledger`). A trial is a file of its own, named after what was
tried, so the same trial twice is one; none is ever changed or removed.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from rooney_assets.lake import durable
from rooney_core.errors import LakeError

TRIALS_SCHEMA: dict[str, type[pl.DataType]] = {
    "trial": pl.String,
    "who": pl.String,
    "variant": pl.String,
    "params": pl.String,
    "first_session": pl.String,
    "last_session": pl.String,
    "costs_times": pl.Float64,
    "bars_version": pl.String,
    "code_version": pl.String,
    "is_comparable": pl.Boolean,
    "sharpe_per_day": pl.Float64,
    "n_obs": pl.Int64,
    "costs": pl.String,
}
"""One row per trial; `trial` is the digest that names it. `is_comparable`: scored on the window and
at the costs of the search, so that its Sharpe says something on how those of the search vary.
`costs`: those in force where they were learnt from own fills, before `costs_times`; else empty."""

_SCORES = ("who", "sharpe_per_day", "n_obs")


@dataclass(frozen=True)
class HandMadeTrial:
    """A row of TRIALS_SCHEMA without its name; `params` is canonical JSON, sessions are ISO."""

    who: str
    variant: str
    params: str
    first_session: str
    last_session: str
    costs_times: float
    bars_version: str
    code_version: str
    is_comparable: bool
    sharpe_per_day: float
    n_obs: int
    costs: str = ""

    @property
    def name(self) -> str:
        """16 hex digits over what was tried; not over who did, or what came out."""
        tried = {name: value for name, value in asdict(self).items() if name not in _SCORES}
        if not self.costs:
            # Trials of before costs were learnt keep their names.
            del tried["costs"]
        return hashlib.sha256(json.dumps(tried, sort_keys=True).encode()).hexdigest()[:16]


def append(folder: Path, trial: HandMadeTrial) -> str:
    """Put a trial on disk unless it is there, and return its name."""
    durable.make_folder(folder)
    durable.remove_orphans(folder)
    sharpe = trial.sharpe_per_day if math.isfinite(trial.sharpe_per_day) else None
    entry = {"trial": trial.name, **asdict(trial), "sharpe_per_day": sharpe}
    with suppress(FileExistsError):
        durable.publish_new(folder / f"{trial.name}.json", json.dumps(entry, indent=2).encode())
    return trial.name


def read(folder: Path) -> pl.DataFrame:
    """Every trial in `folder` (TRIALS_SCHEMA), by name; no rows when nobody tried anything."""
    return pl.DataFrame([_entry(path) for path in sorted(folder.glob("*.json"))], TRIALS_SCHEMA)


def _entry(path: Path) -> dict[str, Any]:
    try:
        entry = {"costs": "", **json.loads(path.read_bytes())}
        return {name: entry[name] for name in TRIALS_SCHEMA}
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path} is not a record of a trial: {error!r}. Without it the trials cannot be "
            "counted; restore it from a backup."
        ) from None
