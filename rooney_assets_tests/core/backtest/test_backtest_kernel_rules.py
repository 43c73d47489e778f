"""Each rule of the kernel's docstring, on bars that a reader can check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import INSTRUMENT, bars, flat_bars, signals

from rooney_core.backtest import CostModel
from rooney_core.backtest.engine import trades_frame
from rooney_core.backtest.kernel import REASONS
from rooney_core.backtest.play import RoundTrips, play, trace


def only(trips: RoundTrips) -> tuple[int, int, int, float, float, str, int]:
    """(side, entry index, exit index, entry price, exit price, reason, bars held) of one trade."""
    assert len(trips.side) == 1
    return (
        int(trips.side[0]),
        int(trips.entry_index[0]),
        int(trips.exit_index[0]),
        float(trips.entry_price[0]),
        float(trips.exit_price[0]),
        trips.exit_reason[0],
        int(trips.n_bars[0]),
    )


def test_a_signal_fills_at_the_next_open_and_so_does_its_exit():
    trips = play(flat_bars(8), signals(8, long=(1,), leave=(4,)))
    assert only(trips) == (1, 2, 5, 102.0, 105.0, "SIGNAL", 3)
    assert trips.signal_index.tolist() == [1]


def test_max_bars_counts_the_entry_bar():
    assert only(play(flat_bars(8), signals(8, short=(1,), max_bars=2))) == (
        -1, 2, 4, 102.0, 104.0, "TIME", 2,
    )  # fmt: skip


def test_an_exit_signal_names_the_reason_when_max_bars_is_reached_too():
    trips = play(flat_bars(8), signals(8, long=(1,), leave=(3,), max_bars=2))
    assert trips.exit_reason == ["SIGNAL"]


def test_a_signal_while_in_a_position_is_ignored_and_one_on_the_exit_bar_counts():
    trips = play(flat_bars(9), signals(9, long=(1, 2, 3, 4, 5), leave=(3, 7)))
    assert trips.signal_index.tolist() == [1, 4]
    assert trips.exit_index.tolist() == [4, 8]


def test_a_trade_that_is_open_at_the_end_is_left_out():
    assert len(play(flat_bars(5), signals(5, long=(1,))).side) == 0


@pytest.mark.parametrize(
    ("side", "bar", "price"),
    [
        ("long", (101.5, 102, 100, 101), 100.0),
        ("long", (101.5, 102, 99, 100), 100.0),
        ("long", (98.5, 99, 98, 98.5), 98.5),
        ("short", (103, 104, 102, 103), 104.0),
        ("short", (103, 106, 102, 105), 104.0),
        ("short", (105.5, 106, 105, 105), 105.5),
    ],
)
def test_a_stop_fills_at_its_level_or_at_the_open_beyond_it(side, bar, price):
    quiet = (102.0, 102.5, 101.5, 102.0)
    market = bars([quiet, quiet, quiet, bar, quiet])
    trips = play(market, signals(5, **{side: (1,)}, stop=2.0, leave=(3,)))
    assert only(trips)[2:] == (3, 102.0, price, "STOP", 2)


def test_a_stop_can_be_hit_in_the_entry_bar_and_that_bar_orders_nothing_else():
    market = bars([(102, 103, 101, 102), (102, 103, 99, 102), (102, 103, 101, 102)] * 2)
    trips = play(market, signals(6, long=(0, 1, 2), stop=2.0, leave=(4,)))
    assert (trips.entry_index[0], trips.exit_index[0], trips.exit_price[0]) == (1, 1, 100.0)
    assert trips.signal_index.tolist() == [0, 2]


@pytest.mark.parametrize("stop", [np.nan, 0.0, -1.0])
def test_a_stop_distance_that_is_not_positive_is_no_stop(stop):
    market = bars([(100, 101, 99, 100), (100, 101, 10, 100), (100, 101, 99, 100)] * 2)
    trips = play(market, signals(6, long=(0,), stop=stop, leave=(2,)))
    assert trips.exit_reason == ["SIGNAL"]


def test_the_flat_deadline_closes_at_the_close_of_the_last_bar_that_ends_before_it():
    # Bars 0..9, deadline 05:00: bar 4 ends at it, bar 5 would end after it.
    trips = play(flat_bars(10, deadline_hour=5), signals(10, long=(1, 4, 5, 6, 7)))
    assert only(trips) == (1, 2, 4, 102.0, 104.5, "FLAT_TIME", 3)


def test_a_deadline_within_a_bar_is_met_one_bar_earlier():
    trips = play(flat_bars(10, deadline_hour=5.5), signals(10, long=(1,)))
    assert only(trips)[2:] == (4, 102.0, 104.5, "FLAT_TIME", 3)


def test_the_last_entry_leaves_room_for_one_bar():
    assert len(play(flat_bars(10, deadline_hour=5), signals(10, long=(4,))).side) == 0
    trips = play(flat_bars(10, deadline_hour=5), signals(10, long=(3,)))
    assert only(trips) == (1, 4, 4, 104.0, 104.5, "FLAT_TIME", 1)


def test_an_entry_without_a_bar_of_its_session_lapses_and_its_bar_orders_nothing():
    market = flat_bars(6, hours=[0, 1, 24, 25, 26, 27], sessions=[0, 0, 1, 1, 1, 1])
    chosen = signals(6, long=(1, 2, 3), leave=(4,))
    assert play(market, chosen).signal_index.tolist() == [3]
    assert trace(market, chosen).lapsed.tolist() == [0, 0, 1, 0, 0, 0]


def test_an_entry_into_a_bar_without_volume_lapses():
    market = flat_bars(6, volume=[10, 10, 0, 10, 10, 10])
    assert len(play(market, signals(6, long=(1,), leave=(3,))).side) == 0


def test_an_exit_waits_for_volume():
    market = flat_bars(7, volume=[10, 10, 10, 10, 0, 10, 10])
    assert only(play(market, signals(7, long=(1,), leave=(3,))))[2:] == (
        5, 102.0, 105.0, "SIGNAL", 3,
    )  # fmt: skip


def test_a_stop_is_not_touched_without_volume():
    prices = [(100, 101, 99, 100)] * 3 + [(100, 101, 10, 100)] + [(100, 101, 99, 100)] * 3
    market = bars(prices, volume=[10, 10, 10, 0, 10, 10, 10])
    trips = play(market, signals(7, long=(1,), stop=2.0, leave=(4,)))
    assert trips.exit_reason == ["SIGNAL"]


def test_missing_bars_before_the_deadline_close_late_at_the_next_open():
    late_in_session = flat_bars(4, hours=[0, 1, 2, 7], deadline_hour=5)
    assert only(play(late_in_session, signals(4, long=(0,))))[2:] == (
        3, 101.0, 103.0, "FLAT_LATE", 2,
    )  # fmt: skip
    next_session = flat_bars(4, hours=[0, 1, 24, 25], sessions=[0, 0, 1, 1])
    assert only(play(next_session, signals(4, long=(0, 2), leave=(3,))))[2:] == (
        2, 101.0, 102.0, "FLAT_LATE", 1,
    )  # fmt: skip


def test_a_late_close_across_a_roll_is_priced_in_the_contract_held():
    # The new contract trades 8 higher: its open of 110 is 102 of the old one.
    market = bars(
        [(100, 101, 99, 100), (100, 101, 99, 100), (110, 111, 109, 110), (110, 111, 109, 110)],
        hours=[0, 1, 24, 25],
        sessions=[0, 0, 1, 1],
        adjustment=[8.0, 8.0, 0.0, 0.0],
    )
    assert only(play(market, signals(4, long=(0,))))[3:6] == (100.0, 102.0, "FLAT_LATE")


def test_the_clock_finds_nobody_without_volume_and_the_next_open_with_some_closes_late():
    # Deadline 05:00: bar 4 would be the last, and neither it nor the next two trade.
    market = flat_bars(9, volume=[1, 1, 1, 1, 0, 0, 0, 1, 1], deadline_hour=5)
    chosen = signals(9, long=(1, 4, 5, 7), leave=(6,))
    assert only(play(market, chosen)) == (1, 2, 7, 102.0, 107.0, "FLAT_LATE", 5)
    events = trace(market, chosen)
    ordered = [REASONS[one] for one in events.exit_ordered]
    assert ordered == [None] * 4 + ["FLAT_TIME"] + [None] * 4
    assert events.exit_pending.astype(bool).tolist() == [False] * 4 + [True] * 3 + [False] * 2
    # An exit by the rule that waits for volume is as late.
    assert play(market, signals(9, long=(1,), leave=(3,))).exit_reason == ["FLAT_LATE"]


def test_a_late_close_waits_for_volume():
    market = flat_bars(
        5, hours=[0, 1, 24, 25, 26], sessions=[0, 0, 1, 1, 1], volume=[1, 1, 0, 1, 1]
    )
    assert only(play(market, signals(5, long=(0,))))[2:] == (3, 101.0, 103.0, "FLAT_LATE", 2)
    events = trace(market, signals(5, long=(0,)))
    assert [REASONS[one] for one in events.exit_ordered] == [None, None, "FLAT_LATE", None, None]


def test_a_roll_waits_for_volume():
    # The next contract trades 8 higher from bar 2 on, and only bar 3 has a trade in it.
    prices = [(100, 101, 99, 100)] * 2 + [(108, 109, 107, 108)] + [(110, 112, 109, 111)] * 2
    told = {"adjustment": [8.0, 8.0, 0.0, 0.0, 0.0], "volume": [1, 1, 0, 1, 1]}
    market = bars(prices, **told)
    trips = play(market, signals(5, long=(0,), leave=(3,)))
    assert (trips.rolls.tolist(), trips.roll_gap.tolist()) == ([1], [8.0])
    # Its two fills cost what the clock of bar 3 says: 22:00 in Chicago, three ticks each.
    by_hour = tuple(3.0 if hour == 22 else 0.0 for hour in range(24))
    costs = CostModel(commission_per_contract_usd=0, slippage_ticks=1, slippage_by_hour=by_hour)
    trade = trades_frame(market, trips, costs, INSTRUMENT).row(0, named=True)
    # 100 -> 110 - 8 in the old contract, 110 -> 110 in the new one.
    assert trade["gross_profit_usd"] == 2 * 50
    assert trade["net_profit_usd"] == 2 * 50 - 2 * 3 * 0.25 * 50
    # Left at that open instead, it never saw the new contract.
    left = play(market, signals(5, long=(0,), leave=(1,)))
    assert (left.exit_index.tolist(), left.exit_price.tolist()) == ([3], [102.0])
    assert left.rolls.tolist() == [0]
