"""What a window's prices are levelled on: no roll after it may leave a bit in the results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made import INSTRUMENT, bars

from rooney_core.backtest import CostModel, run_backtest, sweep_all
from rooney_core.backtest.anchor import anchored
from rooney_core.backtest.why_not import Inquiry
from rooney_core.strategies import VARIANTS

COSTS = CostModel.of(INSTRUMENT)
# Gaps of rolls after the window, in cents: no float64 holds them.
LATER = (1.37, -12.34, 200.01)
ASKED = range(2400, 2700)


@pytest.fixture(scope="module")
def market():
    """300 sessions in cents, near each other so that many prices tie, rolled every 60 sessions."""
    rng = np.random.default_rng(11)
    n = 300 * 12
    cents = 5000 + rng.integers(-9, 10, n) + rng.integers(-1, 2, n).cumsum()
    close, opening = cents / 100, np.concatenate(([5000], cents[:-1])) / 100
    high = (np.maximum(cents, opening * 100) + rng.integers(0, 4, n)).round() / 100
    low = (np.minimum(cents, opening * 100) - rng.integers(0, 4, n)).round() / 100
    day, hour = np.divmod(np.arange(n), 12)
    gaps = np.array([0.37, -0.21, 0.83, 0.11, 0.0])
    return bars(
        list(zip(opening, high, low, close, strict=True)),
        hours=(day * 24 + hour).tolist(),
        sessions=day.tolist(),
        adjustment=(gaps[::-1].cumsum()[::-1][day // 60]).round(2).tolist(),
        deadline_hour=10,
    )


def moved(market, by):
    return replace(market, adjustment=market.adjustment + by)


@pytest.mark.parametrize("later", LATER)
def test_a_later_roll_leaves_no_bit_in_a_sweep(market, later):
    alone = sweep_all(market, VARIANTS, COSTS, INSTRUMENT)
    followed = sweep_all(moved(market, later), VARIANTS, COSTS, INSTRUMENT)
    assert followed.results.equals(alone.results)
    assert followed.returns.tobytes() == alone.returns.tobytes()
    assert (alone.results["n_trades"] > 0).mean() > 0.5


@pytest.mark.parametrize("name", ["meanrev_williams", "meanrev_falling_closes", "ibs_filtered"])
def test_nor_in_a_single_backtest_with_history(market, name):
    results = [
        run_backtest(one, name, None, COSTS, INSTRUMENT, first=1200)
        for one in (market, *(moved(market, later) for later in LATER))
    ]
    for other in results[1:]:
        assert other.trades.equals(results[0].trades)
        assert other.equity.equals(results[0].equity)


@pytest.mark.parametrize("name", ["meanrev_williams", "ibs_filtered"])
def test_nor_in_the_answers_why_not(market, name):
    told, *others = [
        Inquiry.of(one, name, None, INSTRUMENT)
        for one in (market, *(moved(market, later) for later in LATER))
    ]
    assert (told.events.entered > 0).any()
    for other in others:
        assert np.array_equal(other.events.entered, told.events.entered)
        for mine, theirs in zip(told.entries, other.entries, strict=True):
            for one, same in zip(mine.conditions, theirs.conditions, strict=True):
                assert np.array_equal(same.holds, one.holds)
        assert [other.why_not(bar) for bar in ASKED] == [told.why_not(bar) for bar in ASKED]


def test_the_last_contract_keeps_its_prices_and_gaps_stay_gaps(market):
    found = anchored(moved(market, 12.34)).adjustment
    assert found[-1] == 0.0
    # Written out: the sums of the later gaps, 0.37 - 0.21 + 0.83 + 0.11 down to none.
    assert found[::720].tolist() == [1.1, 0.73, 0.94, 0.11, 0.0]
    assert anchored(market) is market
    assert len(anchored(market.window(0, 0))) == 0


@pytest.mark.parametrize("later", [*LATER, 2345.67])
@pytest.mark.parametrize("name", ["ibs_daily", "meanrev_williams"])
def test_a_roll_behind_the_window_moves_no_bit_of_a_trade_that_rolled(market, name, later):
    """What live knows at the window's end, against bars that go on in the next contract: the
    features of prior trades are made of these returns."""
    window = len(market) - 24
    adjustment = np.round(market.adjustment + later, 9)
    adjustment[window:] = 0.0
    longer = replace(market, adjustment=adjustment)
    on_the_day = replace(market, adjustment=np.round(market.adjustment, 9)).window(0, window)
    before, after = (
        run_backtest(one, name, None, COSTS, INSTRUMENT).trades for one in (on_the_day, longer)
    )
    ended = ("exit_index", "entry_price", "exit_price", "net_profit_usd", "return")
    assert after.head(before.height).select(ended).equals(before.select(ended))
    assert (before["entry_time"].dt.date() < before["exit_time"].dt.date()).any()
