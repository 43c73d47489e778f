"""Gaps faded, by hand and against plain loops on a simulated market."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import talib
from hand_made_sessions import hand_made, new_york_hour, read_sessions, some_sessions, weekdays
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.play import play
from rooney_core.strategies.gap import GAP_DOWN_FADE, GAP_UP_FADE

BOTH = pytest.mark.parametrize(("variant", "side"), [(GAP_DOWN_FADE, 1), (GAP_UP_FADE, -1)])
HOURS = (18, 19, *range(9), *range(9, 17))


@BOTH
def test_gaps_on_a_simulated_market(variant, side):
    bars = simulated_bars()
    params = variant.parse_params({"gap_above": 0.2, "stop_ranges": 0.5})
    given = variant.signals(bars, params, instrument())
    sessions = read_sessions(bars)
    n_gaps = 0
    for at in some_sessions(sessions, 150, 200):
        past = sessions[at - 140 : at]
        prices = [np.array([getattr(one, n) for one in past]) for n in ("high", "low", "close")]
        usual, left = talib.ATR(*prices, 14)[-1], past[-1].close
        for bar in sessions[at].bars:
            shift = bars.adjustment[bar]
            gap = side * (left - bars.open[bar] - shift)
            fades = new_york_hour(bars, bar) == 9 and gap > 0.2 * usual
            fades = fades and side * (left - bars.close[bar] - shift) > 0
            assert given.entry[bar] == (side if fades else 0)
            n_gaps += fades
            if fades:
                assert given.stop_distance[bar] == pytest.approx(0.5 * usual, rel=1e-12)
                assert given.target_level[bar] == pytest.approx(left, abs=1e-9)
    assert n_gaps > 20


@BOTH
def test_a_gap_is_traded_back_to_the_close_that_was_left(variant, side):
    def mirrored(open_, high, low, close):
        if side > 0:
            return open_, high, low, close
        return tuple(200.0 - one for one in (open_, low, high, close))

    quiet = {hour: mirrored(100, 101, 99, 100) for hour in HOURS}
    gap = {hour: mirrored(97, 97.5, 96.5, 97) for hour in HOURS} | {
        18: mirrored(100, 100, 97, 97),
        11: mirrored(97, 98, 97, 98),
        12: mirrored(98, 100.25, 98, 99),
    }
    days = weekdays(date(2023, 1, 2), 200)
    bars = hand_made(dict.fromkeys(days, quiet) | {days[-1]: gap}, adjustment=-3.5)
    trades = play(bars, variant.signals(bars, variant.default_params, instrument()))
    assert trades.side.tolist() == [side]
    assert trades.exit_reason == ["TARGET"]
    assert [new_york_hour(bars, at) for at in (trades.entry_index[0], trades.exit_index[0])] == [
        10,
        12,
    ]
    assert trades.entry_price.tolist() == [100 - 3 * side + 3.5]
    assert trades.exit_price.tolist() == [103.5]


def test_no_gap_no_trade_and_flat_before_the_deadline():
    bars = simulated_bars()
    for variant in (GAP_DOWN_FADE, GAP_UP_FADE):
        trades = play(bars, variant.signals(bars, variant.default_params, instrument()))
        assert {"TARGET", "STOP", "FLAT_TIME"} == set(trades.exit_reason)
        assert set(trades.side.tolist()) == set(variant.sides)
        deadlines = bars.flat_deadline_us
        assert (deadlines[trades.entry_index] == deadlines[trades.exit_index]).all()
        assert (bars.bar_end_us <= bars.flat_deadline_us)[trades.exit_index].all()
