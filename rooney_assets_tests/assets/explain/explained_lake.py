"""A lake whose whole lineage is written by hand: small tables, true manifests, known answers.

Belongs here: writing it. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from rooney_assets.lake import Lake, ManifestFacts, promotions

SYMBOLS = ("SIM_ES", "SIM_NQ")
MONTH = ("rebalance_month", "2026-01")
RELEASE_ID, MODEL = "aaaa" * 8, "bbbb" * 8
RUN, EARLIER_RUN = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
BAR_END = pl.Series([datetime(2025, 12, 30, 15, tzinfo=UTC)]).dt.cast_time_unit("us")
COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Written:
    """The lake, and the version of each table by its label."""

    lake: Lake
    versions: dict[str, str]

    def make(
        self,
        asset: str,
        key: str | None,
        rows: Mapping[str, list[Any] | pl.Series],
        *inputs: str,
        **facts: Any,
    ) -> str:
        """Write a table that was made of these labels as they are now; its version."""
        column = "rebalance_month" if key is not None and "-" in key else "symbol"
        n_rows = len(next(iter(rows.values())))
        own = {} if key is None else {column: pl.Series([key] * n_rows, dtype=pl.String)}
        frame = pl.DataFrame({**own, **{k: v for k, v in rows.items() if k not in own}})
        known: dict[str, Any] = {"run_id": RUN, "code_version": "code", "git_commit": COMMIT}
        made = ManifestFacts(
            **(known | {"inputs": {one: self.versions[one] for one in inputs}} | facts)
        )
        partition = None if key is None else (column, key)
        written = self.lake.write(asset, partition, frame, made)
        label = asset if key is None else f"{asset}[{key}]"
        self.versions[label] = written.data_version
        return written.data_version


def explained_lake(folder: Path) -> Written:
    """Bars of two symbols, research of one, a release of it, promoted."""
    told = Written(Lake(folder / "lake"), {})
    for number, symbol in enumerate(SYMBOLS):
        source = {"config": {"source": f"fingerprint {symbol}"}, "run_id": EARLIER_RUN}
        told.make("raw_bars", symbol, {"close": [1.0 + number, 2.0]}, **source)
        raw = f"raw_bars[{symbol}]"
        told.make("roll_calendar", symbol, {"gap": [0.5 + number]}, raw)
        rolls = f"roll_calendar[{symbol}]"
        times = {"bar_start": BAR_END - timedelta(hours=1), "bar_end": BAR_END}
        told.make("continuous_bars", symbol, {**times, "close": [1.5 + number]}, raw, rolls)
        bars = f"continuous_bars[{symbol}]"
        told.make("session_bars", symbol, {"open": [1.0 + number]}, bars)
    research(told)
    release(told)
    return told


def research(told: Written) -> None:
    """The chain of SIM_ES up to its model, whose rules compare it with SIM_NQ."""
    own, of_own = "SIM_ES", "continuous_bars[SIM_ES]"
    told.make("strategy_results", own, {"variant": ["x"]}, of_own, "session_bars[SIM_NQ]")
    ranks = {"variant": ["ibs_filtered", "rsi2_classic"], "annual_sharpe": [2.5, 1.25]}
    told.make("strategy_ranking", own, ranks, "strategy_results[SIM_ES]")
    told.make("best_strategy", own, {"variant": ["ibs_filtered"]}, "strategy_ranking[SIM_ES]")
    told.make("training_set", own, {"n": [1]}, of_own, "best_strategy[SIM_ES]")
    model = {"model_version": [MODEL], "threshold": [0.5], "n_trials": [10]}
    checks = {"checks": {"folds_have_skill": False, "model_loads_from_its_row": True}}
    told.make("meta_model", own, model, "training_set[SIM_ES]", extra=checks)
    evaluated = {"model_version": [MODEL], "verdict": ["pass"]}
    told.make("model_evaluation", own, evaluated, "meta_model[SIM_ES]", "training_set[SIM_ES]")


def release(told: Written) -> None:
    """A candidate, and the release that it became: one id, two tables."""
    told.make("mandate", None, {"section": ["a"], "limit": ["a.b"], "value": ["1"]})
    rows = {
        "release_id": [RELEASE_ID],
        "rebalance_month": ["2026-01"],
        "symbol": ["SIM_ES"],
        "size": [2],
        "model_version": [MODEL],
    }
    judged = ("mandate", "model_evaluation[SIM_ES]", "meta_model[SIM_ES]")
    told.make("release_candidate", "2026-01", rows, *judged)
    models = {"symbol": ["SIM_ES"], "model_version": [MODEL]}
    told.make("production_model", None, models, "release_candidate[2026-01]")
    named = {
        "production_model_version": [told.versions["production_model"]],
        "mandate_version": [told.versions["mandate"]],
    }
    of = ("production_model", "release_candidate[2026-01]", "mandate")
    told.make("production_config", None, {**rows, **named}, *of)
    promotions.append(
        told.lake,
        promotions.Event.PROMOTED,
        who="somebody",
        reason="every condition held",
        release_id=RELEASE_ID,
    )
