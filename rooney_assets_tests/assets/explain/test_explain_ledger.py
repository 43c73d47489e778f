"""A ledger that grew search by search is made anew in the order in which it grew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from made_bars import SYMBOL, bench

from rooney_assets.explain.reproduce import Bench, Sameness, reproduce
from rooney_assets.graph.declaration import ASSETS, Here
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.graph.plan import basis_of
from rooney_assets.lake import ManifestFacts

ES = ("symbol", SYMBOL)
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
SCORED = {"sharpe_per_day": [0.1], "n_obs": [100]}


def sweep(at: Bench, params: str) -> None:
    """A search that scored one configuration."""
    row: dict[str, Any] = {"symbol": [SYMBOL], "variant": ["v"], "params": [params], "cluster": [1]}
    at.lake.write("strategy_results", ES, pl.DataFrame({**row, **SCORED}), FACTS)


def training(at: Bench, threshold: float) -> None:
    """A training that tried one set and one threshold."""
    nested = {
        "trials": pl.DataFrame({"hyperparameters": ["{}"], **SCORED}).to_struct(),
        "thresholds": pl.DataFrame({"threshold": [threshold], **SCORED}).to_struct(),
    }
    columns = [pl.Series(name, [one]) for name, one in nested.items()]
    named = pl.DataFrame({"symbol": [SYMBOL], "model_version": [f"m{threshold}"]})
    at.lake.write("meta_model", ES, named.with_columns(columns), FACTS)


def ledger(at: Bench) -> str:
    """The ledger as a run would make it now; its version."""
    asset = ASSETS["trial_ledger"]
    basis = basis_of(asset, SYMBOL, at.universe, at.source, at.lake, None)
    here = Here(
        asset=asset.name,
        partition=SYMBOL,
        universe=at.universe,
        source=at.source,
        lake=at.lake,
        params=None,
        run_id="made",
        code_version=basis.code_version,
        state_folder=at.state,
        input_versions=basis.inputs,
    )
    made: Any = asset.body(here, **load_inputs(asset, here))
    facts = ManifestFacts(
        run_id="made",
        code_version=basis.code_version,
        git_commit="g",
        inputs=dict(basis.inputs),
        config=dict(basis.config),
    )
    return at.lake.write(asset.name, ES, made.table, facts).data_version


def test_every_ledger_of_a_growing_one_comes_out_the_same(tmp_path: Path) -> None:
    """A sweep after a training stands behind it, though its table is read first."""
    at = bench(tmp_path)
    versions = []
    sweep(at, "first")
    training(at, 0.5)
    versions.append(ledger(at))
    sweep(at, "second")
    versions.append(ledger(at))
    training(at, 0.6)
    versions.append(ledger(at))
    newest = at.lake.read("trial_ledger", ES)
    assert newest["search"].to_list() == [
        *("strategy_sweep", "meta_tuning", "threshold"),
        *("strategy_sweep", "meta_tuning", "threshold"),
    ]
    assert [one.rows for one in at.lake.versions("trial_ledger", ES)] == [3, 4, 6]
    for version in versions:
        label = f"trial_ledger[{SYMBOL}]"
        [only] = reproduce(at, {label: version}, is_shallow=True)
        assert (only.sameness, only.remade, only.notes) == (Sameness.SAME, version, ())
