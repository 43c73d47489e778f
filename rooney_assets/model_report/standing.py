"""How a model stands: its evaluation, looks spent, where it came from, and its place in MLflow.

Belongs here: reading what the lake and MLflow say about the current model of a symbol. Does not
belong here: what the model says itself (`portrait`), or opening the sealed window.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.declaration import ASSETS, partition_of
from rooney_assets.lake import Lake, Manifest
from rooney_assets.model_report.portrait import Portrait, portrait_of
from rooney_assets.registry import Registered
from rooney_core.errors import LakeError, MissingArtifact

_LABEL = re.compile(r"([a-z0-9_]+)(?:\[(.+)\])?")


@dataclass(frozen=True)
class Looks:
    """Looks at the sealed window: different pairs of model and code, of the latest window.

    `window_end`: the last session of that window when it was looked at; None before the first look.
    """

    used: int
    budget: int
    window_end: date | None

    @property
    def told(self) -> str:
        """In words."""
        of = "" if self.window_end is None else f" at the test window to {self.window_end}"
        return f"{self.used} of {self.budget} looks spent{of}"


@dataclass(frozen=True, eq=False)
class Standing:
    """The current model of a symbol and everything on record about it.

    `evaluation`: the model_evaluation row of this very version, None where there is none.
    `lineage`: data version by "asset[KEY]", the nearest inputs first. `registered`: its version in
    MLflow's registry, None where MLflow does not know it.
    """

    portrait: Portrait
    manifest: Manifest
    evaluation: Mapping[str, Any] | None
    looks: Looks
    lineage: Mapping[str, str]
    registered: Registered | None = None


def standing_of(lake: Lake, symbol: str, budget: int) -> Standing:
    """The standing of the current model, without MLflow, over the rows that it was trained on.

    Raises MissingArtifact, with the command to run, where the symbol has no model.
    """
    partition = ("symbol", symbol)
    row, version = lake.read_versioned("meta_model", partition)
    manifest = lake.manifest("meta_model", partition, version=version)
    inputs = {
        name: lake.read(name, partition, version=manifest.inputs.get(f"{name}[{symbol}]"))
        for name in ("training_set", "session_bars")
    }
    portrait = portrait_of(row, inputs["training_set"], inputs["session_bars"]["session"])
    return Standing(
        portrait=portrait,
        manifest=manifest,
        evaluation=evaluation_of(lake, symbol, portrait.model_version),
        looks=looks_at(lake, symbol, budget),
        lineage={f"meta_model[{symbol}]": version, **lineage_of(lake, manifest)},
    )


def evaluation_of(lake: Lake, symbol: str, model_version: str) -> Mapping[str, Any] | None:
    """The evaluation of this version of the symbol's model; None where it was not evaluated."""
    partition = ("symbol", symbol)
    if lake.version("model_evaluation", partition) is None:
        return None
    row = lake.read("model_evaluation", partition).row(0, named=True)
    return row if row["model_version"] == model_version else None


def looks_at(lake: Lake, symbol: str, budget: int) -> Looks:
    """Looks spent of the budget, of the window that was looked at last."""
    looks = lake.looks(symbol)
    last = looks.filter(pl.col("window") == pl.col("window").max())
    pairs = last.select("model_version", "code_version").n_unique() if last.height else 0
    end = last["window_end"].max()
    return Looks(pairs, budget, end if isinstance(end, date) else None)


def lineage_of(lake: Lake, manifest: Manifest) -> dict[str, str]:
    """Every version that went into this one, by "asset[KEY]", nearest first.

    What the lake no longer tells of an input ends the walk there.
    """
    found: dict[str, str] = {}
    waiting = [manifest]
    while waiting:
        for label, version in waiting.pop(0).inputs.items():
            if label in found:
                continue
            found[label] = version
            above = _manifest(lake, label, version)
            if above is not None:
                waiting.append(above)
    return found


def _manifest(lake: Lake, label: str, version: str) -> Manifest | None:
    parts = _LABEL.fullmatch(label)
    asset = None if parts is None else ASSETS.get(parts[1])
    if parts is None or asset is None:
        return None
    try:
        return lake.manifest(asset.name, partition_of(asset, parts[2]), version=version)
    except (MissingArtifact, LakeError):
        return None
