"""Which of the trader's runs say something of a symbol, and under which release they traded.

Belongs here: choosing runs, and finding the release that a run names. Does not belong here: what is
made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from rooney_assets.lake import Lake
from rooney_core.errors import RooneyError
from rooney_core.market.instruments import Instrument
from rooney_core.release import Release, load_release

LIVE: Final = "live"
MODES: Final = (LIVE, "rehearsal", "replay")
"""In order of what they prove. A rehearsal of a real market proves nothing of it."""
MONTH: Final = "rebalance_month"
RELEASE: Final = "production_config"
MODELS: Final = "production_model"
CANDIDATE: Final = "release_candidate"


@dataclass(frozen=True)
class Found:
    """A release by its id: the verified tables, or why there are none."""

    release: Release | None
    rows: pl.DataFrame | None
    why_not: str = ""


def of_mode(table: pl.DataFrame, runs: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """The rows of a live table (run_id, symbol) that count for a symbol, with `mode`.

    Real symbols: live runs alone. Simulated ones: live runs, or else rehearsals, or else replays.
    Rows of several runs are all there; see `newest_of`.
    """
    mine = table.filter(pl.col("symbol") == instrument.symbol).join(
        runs.select("run_id", "mode", "started_at"), on="run_id", how="inner"
    )
    allowed = MODES if instrument.is_simulated else (LIVE,)
    for mode in allowed:
        rows = mine.filter(pl.col("mode") == mode)
        if not rows.is_empty():
            return rows
    return mine.clear()


def newest_of(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Of several runs that tell of the same `key`, the one that was started last, in its order."""
    newest = rows.sort("started_at", "run_id").unique(key, keep="last", maintain_order=True)
    return newest.sort(key)


def find_release(lake: Lake, release_id: str) -> Found:
    """The release of this id among all that were promoted, or were candidates."""
    for asset, partition in _places(lake):
        for manifest in reversed(lake.versions(asset, partition)):
            version = manifest.data_version
            try:
                rows = lake.read(asset, partition, version=version)
                if rows["release_id"][0] != release_id:
                    continue
                models = _models(lake, asset, partition, version, rows)
                return Found(load_release(rows, models), rows)
            except RooneyError as error:
                return Found(None, None, str(error))
    return Found(None, None, f"the lake holds no release {release_id}")


def model_versions(lake: Lake, releases: pl.Series, symbol: str) -> dict[str, str | None]:
    """By release id, the version of the model that it trades a symbol with; None: not known."""
    found: dict[str, str | None] = {}
    for name in releases.unique(maintain_order=True).drop_nulls():
        rows = find_release(lake, str(name)).rows
        mine = None if rows is None else rows.filter(pl.col("symbol") == symbol)
        known = None if mine is None or mine.is_empty() else mine["model_version"][0]
        found[str(name)] = None if known is None else str(known)
    return found


def _places(lake: Lake) -> list[tuple[str, tuple[str, str] | None]]:
    found: list[tuple[str, tuple[str, str] | None]] = []
    if lake.version(RELEASE, None) is not None:
        found.append((RELEASE, None))
    months = reversed(lake.partitions(CANDIDATE))
    return [*found, *((CANDIDATE, (MONTH, month)) for month in months)]


def _models(
    lake: Lake, asset: str, partition: tuple[str, str] | None, version: str, rows: pl.DataFrame
) -> pl.DataFrame:
    if asset == CANDIDATE:
        return lake.beside(asset, partition, version=version)["models"].drop(MONTH)
    named = str(rows["production_model_version"][0])
    return lake.read(MODELS, None, version=named)
