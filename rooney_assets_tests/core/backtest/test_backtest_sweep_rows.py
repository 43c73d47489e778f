"""A sweep's rows against single backtests, and its robustness against slow reckoning."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import polars as pl
import pytest
from hand_made import INSTRUMENT, bars

from rooney_core.backtest import CostModel, run_backtest, sweep, sweep_all
from rooney_core.backtest.robustness import neighbours_keep_sharpe, walk_forward
from rooney_core.errors import UnknownName
from rooney_core.strategies import VARIANTS
from rooney_core.validation.metrics import profit_factor, win_rate
from rooney_core.validation.sharpe import annual_sharpe

COSTS = CostModel.of(INSTRUMENT)


@pytest.fixture(scope="module")
def market():
    """300 sessions of 12 bars with mean reversion, so that there is something to earn."""
    rng = np.random.default_rng(5)
    n = 300 * 12
    close = 100 + rng.normal(0, 0.6, n) + rng.normal(0, 0.05, n).cumsum()
    opening = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opening, close) + rng.exponential(0.2, n)
    low = np.minimum(opening, close) - rng.exponential(0.2, n)
    day, hour = np.divmod(np.arange(n), 12)
    return bars(
        list(zip(opening, high, low, close, strict=True)),
        hours=(day * 24 + hour).tolist(),
        sessions=day.tolist(),
        deadline_hour=10,
    )


def test_one_row_per_configuration_in_order(market):
    results = sweep(market, VARIANTS, COSTS, INSTRUMENT)
    expected = [
        (name, params.model_dump()) for name, one in VARIANTS.items() for params in one.grid()
    ]
    rows = results.select("variant", "params").iter_rows()
    assert [(name, json.loads(text)) for name, text in rows] == expected
    assert all(text == json.dumps(json.loads(text), sort_keys=True) for text in results["params"])


@pytest.fixture(scope="module")
def swept(market):
    return sweep_all(market, VARIANTS, COSTS, INSTRUMENT, n_threads=2)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_a_row_is_what_a_single_backtest_gives(market, swept, name):
    rows = swept.results.with_row_index("at").filter(pl.col("variant") == name)
    busiest = rows.sort("n_trades", maintain_order=True).row(-1, named=True)
    for row in (rows.row(rows.height // 2, named=True), busiest):
        single = run_backtest(market, name, row["params"], COSTS, INSTRUMENT)
        daily, net = single.daily_returns["daily_return"], single.trades["net_profit_usd"]
        years = len(daily) / 252
        expected = {
            "n_trades": single.trades.height,
            "annual_sharpe": annual_sharpe(daily),
            "sharpe_per_day": annual_sharpe(daily) / math.sqrt(252),
            "trades_per_year": single.trades.height / years,
            "max_drawdown": single.equity["drawdown"].min(),
            "win_rate": win_rate(net),
            "profit_factor": profit_factor(net),
            "net_profit_usd": net.sum(),
            "n_obs": 300,
            "skewness": daily.skew() if row["n_trades"] else math.nan,
            "kurtosis": daily.kurtosis() + 3 if row["n_trades"] else math.nan,
        }
        assert {one: row[one] for one in expected} == pytest.approx(expected, nan_ok=True)
        for column, factor in (("sharpe_at_double_costs", 2), ("sharpe_at_five_costs", 5)):
            dear = run_backtest(market, name, row["params"], COSTS.times(factor), INSTRUMENT)
            sharpe = annual_sharpe(dear.daily_returns["daily_return"])
            assert row[column] == pytest.approx(sharpe, nan_ok=True)
        kept = swept.returns[row["at"]]
        assert kept.tolist() == daily.to_numpy().astype(np.float32).tolist()


def test_most_variants_trade_here(swept):
    busiest = swept.results.group_by("variant").agg(pl.col("n_trades").max())
    assert (busiest["n_trades"] > 5).sum() > 20


def test_threads_change_nothing(market, swept):
    alone = sweep_all(market, VARIANTS, COSTS, INSTRUMENT, n_threads=1)
    assert alone.results.equals(swept.results, null_equal=True)
    assert alone.returns.tobytes() == swept.returns.tobytes()
    assert swept.sessions.tolist() == sorted(set(market.session.tolist()))


def test_a_known_margin_gives_a_return_on_it(market):
    costs = COSTS.model_copy(update={"margin_per_contract_usd": 5000.0})
    row = sweep(market, "ibs_baseline", costs, INSTRUMENT).row(0, named=True)
    assert row["annual_return_on_margin"] == pytest.approx(
        row["net_profit_usd"] / (300 / 252) / 5000
    )
    assert (
        sweep(market, ["ibs_baseline"], COSTS, INSTRUMENT)["annual_return_on_margin"].is_nan().all()
    )


def test_a_variant_that_never_trades_is_undefined_and_not_robust(market):
    results = sweep(market.window(0, 20), ["ibs_filtered"], COSTS, INSTRUMENT)
    assert results["n_trades"].to_list() == [0] * results.height
    assert results["annual_sharpe"].is_nan().all()
    assert not results["is_robust"].any()


def test_an_unknown_variant_is_refused(market):
    with pytest.raises(UnknownName, match="ibs_baseline"):
        sweep(market, ["ibs"], COSTS, INSTRUMENT)


def test_walk_forward_trades_the_best_of_the_past_in_every_year():
    days = np.arange("2010-01-01", "2015-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    rng = np.random.default_rng(3)
    returns = rng.normal(0.0002, 0.01, (4, len(days)))
    result = walk_forward(returns, days.astype(np.int32))
    pieces = []
    for year in (2012, 2013, 2014):  # 2010 and 2011 have less than 504 sessions before them
        before = days < np.datetime64(f"{year}-01-01")
        during = ~before & (days < np.datetime64(f"{year + 1}-01-01"))
        sharpes = [row[before].mean() / row[before].std(ddof=1) for row in returns]
        pieces.append(returns[sharpes.index(max(sharpes))][during])
    together = np.concatenate(pieces)
    assert result.n_folds == 3
    assert [one.year for one in result.folds] == [2012, 2013, 2014]
    assert result.annual_sharpe == pytest.approx(
        together.mean() / together.std(ddof=1) * math.sqrt(252)
    )
    assert result.share_positive == pytest.approx(np.mean([one.mean() > 0 for one in pieces]))


def test_a_short_history_has_no_walk_forward():
    result = walk_forward(np.ones((2, 300)), np.arange(300, dtype=np.int32))
    assert (result.n_folds, result.holds) == (0, False)
    assert math.isnan(result.annual_sharpe)


def test_neighbours_are_one_step_away_on_one_axis():
    shape = (3, 2, 4)
    sharpes = np.random.default_rng(8).normal(1, 0.6, 24)
    sharpes[5] = np.nan
    places = list(itertools.product(*(range(size) for size in shape)))
    for place, own, kept in zip(
        places, sharpes, neighbours_keep_sharpe(sharpes, shape), strict=True
    ):
        near = [
            0.0 if math.isnan(sharpes[i]) else sharpes[i]
            for i, other in enumerate(places)
            if sum(abs(a - b) for a, b in zip(place, other, strict=True)) == 1
        ]
        assert kept == (own > 0 and np.mean(near) >= 0.7 * own)


def test_a_lone_configuration_has_no_witness():
    assert neighbours_keep_sharpe(np.array([2.0]), (1,)).tolist() == [False]
