"""One small universe through the whole graph: bars, search, model, gates; promoted or not.

Belongs here: calling the assets' own bodies, in the graph's order, on a lake that is thrown away,
and reading what the gates said. Does not belong here: a rule of any gate.

What differs from a run by `rooney materialize`: trainings are quick; no checks are run (they stop
writes of broken tables, and judge nobody); the pictures of searches and models are not drawn; and
paper trading is the batch path's instead of the trader's, whose decisions are the same. All else
is the same call, on a lake of its own with the same ledger and the same record of looks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.assets.factory import search_train_window
from rooney_assets.assets.models import train_here
from rooney_assets.assets.paper import paper_of
from rooney_assets.calibration.paper_batch import by_the_batch_path
from rooney_assets.factory_tables import judge_search, results_table
from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Here,
    Made,
    Partitioning,
    partition_of,
)
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.graph.plan import basis_of, default_params, upstream_closure
from rooney_assets.headless import next_month
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_assets.sources.simulated import SimulatedSource
from rooney_core.errors import NotEnoughData
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import (
    SYMBOL,
    SmallUniverse,
    market_of,
    small_search,
)
from rooney_core.market.instruments import Universe
from rooney_core.portfolio.candidates import StandingCode

LAST: Final = "gate_report"
RUN: Final = "calibration"
MEASURED: Final = (
    "n_trials_raw",
    "train_sharpe",
    "validation_sharpe",
    "test_sharpe",
    "unfiltered_test_sharpe",
    "deflated_sharpe_z",
    "test_win_rate",
    "test_trades",
)
_STOPPED_BY_A_GATE: Final = {
    f"selection.{one}"
    for one in (
        StandingCode.VERDICT_FAILED,
        StandingCode.BACKTEST_GATE_FAILED,
        StandingCode.STRESS_GATE_FAILED,
    )
}
Body = Callable[..., pl.DataFrame | Made]


def run_universe(
    one: SmallUniverse, settings: CalibrationSettings, mandate: Mandate
) -> dict[str, Any]:
    """A row of UNIVERSES_SCHEMA: the chain from bars to the gates, in a folder of its own.

    Judged by the limits of `mandate`, and trained as quickly as ROONEY_TUNING=quick trains.

    A refusal of the chain itself (too few trades to train a model) is a rejection, by the rule
    `refused.<asset>`. Any other error is raised: it is no answer of a gate.
    """
    with tempfile.TemporaryDirectory(prefix="rooney-calibration-") as folder:
        chain = _Chain(one, settings, mandate.quick(), Path(folder))
        refused = chain.run()
        return _row(one, chain.lake, refused)


@dataclass(frozen=True)
class _Refused:
    asset: str
    reason: str


class _ScratchLake(Lake):
    """A lake that nobody asks in SQL."""

    def refresh_views(self) -> None:
        """Nothing: the views would be thrown away with the folder."""


@dataclass
class _Chain:
    small: SmallUniverse
    settings: CalibrationSettings
    mandate: Mandate
    folder: Path
    lake: Lake = field(init=False)
    universe: Universe = field(init=False)

    def __post_init__(self) -> None:
        self.lake = _ScratchLake(self.folder / "lake")
        self.universe = self.small.universe
        self._source = SimulatedSource(market_of(self.settings, self.small.seed))

    def run(self) -> _Refused | None:
        """Every asset of the graph down to the gates; what stopped it, if anything did."""
        for name in upstream_closure([LAST]):
            for key in self._keys(ASSETS[name]):
                try:
                    self._make(ASSETS[name], key)
                except NotEnoughData as error:
                    return _Refused(name, str(error))
        return None

    def _keys(self, asset: Asset) -> tuple[str | None, ...]:
        """Bars of both symbols, research of the one, the month after the last session."""
        if asset.partitioning is Partitioning.SYMBOL:
            return self.universe.symbols
        if asset.partitioning is Partitioning.TRADABLE:
            return (SYMBOL,)
        if asset.partitioning is Partitioning.MONTH:
            return (next_month(self.lake, self.universe),)
        return (None,)

    def _make(self, asset: Asset, key: str | None) -> None:
        params = default_params(asset, self.mandate)
        basis = basis_of(asset, key, self.universe, self._source, self.lake, params)
        here = Here(
            asset=asset.name,
            partition=key,
            universe=self.universe,
            source=self._source,
            lake=self.lake,
            params=params,
            run_id=RUN,
            code_version=basis.code_version,
            state_folder=self.folder / "state",
            input_versions=basis.inputs,
        )
        body = self.bodies.get(asset.name, asset.body)
        answer = body(here, **load_inputs(asset, here))
        made = answer if isinstance(answer, Made) else Made(answer)
        facts = ManifestFacts(
            run_id=RUN,
            code_version=basis.code_version,
            git_commit="",
            inputs=dict(basis.inputs),
            config=dict(basis.config),
        )
        self.lake.write(
            asset.name,
            partition_of(asset, key),
            made.table,
            facts,
            sealed=made.sealed,
            beside=made.beside,
        )

    @property
    def bodies(self) -> Mapping[str, Body]:
        """Bodies that do the same for less, by the name of the asset."""
        return {
            "strategy_results": self._small_search,
            "meta_model": train_here,
            "paper_report": _paper,
        }

    def _small_search(
        self,
        here: Here,
        continuous_bars: pl.DataFrame,
        session_bars: dict[str, pl.DataFrame],
        cost_model: pl.DataFrame,
    ) -> Made:
        """strategy_results on thinned grids, without its pictures and tables beside."""
        variants = small_search(self.settings)
        swept = search_train_window(here, continuous_bars, session_bars, variants, cost_model)
        return Made(results_table(here.symbol, swept, judge_search(swept)))


def _paper(
    here: Here,
    release_candidate: pl.DataFrame,
    continuous_bars: dict[str, pl.DataFrame],
    session_bars: dict[str, pl.DataFrame],
) -> Made:
    """paper_report as a trader without a defect would earn it."""
    return paper_of(here, release_candidate, continuous_bars, session_bars, by_the_batch_path)


def _row(one: SmallUniverse, lake: Lake, refused: _Refused | None) -> dict[str, Any]:
    failed = [f"refused.{refused.asset}"] if refused else _failed(lake)
    row = {
        "kind": one.kind,
        "reversion_edge": one.reversion_edge,
        "number": one.number,
        "seed": one.seed,
        "promoted": not failed,
        "rejected_by": failed,
        "refusal": refused.reason if refused else None,
    }
    for asset, names in (("best_strategy", ("variant", "params")), ("model_evaluation", MEASURED)):
        if lake.version(asset, ("symbol", SYMBOL)) is not None:
            row |= lake.read(asset, ("symbol", SYMBOL)).select(names).row(0, named=True)
    return row


def _failed(lake: Lake) -> list[str]:
    """Every rule of every gate that stopped the symbol; what only follows from another is left out.

    The verdict and the selection by their own codes.
    """
    (month,) = lake.partitions(LAST)
    partition = ("rebalance_month", month)
    rows = lake.read(LAST, partition).filter(symbol=SYMBOL)
    stopped = rows.filter(~pl.col("passed")).select("gate", "code").rows()
    failed = {f"{gate}.{code}" for gate, code in stopped}
    if "backtest.verdict" in failed:
        reasons = lake.read("model_evaluation", ("symbol", SYMBOL))["reasons"][0]
        failed |= {f"verdict.{one['code']}" for one in reasons}
    if "selection.left_out" in failed:
        standings = lake.beside("portfolio_config", partition)["reasons"].filter(symbol=SYMBOL)
        failed.add(f"selection.{standings['code'][0]}")
    return sorted(failed - _consequences(failed))


def _consequences(failed: set[str]) -> set[str]:
    """Rules that fail because another one did: nobody is stressed whose verdict failed, nobody is
    chosen whom a gate stopped, and a paper grade is the sum of its rows."""
    found = {"backtest.verdict", "selection.left_out", *_STOPPED_BY_A_GATE}
    if any(one.startswith("verdict.") for one in failed):
        found.add("stress.not_run")
    if any(one.startswith("paper.") and one != "paper.grade" for one in failed):
        found.add("paper.grade")
    return found
