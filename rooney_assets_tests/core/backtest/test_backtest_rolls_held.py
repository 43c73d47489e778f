"""A position held over a roll, worked out by hand: two contracts, four fills, no profit in the gap.

INSTRUMENT: 50 USD a point, 1.25 USD a fill, one tick of 0.25 slippage a fill.
"""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import INSTRUMENT, bars, signals

from rooney_core.backtest import CostModel
from rooney_core.backtest.accounts import books_of, net_profit_usd
from rooney_core.backtest.engine import trades_frame
from rooney_core.backtest.play import play
from rooney_core.backtest.reference import reference_trades

COSTS = CostModel.of(INSTRUMENT)
FILL_USD = 1.25 + 0.25 * 50

# The old contract trades around 100; from bar 3 on the next one, 8 higher (adjustment 8 -> 0).
OLD = [(100, 101, 99, 100), (100, 101, 99, 100), (101, 102, 100, 101)]
NEW = [(110, 112, 109, 111), (111, 113, 110, 112), (113, 114, 112, 113)]
ROLLED = bars([*OLD, *NEW], adjustment=[8.0] * 3 + [0.0] * 3)


def test_a_long_position_is_closed_in_the_old_and_opened_in_the_new_contract():
    trips = play(ROLLED, signals(6, long=(0,), leave=(4,)))
    trade = trades_frame(ROLLED, trips, COSTS, INSTRUMENT).row(0, named=True)
    # Old leg: bought at 100, sold at 110 - 8 = 102. New leg: bought at 110, sold at 113.
    assert trade["gross_profit_usd"] == (2 + 3) * 50
    assert trade["net_profit_usd"] == (2 + 3) * 50 - 4 * FILL_USD
    assert (trade["entry_price"], trade["exit_price"]) == (100.25, 112.75)
    assert (trade["rolls"], trade["exit_reason"], trade["n_bars"]) == (1, "SIGNAL", 4)
    assert trade["return"] == pytest.approx(trade["net_profit_usd"] / (100.25 * 50))
    books = books_of(ROLLED, COSTS, INSTRUMENT)
    assert net_profit_usd(trips, books).tolist() == [trade["net_profit_usd"]]


def test_a_short_position_loses_what_the_long_one_wins():
    trips = play(ROLLED, signals(6, short=(0,), leave=(4,)))
    trade = trades_frame(ROLLED, trips, COSTS, INSTRUMENT).row(0, named=True)
    assert trade["gross_profit_usd"] == -(2 + 3) * 50
    assert trade["net_profit_usd"] == -(2 + 3) * 50 - 4 * FILL_USD


def test_a_stop_moves_with_the_contract():
    # Stop 4 below 100 is 96 in the old contract, 104 in the new one: 105 holds, 103.5 does not.
    later = [(110, 112, 105, 111), (111, 113, 103.5, 112), (113, 114, 112, 113)]
    market = bars([*OLD, *later], adjustment=[8.0] * 3 + [0.0] * 3)
    chosen = signals(6, long=(0,), stop=4.0)
    trips = play(market, chosen)
    assert (trips.exit_index.tolist(), trips.exit_price.tolist()) == ([4], [104.0])
    assert trades_frame(market, trips, COSTS, INSTRUMENT)["gross_profit_usd"].to_list() == [-200.0]
    assert reference_trades(market, chosen)[0].exit_price == 104.0


def test_an_exit_at_the_roll_leaves_the_old_contract_and_opens_no_other():
    trips = play(ROLLED, signals(6, long=(0,), leave=(2,)))
    trade = trades_frame(ROLLED, trips, COSTS, INSTRUMENT).row(0, named=True)
    assert (trade["exit_price"], trade["rolls"]) == (102 - 0.25, 0)
    assert trade["net_profit_usd"] == 2 * 50 - 2 * FILL_USD


def test_an_entry_at_the_roll_is_of_the_new_contract_only():
    trips = play(ROLLED, signals(6, long=(2,), leave=(4,)))
    trade = trades_frame(ROLLED, trips, COSTS, INSTRUMENT).row(0, named=True)
    assert (trade["entry_price"], trade["rolls"]) == (110.25, 0)
    assert trade["net_profit_usd"] == 3 * 50 - 2 * FILL_USD


def test_two_rolls_cost_four_more_fills():
    # Gaps +8 and -3: the third contract opens at 108, which is 111 of the second.
    third = [(108, 110, 107, 109), (109, 110, 108, 109), (112, 113, 111, 112)]
    market = bars([*OLD, NEW[0], *third], adjustment=[5.0] * 3 + [-3.0] + [0.0] * 3)
    trips = play(market, signals(7, long=(0,), leave=(5,)))
    trade = trades_frame(market, trips, COSTS, INSTRUMENT).row(0, named=True)
    # 100 -> 102, 110 -> 111, 108 -> 112.
    assert trade["gross_profit_usd"] == (2 + 1 + 4) * 50
    assert trade["net_profit_usd"] == (2 + 1 + 4) * 50 - 6 * FILL_USD
    assert (trips.rolls.tolist(), trips.roll_gap.tolist()) == ([2], [5.0])


def test_a_late_close_after_a_roll_is_priced_in_the_contract_held():
    # Held into the second contract, then found open in a session of the third.
    market = bars(
        [*OLD, NEW[0], (120, 121, 119, 120)],
        hours=[0, 1, 2, 3, 24],
        sessions=[0, 0, 0, 0, 1],
        adjustment=[12.0] * 3 + [4.0] + [0.0],
    )
    trips = play(market, signals(5, long=(0,)))
    trade = trades_frame(market, trips, COSTS, INSTRUMENT).row(0, named=True)
    # 100 -> 102 in the first; 110 -> 120 - 4 = 116 in the second; the third is never held.
    assert (trade["exit_reason"], trade["exit_price"], trade["rolls"]) == ("FLAT_LATE", 115.75, 1)
    assert trade["net_profit_usd"] == (2 + 6) * 50 - 4 * FILL_USD


def test_without_a_roll_held_nothing_changes():
    side, entry, leave = np.array([1, -1], np.int8), np.array([100.1, 7.3]), np.array([99.7, 7.1])
    plain = side * (leave - entry) * 50 - 2.0 * 0.25 * 50 - 2.0 * 1.25
    assert COSTS.net_profit_usd(side, entry, leave, INSTRUMENT).tolist() == plain.tolist()
