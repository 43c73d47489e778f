"""`rooney backtest` counts with the costs in force, by the real command on simulated bars."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from e2e_factory import Factory
from lake_of_bars import fill_with_bars, universe_of

from rooney_assets.backtests.run import Wanted, run
from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.feedback.costs import COSTS_SCHEMA
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.strategies import find_variant

ES = "SIM_ES"


def test_costs_that_own_fills_taught_are_counted_and_told(make_factory, tmp_path):
    """Each trade pays a quarter of a dollar and half a tick more at either end, and says why."""
    fresh: Factory = make_factory((ES,))
    fill_with_bars(fresh)
    lake, universe = Lake(fresh.lake), universe_of(fresh)
    one, variant = universe[ES], find_variant("ibs_filtered")
    asked = Wanted(ES, variant, variant.default_params, first=date(2017, 1, 1))
    assumed = run(asked, universe, lake, EvaluationSettings())
    assert "as universe.yaml assumes: the lake has no cost_model" in assumed.priced.line
    learnt = {
        "commission_per_contract_usd": one.commission_per_contract_usd + 0.25,
        "slippage_ticks": one.slippage_ticks + 0.5,
        "n_fills_used": 150,
        "cost_basis": "own_fills",
        "cost_reason": "of 150 own fills: 0.80 ticks on average, 0.93 at most",
        "symbol": ES,
    }
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    fills = pl.DataFrame({"symbol": [ES] * 160, "is_usable": [True] * 155 + [False] * 5})
    row = pl.DataFrame([learnt], schema=COSTS_SCHEMA)
    lake.write("cost_model", ("symbol", ES), row, facts, beside={"fills": fills})
    words = ("backtest", "ES", "--variant", "ibs_filtered", "--from", "2017-01-01")
    done = fresh.rooney(*words, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = "costs: 1.5 USD a contract and side, 1 ticks a fill; learnt of 150 own fills: 0.80"
    assert told in done.stdout
    dearer = pl.read_parquet(tmp_path / "trades.parquet")["net_profit_usd"]
    each = 2 * 0.25 + 2 * 0.5 * one.tick_size * one.multiplier
    before = assumed.result.trades["net_profit_usd"]
    assert (before - dearer).to_list() == pytest.approx([each] * before.len())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "learnt of 150 own fills" in page
    assert str(lake.version("cost_model", ("symbol", ES))) in page
    # At other costs it is another trial, though nothing else changed.
    assert lake.trials(ES)["costs"].sort().to_list() == ["", "1.5 USD, 1 ticks"]
