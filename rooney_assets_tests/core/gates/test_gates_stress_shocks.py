"""Bars made worse: bars worked out by hand, and shocks that change nothing change no bit."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np

from rooney_core.backtest.kernel import STOP
from rooney_core.backtest.play import play
from rooney_core.gates.stress.shocks import arriving_late, moved, without
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

HOUR_US = 3_600_000_000
OPENS_US = int(datetime(2020, 3, 1, 23, tzinfo=UTC).timestamp() * 1e6)


def hand_made(prices: list[tuple[float, ...]], adjustment=None, sessions=None) -> BarArrays:
    """Hourly bars of (open, high, low, close), volume 10, no deadline in reach."""
    n = len(prices)
    start = OPENS_US + np.arange(n) * HOUR_US
    opened, high, low, close = (np.array(one, float) for one in zip(*prices, strict=True))
    far = np.full(n, OPENS_US + 1000 * HOUR_US)
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=opened,
        high=high,
        low=low,
        close=close,
        adjustment=np.array(adjustment or [0.0] * n),
        volume=np.full(n, 10.0),
        session=np.array(sessions or [18_323] * n, np.int32),
        flat_deadline_us=far,
        session_open_us=np.full(n, OPENS_US),
        session_close_us=far,
        exchange_hour=np.arange(n) % 24.0,
    )


FOUR = [(100, 101, 99, 100), (101, 103, 100, 102), (102, 102, 98, 99), (99, 100, 98, 100)]
NOTHING, AS_IT_IS = np.zeros(4), np.ones(4)


def prices_of(bars: BarArrays) -> list[tuple[float, ...]]:
    return list(zip(bars.open, bars.high, bars.low, bars.close, strict=True))


def test_a_shock_of_nothing_keeps_every_bit() -> None:
    bars = hand_made(FOUR, adjustment=[0.1, 0.1, 0.0, 0.0])
    same = moved(bars, AS_IT_IS, NOTHING)
    for one in fields(BarArrays):
        assert getattr(same, one.name).tobytes() == getattr(bars, one.name).tobytes()


def test_moves_are_doubled_from_the_close_before() -> None:
    bars = moved(hand_made(FOUR), np.array([1.0, 2.0, 1.0, 1.0]), NOTHING)
    # From 100: +1, +3, 0 and +2 become +2, +6, 0 and +4. Then as fractions of 104 in place of 102.
    assert prices_of(bars)[:2] == [(100, 101, 99, 100), (102, 106, 100, 104)]
    level = 104 / 102
    expected = (104 + 0 * level, 104 + 0 * level, 104 - 4 * level, 104 - 3 * level)
    np.testing.assert_allclose(prices_of(bars)[2], expected, rtol=1e-12)
    # From then on every fraction is the real one.
    real, shocked = hand_made(FOUR).close, bars.close
    np.testing.assert_allclose(shocked[3] / shocked[2], real[3] / real[2], rtol=1e-12)


def test_a_roll_is_no_move_and_keeps_its_gap() -> None:
    # Bar 1 is of a contract that is 10 dearer: close 100 to open 111 is a move of 1.
    prices = [(100, 100, 100, 100), (111, 112, 110, 111)]
    bars = moved(hand_made(prices, adjustment=[10.0, 0.0]), np.array([1.0, 3.0]), np.zeros(2))
    assert prices_of(bars)[1] == (113, 116, 110, 113)


def test_a_jump_moves_all_that_follows() -> None:
    bars = moved(hand_made(FOUR), AS_IT_IS, np.array([0.0, 0.0, -20.0, 0.0]))
    assert prices_of(bars)[:2] == FOUR[:2]
    # From 102 the third bar moves by 0, 0, -4 and -3, now from 82.
    assert prices_of(bars)[2] == (82, 82, 78, 79)


def test_prices_fall_through_zero_and_stay_finite() -> None:
    bars = moved(hand_made(FOUR), AS_IT_IS, np.array([0.0, -150.0, 0.0, 0.0]))
    assert bars.close[1] < 0.0
    assert np.isfinite(bars.close).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()


def test_a_gap_goes_through_a_stop_and_fills_at_the_open() -> None:
    """Long at 101 with a stop 3 below: touched at 98, unless the bar opens far beneath it."""
    signals = Signals(
        entry=np.array([1, 0, 0, 0], np.int8),
        exit=np.zeros(4, np.bool_),
        stop_distance=np.full(4, 3.0),
        max_bars=100,
    )
    bars = hand_made(FOUR)
    real = play(bars, signals)
    gapped = play(moved(bars, AS_IT_IS, np.array([0.0, 0.0, -20.0, 0.0])), signals)
    assert [(one.reason[0], one.exit_price[0]) for one in (real, gapped)] == [
        (STOP, 98.0),
        (STOP, 82.0),
    ]


def test_a_missing_bar_is_gone_from_every_column() -> None:
    bars = without(hand_made(FOUR), np.array([False, True, False, False]))
    assert prices_of(bars) == [FOUR[0], FOUR[2], FOUR[3]]
    assert ((bars.bar_start_us - OPENS_US) // HOUR_US).tolist() == [0, 2, 3]


def test_a_late_bar_arrives_with_the_next_one() -> None:
    bars = arriving_late(hand_made(FOUR), np.array([False, True, False, False]))
    assert prices_of(bars) == [FOUR[0], (101, 103, 98, 99), FOUR[3]]
    assert ((bars.bar_start_us - OPENS_US) // HOUR_US).tolist() == [0, 1, 3]
    assert ((bars.bar_end_us - OPENS_US) // HOUR_US).tolist() == [1, 3, 4]
    assert bars.volume.tolist() == [10, 20, 10]
    assert bars.exchange_hour.tolist() == [0, 1, 3]


def test_a_late_bar_waits_neither_for_another_session_nor_another_contract() -> None:
    late = np.array([False, True, False, True])
    for apart in (
        hand_made(FOUR, sessions=[1, 1, 2, 2]),
        hand_made(FOUR, adjustment=[5.0, 5.0, 0.0, 0.0]),
    ):
        assert prices_of(arriving_late(apart, late)) == FOUR
    # Of two late ones in a row, the first cannot join a bar that has not arrived.
    both = arriving_late(hand_made(FOUR), np.array([True, True, False, False]))
    assert prices_of(both) == [FOUR[0], (101, 103, 98, 99), FOUR[3]]


def test_the_bars_given_are_left_alone() -> None:
    bars = hand_made(FOUR)
    before = replace(bars, open=bars.open.copy(), close=bars.close.copy())
    moved(bars, np.full(4, 3.0), np.full(4, 5.0))
    arriving_late(bars, np.array([False, True, False, False]))
    assert bars.open.tobytes() == before.open.tobytes()
    assert bars.close.tobytes() == before.close.tobytes()
