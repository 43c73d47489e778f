"""Sessions as a daily rule sees them, and its opinions on bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from simulated_market import SYMBOLS, continuous, instrument, simulated_bars

from rooney_core.market.bars import BarArrays
from rooney_core.market.sessions import session_bars
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.session_view import SessionView

HOUR_US = 3_600_000_000
DAY = 16_230


def three_bars_a_session(prices, missing=()):
    """Sessions of three hourly bars; the second ends at the scheduled close, the third after it.

    `prices`: (open, high, low, close) of every bar; `missing`: positions of bars that are not
    there.
    """
    n = len(prices)
    open_price, high, low, close = np.array(prices, dtype=np.float64).T.copy()
    day = np.repeat(np.arange(DAY, DAY + n // 3), 3)
    start = day * 24 * HOUR_US + np.tile(np.array([13, 14, 15]) * HOUR_US, n // 3)
    closes = (day * 24 + 15) * HOUR_US
    kept = np.setdiff1d(np.arange(n), missing)
    columns = (start, start + HOUR_US, open_price, high, low, close, np.zeros(n), np.full(n, 5.0))
    times = (day.astype(np.int32), closes, closes - 2 * HOUR_US, closes)
    return BarArrays(*(one[kept] for one in (*columns, *times)))


RISING = [(10 + i, 12 + i, 9 + i, 11 + i) for i in range(9)]


def test_a_session_is_what_was_known_at_its_decision_bar():
    view = SessionView.of(three_bars_a_session(RISING))
    # The first session may be cut; bars 5 and 8 trade after the scheduled close.
    assert view.session.tolist() == [DAY + 1, DAY + 2]
    assert view.decision.tolist() == [4, 7]
    assert view.open.tolist() == [13, 16]
    assert view.high.tolist() == [16, 19]
    assert view.low.tolist() == [12, 15]
    assert view.close.tolist() == [15, 18]
    assert view.volume.tolist() == [10, 10]
    assert view.before.tolist() == [-1, -1, -1, -1, -1, -1, 0, 0, 0]
    assert view.first_bar.tolist() == [0, 0, 0, 3, 3, 3, 6, 6, 6]
    known = view.of_session_before(view.close)
    assert known[6:].tolist() == [15, 15, 15]
    assert np.isnan(known[:6]).all()


def test_a_session_whose_scheduled_close_has_no_bar_decides_late_or_never():
    view = SessionView.of(three_bars_a_session(RISING, missing=[4, 7, 8]))
    assert view.decision.tolist() == [4, -1]
    assert view.close.tolist() == [16, 17]
    assert view.spread_prices(view.close, 6)[4] == 16
    assert np.isnan(view.spread_prices(view.close, 6)).sum() == 5


def test_sessions_agree_with_the_session_bars_of_the_lake():
    frame = session_bars(continuous(SYMBOLS[0]), instrument())[1:]
    view = SessionView.of(simulated_bars())
    assert np.array_equal(view.session, frame["session"].to_physical())
    for name in ("open", "high", "low", "close"):
        assert np.array_equal(getattr(view, name), frame[name] + frame["adjustment"])
    for name in ("high", "low", "close"):
        assert np.array_equal(getattr(view, f"raw_{name}"), frame[name])
    assert np.array_equal(view.volume, frame["volume"])
    ends = simulated_bars().bar_end_us[view.decision]
    assert np.array_equal(ends, frame["bar_end"].dt.timestamp("us"))


def test_what_one_session_is_made_of_knows_no_later_roll():
    # Thirds of a point add with rounding, which only what subtracts adjusted closes may notice.
    bars = simulated_bars()
    before = Prices(bars, instrument()).daily
    after = Prices(replace(bars, adjustment=bars.adjustment + 100 / 3), instrument()).daily
    assert not np.array_equal(before.close, after.close)
    assert np.array_equal(before.ibs, after.ibs)
    assert np.array_equal(before.spread, after.spread)
    assert np.array_equal(before.raw_close, after.raw_close)
    assert after.change[1:] == pytest.approx(before.change[1:], abs=1e-12)


def test_a_price_that_is_not_positive_divides_nothing():
    prices = [(2, 3, 1, 2)] * 3 + [(2, 3, 1, 2)] * 3 + [(-1, 0, -3, -2)] * 3 + [(2, 3, 1, 2)] * 3
    daily = Prices(three_bars_a_session(prices), instrument()).daily
    assert np.array_equal(daily.raw_close, [2, np.nan, 2], equal_nan=True)
    assert np.array_equal(daily.change, [np.nan, -2, np.nan], equal_nan=True)


def test_an_earlier_value_is_unknown_at_first():
    values = np.array([1.0, 2.0, 3.0])
    assert np.array_equal(earlier(values), [np.nan, 1, 2], equal_nan=True)
    assert np.array_equal(earlier(values, 0), values)
    assert np.isnan(earlier(values, 5)).all()
    assert earlier(values[:0]).shape == (0,)


def test_opinions_go_onto_decision_bars():
    prices = Prices(three_bars_a_session(RISING), instrument())
    signals = daily_signals(
        prices,
        enter=np.array([-1, 1], np.int8),
        leave=np.array([True, False]),
        max_bars=4,
        stop_distance=np.array([0.5, np.nan]),
    )
    assert signals.entry.tolist() == [0, 0, 0, 0, -1, 0, 0, 1, 0]
    assert np.flatnonzero(signals.exit).tolist() == [4]
    assert np.flatnonzero(signals.decides).tolist() == [4, 7]
    assert signals.stop_distance[4] == 0.5
    assert np.isnan(np.delete(signals.stop_distance, 4)).all()
    assert signals.target_distance is None
    assert (signals.overnight, signals.order, signals.max_bars) == (True, "market", 4)
    short = daily_signals(
        prices, enter=np.array([True, False]), leave=np.zeros(2, np.bool_), max_bars=1, side=-1
    )
    assert short.entry.tolist() == [0, 0, 0, 0, -1, 0, 0, 0, 0]


@pytest.mark.parametrize("n_bars", [0, 1, 3])
def test_no_finished_session_is_no_opinion(n_bars):
    bars = three_bars_a_session(RISING).window(0, n_bars)
    prices = Prices(bars, instrument())
    none = np.empty(0, np.bool_)
    assert len(prices.sessions) == 0
    assert not daily_signals(prices, enter=none, leave=none, max_bars=1).entry.any()


def test_a_contract_that_changes_during_a_session_moves_the_bars_before_onto_its_prices():
    # In the second session the new contract, 100 dearer, is delivered from its second bar on: the
    # first bar traded at 13 to 16 in the old one's prices, 113 to 116 in the new one's.
    dearer = [tuple(100.0 + one for one in prices) for prices in RISING]
    bars = three_bars_a_session([*RISING[:4], *dearer[4:]])
    bars = replace(bars, adjustment=np.array([100.0] * 4 + [0.0] * 5))
    view = SessionView.of(bars)
    assert view.open.tolist() == [113, 116]
    assert view.high.tolist() == [116, 119]
    assert view.low.tolist() == [112, 115]
    assert view.close.tolist() == [115, 118]
    assert view.raw_high.tolist() == [116, 119], "of the old contract it would be 16"
    assert view.raw_low.tolist() == [112, 115], "12 is of the old contract"
    assert view.raw_close.tolist() == [115, 118]
    assert Prices(bars, instrument()).daily.ibs.tolist() == [0.75, 0.75]


def test_a_contract_that_changes_after_the_decision_changes_nothing_of_the_session():
    dearer = [tuple(100.0 + one for one in prices) for prices in RISING]
    bars = three_bars_a_session([*RISING[:5], *dearer[5:]])
    bars = replace(bars, adjustment=np.array([100.0] * 5 + [0.0] * 4))
    view = SessionView.of(bars)
    assert view.raw_high.tolist() == [16, 119]
    assert view.raw_low.tolist() == [12, 115]
    assert view.raw_close.tolist() == [15, 118]
    assert view.high.tolist() == [116, 119]


def test_a_chain_that_changes_within_sessions_has_the_same_session_bars_as_the_lake():
    frame = continuous(SYMBOLS[0])[:20_000]
    moved = pl.Series(np.where(np.arange(len(frame)) < 9_007, 25.25, 0.0))
    chain = frame.with_columns(
        *(pl.col(name) - moved for name in ("open", "high", "low", "close")),
        pl.col("adjustment") + moved,
    )
    view = SessionView.of(BarArrays.from_frame(chain, instrument()))
    expected = session_bars(chain, instrument())[1:]
    assert (chain["session"][9_006] == chain["session"][9_007]) is True
    for name in ("high", "low", "close"):
        assert getattr(view, f"raw_{name}") == pytest.approx(expected[name].to_numpy(), abs=1e-9)
    before = SessionView.of(BarArrays.from_frame(frame, instrument()))
    for name in ("open", "high", "low", "close"):
        assert getattr(view, name) == pytest.approx(getattr(before, name), abs=1e-9)
