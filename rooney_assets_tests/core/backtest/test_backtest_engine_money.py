"""USD, returns and days of a backtest, recomputed by hand or from its own trades."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hand_made import INSTRUMENT, bars, flat_bars, signals
from pydantic import ValidationError

from rooney_core.backtest import CostModel, run_backtest, sweep
from rooney_core.backtest.days import TradingDays
from rooney_core.backtest.engine import trades_frame
from rooney_core.backtest.play import play
from rooney_core.errors import BarsRejected, InvalidSetting, NotEnoughData, UnknownName

COSTS = CostModel.of(INSTRUMENT)
# IBS 0 at bar 0, then 0.5, then 1: bought at the second open, sold at the fourth.
WEAK, MIDDLE, STRONG = (101, 101, 99, 99), (100, 101, 99, 100), (100, 103, 100, 103)


def test_costs_come_from_the_page_of_facts():
    assert CostModel(commission_per_contract_usd=1.25, slippage_ticks=1.0) == COSTS
    assert COSTS.slippage(INSTRUMENT) == 0.25
    assert COSTS.times(2).commission_per_contract_usd == 2.5


def test_slippage_follows_the_exchange_clock():
    # 00:00 UTC on 14 April 2019 is 19:00 of the day before in Chicago, in summer time.
    factors = tuple(float(hour) for hour in range(24))
    costs = COSTS.model_copy(update={"slippage_by_hour": factors})
    market = bars([WEAK, MIDDLE, STRONG, (102, 102, 101, 101.5)])
    assert costs.slippage_factors(market.bar_start_us).tolist() == [19.0, 20.0, 21.0, 22.0]
    trade = run_backtest(market, "ibs_baseline", None, costs, INSTRUMENT).trades.row(0, named=True)
    assert (trade["entry_price"], trade["exit_price"]) == (100 + 20 * 0.25, 102 - 22 * 0.25)
    assert trade["net_profit_usd"] == 100.0 - 42 * 0.25 * 50 - 2.5
    with pytest.raises(ValidationError, match="24"):
        CostModel(commission_per_contract_usd=1, slippage_ticks=1, slippage_by_hour=(1.0,))


def test_one_trade_by_hand():
    market = bars([WEAK, MIDDLE, STRONG, (102, 102, 101, 101.5)])
    result = run_backtest(market, "ibs_baseline", None, COSTS, INSTRUMENT)
    trade = result.trades.row(0, named=True)
    assert result.trades.height == 1
    # Bought at 100 + 0.25, sold at 102 - 0.25; 50 USD a point, 1.25 USD a side.
    assert (trade["entry_price"], trade["exit_price"]) == (100.25, 101.75)
    assert trade["gross_profit_usd"] == 100.0
    assert trade["net_profit_usd"] == 75.0 - 2.5
    assert trade["return"] == pytest.approx(72.5 / (100.25 * 50))
    assert (trade["signal_index"], trade["entry_index"], trade["exit_index"]) == (0, 1, 3)
    midnight = datetime(2019, 4, 14, tzinfo=UTC)
    assert trade["signal_time"] == trade["entry_time"] == midnight.replace(hour=1)
    assert trade["exit_time"] == midnight.replace(hour=3)
    assert (trade["side"], trade["exit_reason"], trade["n_bars"]) == (1, "SIGNAL", 2)


def test_a_flat_time_exit_is_stamped_with_the_end_of_its_bar():
    market = flat_bars(6, deadline_hour=4)
    frame = trades_frame(market, play(market, signals(6, short=(1,))), COSTS, INSTRUMENT)
    assert frame["exit_time"].item() == datetime(2019, 4, 14, 4, tzinfo=UTC)
    # Sold at 102 - 0.25, bought back at 103.5 + 0.25.
    assert frame["net_profit_usd"].item() == pytest.approx(50 * (101.75 - 103.75) - 2.5)


def test_every_session_is_a_day_and_its_return_is_over_the_session_before():
    market = bars(
        [WEAK, MIDDLE, STRONG, (102, 102, 101, 101.5), (105, 106, 104, 105), WEAK],
        hours=[0, 1, 2, 3, 24, 48],
        sessions=[0, 0, 0, 0, 1, 2],
    )
    daily = run_backtest(market, "ibs_baseline", None, COSTS, INSTRUMENT).daily_returns
    assert daily["session"].to_list() == [date(2019, 4, 14), date(2019, 4, 15), date(2019, 4, 16)]
    assert daily["daily_pnl_usd"].to_list() == [72.5, 0.0, 0.0]
    assert daily["daily_return"].to_list() == pytest.approx([72.5 / (101 * 50), 0.0, 0.0])
    notional = TradingDays.of(market, INSTRUMENT).notional_usd
    assert notional.tolist() == [101 * 50, 101.5 * 50, 105 * 50]


def test_a_price_at_or_below_zero_keeps_returns_finite():
    market = bars([(1, 1, -1, 0.0), (-30, -29, -31, -30)], hours=[0, 24], sessions=[0, 1])
    assert TradingDays.of(market, INSTRUMENT).notional_usd.tolist() == [50.0, 0.25 * 50]


def test_equity_adds_up_and_drawdown_starts_at_the_start():
    losing = [WEAK, (100, 100, 90, 95), (90, 92, 90, 92), (90, 91, 89, 90)]
    market = bars(
        [*losing, *losing], hours=[0, 1, 2, 3, 24, 25, 26, 27], sessions=[0] * 4 + [1] * 4
    )
    result = run_backtest(market, "ibs_baseline", None, COSTS, INSTRUMENT)
    pnl = result.daily_returns["daily_pnl_usd"].to_numpy()
    assert pnl.sum() == pytest.approx(result.trades["net_profit_usd"].sum())
    assert result.equity["equity_usd"].to_list() == pytest.approx(
        (101 * 50 + pnl.cumsum()).tolist()
    )
    wealth = (1 + result.daily_returns["daily_return"].to_numpy()).cumprod()
    assert result.equity["drawdown"].to_list() == pytest.approx((wealth - 1).tolist())
    assert (pnl < 0).all()


def test_frames_have_their_types_also_without_a_trade():
    result = run_backtest(bars([MIDDLE] * 3), "ibs_filtered", {"trend_bars": 2}, COSTS, INSTRUMENT)
    assert result.trades.is_empty()
    assert result.trades.schema["entry_time"] == pl.Datetime("us", "UTC")
    assert result.trades.schema["exit_reason"] == pl.String
    assert result.daily_returns["daily_return"].to_list() == [0.0]
    assert result.equity["drawdown"].to_list() == [0.0]


def test_costs_never_change_which_trades_happen():
    rng = np.random.default_rng(2)
    close = 100 + rng.normal(0, 1, 400).cumsum()
    opening = np.concatenate(([100.0], close[:-1]))
    prices = list(
        zip(
            opening,
            np.maximum(opening, close) + 0.5,
            np.minimum(opening, close) - 0.5,
            close,
            strict=True,
        )
    )
    market = bars(prices)
    free = CostModel(commission_per_contract_usd=0, slippage_ticks=0)
    keys = ["entry_time", "exit_time", "exit_reason", "gross_profit_usd"]
    dear, cheap = (
        run_backtest(market, "ibs_adaptive_exit", {"range_bars": 2}, costs, INSTRUMENT).trades
        for costs in (COSTS.times(10), free)
    )
    assert dear.height > 10
    assert dear.select(keys).equals(cheap.select(keys))
    assert cheap["gross_profit_usd"].to_list() == pytest.approx(cheap["net_profit_usd"].to_list())


def test_what_is_wrong_is_named():
    market = bars([MIDDLE] * 3)
    with pytest.raises(UnknownName, match="Did you mean 'ibs_baseline'"):
        run_backtest(market, "ibs_baselin", None, COSTS, INSTRUMENT)
    with pytest.raises(UnknownName, match="Did you mean 'entry_below'"):
        run_backtest(market, "ibs_baseline", {"entry_belo": 0.1}, COSTS, INSTRUMENT)
    with pytest.raises(InvalidSetting, match="entry_below"):
        run_backtest(market, "ibs_baseline", '{"entry_below": 7}', COSTS, INSTRUMENT)
    with pytest.raises(NotEnoughData, match="no bars"):
        run_backtest(market.window(0, 0), "ibs_baseline", None, COSTS, INSTRUMENT)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "adjustment"])
@pytest.mark.parametrize("price", [np.nan, np.inf])
def test_a_price_that_is_none_is_refused_and_named(name, price):
    market = bars([WEAK, MIDDLE, STRONG, MIDDLE])
    getattr(market, name)[2] = price
    with pytest.raises(BarsRejected, match=f"{name} .* 1 bar.*2019-04-14T02:00:00"):
        run_backtest(market, "ibs_baseline", None, COSTS, INSTRUMENT)
    with pytest.raises(BarsRejected, match=name):
        sweep(market, ["ibs_baseline"], COSTS, INSTRUMENT)
