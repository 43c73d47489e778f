"""Days of positions held overnight, against a walk through every bar of every trade."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made import INSTRUMENT, bars, signals

from rooney_core.backtest import CostModel
from rooney_core.backtest.accounts import books_of, daily_pnl_usd, net_profit_usd
from rooney_core.backtest.play import play

COSTS = CostModel.of(INSTRUMENT)
FILL_USD = 1.25 + 0.25 * 50


def slow_days(market, trips, costs):
    """P&L per session: from price to price of the contract held, fill by fill."""
    sessions = sorted(set(market.session.tolist()))
    pnl = dict.fromkeys(sessions, 0.0)
    ticks = costs.slippage_factors(market.bar_start_us)
    fill_usd = ticks * 0.25 * costs.slippage_ticks * 50 + costs.commission_per_contract_usd
    for i, side in enumerate(trips.side.tolist()):
        entered, left = int(trips.entry_index[i]), int(trips.exit_index[i])
        known, rolls = float(trips.entry_price[i]), 0
        pnl[market.session[entered]] -= fill_usd[entered]
        for bar in range(entered, left + 1):
            day = market.session[bar]
            gap = market.adjustment[bar - 1] - market.adjustment[bar] if bar > entered else 0.0
            if gap and rolls < trips.rolls[i]:
                rolls += 1
                known += gap
                pnl[day] -= 2 * fill_usd[bar]
            if bar == left:
                pnl[day] += side * (trips.exit_price[i] - known) * 50 - fill_usd[bar]
            elif market.session[bar + 1] != day:
                pnl[day] += side * (market.close[bar] - known) * 50
                known = market.close[bar]
    return [pnl[one] for one in sessions]


def random_market(seed, n_sessions=30, per=8):
    rng = np.random.default_rng(seed)
    n = n_sessions * per
    close = 400 + rng.integers(-6, 7, n).cumsum() * 0.25
    opening = close + rng.integers(-4, 5, n) * 0.25
    day, hour = np.divmod(np.arange(n), per)
    gap = np.where(rng.random(n) < 0.03, rng.integers(-9, 10, n), 0) * 0.25
    return bars(
        list(
            zip(
                opening,
                np.maximum(opening, close) + 0.5,
                np.minimum(opening, close) - 0.5,
                close,
                strict=True,
            )
        ),
        hours=(day * 24 + hour).tolist(),
        sessions=day.tolist(),
        adjustment=(gap.sum() - gap.cumsum()).tolist(),
    )


def held_long(market, seed, **more):
    rng = np.random.default_rng(seed)
    n = len(market)
    plain = signals(n, max_bars=int(rng.integers(2, 60)))
    return replace(
        plain,
        entry=rng.choice(np.array([-1, 0, 1], np.int8), n, p=[0.1, 0.8, 0.1]),
        exit=rng.random(n) < 0.02,
        stop_distance=np.where(rng.random(n) < 0.5, 6.0, np.nan),
        overnight=True,
        **more,
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("by_hour", [None, tuple(float(h % 3) for h in range(24))])
def test_each_session_earns_its_own_change_and_pays_its_own_fills(seed, by_hour):
    market, costs = random_market(seed), COSTS.model_copy(update={"slippage_by_hour": by_hour})
    trips, books = play(market, held_long(market, seed)), books_of(market, costs, INSTRUMENT)
    pnl = daily_pnl_usd(trips, books, marked=True)
    assert len(trips.side) > 2
    assert pnl.tolist() == pytest.approx(slow_days(market, trips, costs), abs=1e-6)
    assert pnl.sum() == pytest.approx(net_profit_usd(trips, books).sum(), abs=1e-6)


def test_three_sessions_by_hand():
    market = bars(
        [(100, 101, 99, 100), (102, 103, 101, 103), (105, 106, 104, 104), (107, 108, 106, 107)],
        hours=[0, 24, 48, 72],
        sessions=[0, 1, 2, 3],
    )
    chosen = replace(signals(4, long=(0,), leave=(2,)), overnight=True)
    trips, books = play(market, chosen), books_of(market, COSTS, INSTRUMENT)
    # Bought at 102 in the second session, worth 103, then 104, sold at 107 in the fourth.
    assert daily_pnl_usd(trips, books, marked=True).tolist() == [
        0.0,
        50.0 - FILL_USD,
        50.0,
        150.0 - FILL_USD,
    ]
    booked = daily_pnl_usd(trips, books, marked=False)
    assert booked.tolist() == [0.0, 0.0, 0.0, 250.0 - 2 * FILL_USD]


def test_a_trade_within_a_session_is_booked_alike_to_the_bit():
    market = random_market(3, per=20)
    chosen = replace(held_long(market, 5), overnight=False, max_bars=3)
    trips, books = play(market, chosen), books_of(market, COSTS, INSTRUMENT)
    within = market.session[trips.entry_index] == market.session[trips.exit_index]
    some = type(trips)(*(column[within] for column in trips))
    assert within.sum() > 5
    marked, booked = (daily_pnl_usd(some, books, marked=one) for one in (True, False))
    assert marked.tobytes() == booked.tobytes()
