"""A trade's profit by session: it adds up, and all trades together are the backtest's days."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from test_labeling_training_set import INSTRUMENT, MARKET, SPLITS

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import NO_FEEDS
from rooney_core.labeling import build_training_set
from rooney_core.labeling.held_days import held_days
from rooney_core.market.bars import BarArrays
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import simulate_bars
from rooney_core.modeling.taken import daily_results
from rooney_core.strategies.peers import NO_PEERS, PeerSessions

COSTS = CostModel(
    commission_per_contract_usd=1.25,
    slippage_ticks=0.5,
    slippage_by_hour=tuple(1.0 + hour % 3 for hour in range(24)),
)
# Nights; months with rolls; a stop and a target within the day; stop orders; against a partner.
VARIANTS = {
    "ibs_daily": {},
    "trend_sma_fast": {},
    "gap_down_fade": {},
    "breakout_volatility": {},
    "ibs_baseline": {},
    "spread_index_pair": {"window_sessions": 20, "enter_beyond": 1.0},
}


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    raw = simulate_bars(INSTRUMENT, MARKET)
    return stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT)


def setting(name, frame):
    """Instrument and peers: the partner is another draw of the same market."""
    if not name.startswith("spread"):
        return INSTRUMENT, NO_PEERS
    other = INSTRUMENT.model_copy(update={"symbol": "SIM_U"})
    raw = simulate_bars(other, MARKET)
    sessions = session_bars(stitch(raw, find_rolls(raw, other), other), other)
    own = INSTRUMENT.model_copy(update={"partner": "SIM_U"})
    return own, {"SIM_U": PeerSessions.from_session_bars(sessions)}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_sessions_of_all_trades_are_those_of_the_backtest(name, frame):
    instrument, peers = setting(name, frame)
    bars = BarArrays.from_frame(frame, instrument)
    result = run_backtest(bars, name, VARIANTS[name], COSTS, instrument, peers)
    held = result.trades.hstack(held_days(result.trades, bars, COSTS, instrument))
    assert held.height > 1
    sums = held.select(
        earned=pl.col("held_pnl_usd").list.sum(), returned=pl.col("held_return").list.sum()
    )
    np.testing.assert_allclose(sums["earned"], held["net_profit_usd"], atol=1e-8)
    np.testing.assert_allclose(sums["returned"], held["return"], atol=1e-12)
    days = result.daily_returns["session"]
    daily = daily_results(held, days)
    assert daily["session"].to_list() == days.to_list()
    np.testing.assert_allclose(
        daily["daily_pnl_usd"], result.daily_returns["daily_pnl_usd"], atol=1e-8
    )


def test_overnight_trades_that_rolled_are_among_them(frame):
    bars = BarArrays.from_frame(frame, INSTRUMENT)
    trades = run_backtest(bars, "ibs_daily", {}, COSTS, INSTRUMENT).trades
    assert trades["rolls"].sum() > 0
    held = held_days(trades, bars, COSTS, INSTRUMENT)
    assert held["held_sessions"].list.len().max() > 3


def test_a_day_trade_has_one_session_and_its_very_profit(frame):
    bars = BarArrays.from_frame(frame, INSTRUMENT)
    trades = run_backtest(bars, "ibs_baseline", None, COSTS, INSTRUMENT).trades
    held = held_days(trades, bars, COSTS, INSTRUMENT)
    assert held["held_pnl_usd"].to_list() == [[one] for one in trades["net_profit_usd"]]
    assert held["held_return"].to_list() == [[one] for one in trades["return"]]


def test_one_night_by_hand(frame):
    """Bought at an open, marked at the session's close, sold in the next session."""
    bars = BarArrays.from_frame(frame, INSTRUMENT)
    costs = CostModel(commission_per_contract_usd=2.0, slippage_ticks=1.0)
    trades = run_backtest(bars, "ibs_daily", None, costs, INSTRUMENT).trades
    held = trades.hstack(held_days(trades, bars, costs, INSTRUMENT))
    night = held.filter((pl.col("held_sessions").list.len() == 2) & (pl.col("rolls") == 0)).row(
        0, named=True
    )
    first = night["held_sessions"][0]
    (close,) = frame.filter(pl.col("session") == first)["close"].tail(1)
    # 50 USD a point; both fill prices hold their own slippage.
    by_hand = [
        night["side"] * (close - night["entry_price"]) * 50 - 2.0,
        night["side"] * (night["exit_price"] - close) * 50 - 2.0,
    ]
    assert night["held_pnl_usd"] == pytest.approx(by_hand)


def test_overnight_trades_in_the_training_set(frame):
    """Spans run from the signal to the exit, days later, and none crosses a boundary."""
    table = build_training_set(frame, "ibs_daily", {}, COSTS, INSTRUMENT, splits=SPLITS)
    days = (table["label_end"] - table["label_start"]).dt.total_days()
    assert days.max() >= 3
    edges = {"train": date(2012, 6, 30), "validation": date(2012, 9, 30), "test": date(2013, 1, 1)}
    for row in table.iter_rows(named=True):
        assert row["held_sessions"][-1] == row["exit_session"]
        assert row["label_end"].date() <= edges[row["split"]]
        assert row["held_sessions"] == sorted(set(row["held_sessions"]))
    ends = frame["bar_end"].implode()
    assert table["label_start"].is_in(ends).all()
    assert table["uniqueness_weight"].is_between(0, 1).all()


def test_a_variant_that_needs_peers_gets_them(frame):
    instrument, peers = setting("spread_index_pair", frame)
    with_peers, without = (
        build_training_set(
            frame,
            "spread_index_pair",
            VARIANTS["spread_index_pair"],
            COSTS,
            instrument,
            NO_FEEDS,
            SPLITS,
            known,
        )
        for known in (peers, NO_PEERS)
    )
    assert with_peers.height > 3
    assert without.height == 0
