"""The IBS rules against their definitions in plain Python, and on sessions made by hand."""

from __future__ import annotations

import random
import statistics

import numpy as np
import pytest
from plain_sessions import agrees, at, average_range, col, ibs, mean_close, rsi, some_params
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.play import play
from rooney_core.errors import InvalidSetting
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.prices import Prices

HOUR_US = 3_600_000_000
MONDAY = 16_230  # 2014-06-09


def spread(i):
    return at("raw_high", i) - at("raw_low", i)


def volatility_rank(i):
    now, *before = (average_range(i - n, 14) / at("raw_close", i - n) for n in range(253))
    return statistics.fmean(one < now for one in before)


def above_prior_high(i, p):
    return at("close", i) > at("high", i - 1)


def strong(i, p):
    return ibs(i) > p.exit_above


def weak(i, p):
    return ibs(i) < p.entry_below


def in_band(i, p):
    usual = statistics.fmean(spread(i - n) for n in range(25))
    low = max(col("high", i, 10)) - p.band_ranges * usual
    return weak(i, p) and at("close", i) < low and at("close", i) > mean_close(i, 200)


RULES = {
    "ibs_daily": (weak, strong),
    "ibs_wide_range": (
        lambda i, p: weak(i, p) and spread(i) > p.range_above * average_range(i - 1, 14),
        strong,
    ),
    "ibs_high_volatility": (
        lambda i, p: weak(i, p) and volatility_rank(i) >= p.volatility_rank,
        strong,
    ),
    "ibs_prior_high_exit": (weak, above_prior_high),
    "ibs_rsi_confluence": (
        lambda i, p: weak(i, p) and rsi(i, p.rsi_sessions) < p.rsi_below,
        strong,
    ),
    "ibs_two_day_mean": (
        lambda i, p: (ibs(i) + ibs(i - 1)) / 2 < p.entry_below,
        lambda i, p: (ibs(i) + ibs(i - 1)) / 2 > p.exit_above,
    ),
    "ibs_early_week": (lambda i, p: weak(i, p) and at("weekday", i) in (1, 2), strong),
    "ibs_short_bear": (
        lambda i, p: ibs(i) > p.entry_above and at("close", i) < mean_close(i, p.trend_sessions),
        lambda i, p: ibs(i) < p.exit_below,
    ),
    "ibs_band": (in_band, above_prior_high),
}


@pytest.mark.parametrize("name", RULES)
def test_a_daily_rule_says_what_its_definition_says(name):
    enter, leave = RULES[name]
    assert sum(agrees(name, params, enter, leave) for params in some_params(name)) > 20


class HourlyBars:
    """The three hourly rules, said slowly, at bar t of the simulated market."""

    def __init__(self):
        bars = simulated_bars()
        self.high, self.low = bars.high.tolist(), bars.low.tolist()
        self.raw = bars.close.tolist()
        self.shift = bars.adjustment.tolist()
        self.close = [a + b for a, b in zip(self.raw, self.shift, strict=True)]

    def ibs(self, t):
        spread = self.high[t] - self.low[t]
        return (self.raw[t] - self.low[t]) / spread if spread else 0.5

    def mean_range(self, t, n):
        return statistics.fmean(
            max(self.high[b] + self.shift[b], self.close[b - 1])
            - min(self.low[b] + self.shift[b], self.close[b - 1])
            for b in range(t - n + 1, t + 1)
        )

    def ibs_baseline(self, t, p):
        return self.ibs(t) < p.entry_below, self.ibs(t) > p.exit_above, None

    def ibs_filtered(self, t, p):
        n = p.trend_bars
        rising = self.close[t] > statistics.fmean(self.close[t - n + 1 : t + 1])
        wide = self.high[t] - self.low[t] > p.range_above * self.mean_range(t, n)
        return self.ibs(t) < p.entry_below and rising and wide, self.ibs(t) > p.exit_above, None

    def ibs_adaptive_exit(self, t, p):
        recent, usual = (self.mean_range(t, n) for n in (p.range_bars, 5 * p.range_bars))
        level = p.exit_above + p.adaptation * (recent / usual - 1)
        leave = self.ibs(t) > min(max(level, 0.5), 0.95)
        return self.ibs(t) < p.entry_below, leave, p.stop_ranges * recent


@pytest.mark.parametrize("name", ["ibs_baseline", "ibs_filtered", "ibs_adaptive_exit"])
def test_an_hourly_rule_says_what_its_definition_says(name):
    hourly, rng = HourlyBars(), random.Random(name)
    for params in some_params(name):
        signals = VARIANTS[name].signals(simulated_bars(), params, instrument())
        entered = np.flatnonzero(signals.entry).tolist()
        for t in (*rng.sample(entered, 20), *rng.sample(range(300, len(signals)), 40)):
            enter, leave, stop = getattr(hourly, name)(t, params)
            assert (signals.entry[t], signals.exit[t]) == (enter, leave), (t, params)
            if stop is not None:
                assert signals.stop_distance[t] == pytest.approx(stop)
        assert signals.decides is None
        assert not signals.overnight


def test_every_rule_of_the_family_is_defined_here():
    hourly = {"ibs_baseline", "ibs_filtered", "ibs_adaptive_exit"}
    family = {one.name for one in VARIANTS.values() if one.family == "ibs"}
    assert set(RULES) | hourly == family


def by_hand(sessions):
    """Two bars a session from Monday 2014-06-09 on; sessions are (open, high, low, close).

    The first bar is still at the open; the second, the decision bar, has the rest.
    """
    bars = [bar for o, h, l, c in sessions for bar in ((o, o, o, o), (o, h, l, c))]  # noqa: E741
    n = len(sessions)
    prices = np.array(bars, dtype=np.float64).T.copy()
    day = np.repeat(np.arange(MONDAY, MONDAY + n), 2)
    start = day * 24 * HOUR_US + np.tile([14, 15], n) * HOUR_US
    close = day * 24 * HOUR_US + 16 * HOUR_US
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        adjustment=np.zeros(2 * n),
        volume=np.full(2 * n, 100.0),
        session=day.astype(np.int32),
        flat_deadline_us=close,
        session_open_us=close - 2 * HOUR_US,
        session_close_us=close,
    )


# Strengths 0.5 (dropped), 0.1, 0.9, 0.15, 0.05, 1.0; Monday to Saturday.
SESSIONS = [
    (100, 110, 90, 100),
    (100, 110, 90, 92),
    (92, 112, 92, 110),
    (110, 110, 90, 93),
    (93, 100, 80, 81),
    (81, 115, 81, 115),
]


@pytest.mark.parametrize(
    ("name", "enter", "leave"),
    [
        ("ibs_daily", [0, 1, 0, 1, 1, 0], [0, 0, 1, 0, 0, 1]),
        ("ibs_early_week", [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 1]),
        # Closes against the high before: 92 < (dropped), 110 = 110, 93 < 112, 81 < 110, 115 > 100.
        ("ibs_prior_high_exit", [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]),
        # Means of two: none, 0.5, 0.525, 0.1, 0.525.
        ("ibs_two_day_mean", [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]),
    ],
)
def test_sessions_made_by_hand(name, enter, leave):
    variant = VARIANTS[name]
    prices = Prices(by_hand(SESSIONS), instrument())
    signals = variant.rule(prices, variant.default_params)
    assert signals.decides.tolist() == [False, False] + 5 * [False, True]
    assert signals.entry[1::2].tolist() == enter
    assert signals.exit[1::2].tolist() == leave
    assert not signals.entry[::2].any()
    assert not signals.exit[::2].any()


def test_a_daily_entry_fills_at_the_next_sessions_first_bar_and_is_held_overnight():
    bars, variant = simulated_bars(), VARIANTS["ibs_daily"]
    params = variant.parse_params({"max_bars": 3})
    signals = variant.signals(bars, params, instrument())
    trips = play(bars, signals)
    assert len(trips.side) > 100
    assert np.array_equal(trips.entry_index, trips.signal_index + 1)
    assert (bars.session[trips.entry_index] > bars.session[trips.signal_index]).all()
    assert np.array_equal(trips.entry_price, bars.open[trips.entry_index])
    decisions = np.cumsum(signals.decides)
    held = decisions[trips.exit_index - 1] - decisions[trips.entry_index - 1]
    assert held.max() == 3
    assert held.min() == 1


def test_sharing_entries_changes_nothing():
    # Configurations of one sweep share arrays; clearing the early bars of one must not clear them
    # in the others.
    bars = simulated_bars().window(0, 3000)
    for name in ("ibs_filtered", "ibs_adaptive_exit"):
        variant, prices = VARIANTS[name], Prices(bars, instrument())
        for params in (*variant.grid()[::40], *variant.grid()[::-40]):
            shared = variant.signals_of(prices, params)
            alone = variant.signals(bars, params, instrument())
            assert np.array_equal(shared.entry, alone.entry)
            assert np.array_equal(shared.exit, alone.exit)


def test_levels_out_of_order_are_refused():
    for name in ("ibs_daily", "ibs_two_day_mean"):
        with pytest.raises(InvalidSetting, match="must be smaller than exit_above"):
            VARIANTS[name].parse_params({"entry_below": 0.4, "exit_above": 0.4})
    with pytest.raises(InvalidSetting, match="must be smaller than entry_above"):
        VARIANTS["ibs_short_bear"].parse_params({"entry_above": 0.6, "exit_below": 0.6})
