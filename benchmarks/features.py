"""All features of 12 symbols x 87,000 hourly bars at once, and of one new bar of each.

Run: .venv/bin/python benchmarks/features.py [--symbols 12] [--bars 87000] [--rounds 5]
Batch: `compute_features` at every bar of every symbol, own features, prior trades, the partner, and
a daily and an hourly z-score of every other symbol; z-scores are computed once per symbol that
informs, as the rounds start with fresh feeds. Incremental: a bar of every symbol is taken in by the
`FeaturePanel` that the trader holds, which gives a row of each, compared bit by bit with the
batch's; prior trades come from the decision's own memory, and are not in it. Aims: batch under 1 s,
one new bar of all symbols under 0.1 ms. Medians of the rounds, in seconds of one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import fields
from types import SimpleNamespace

import numpy as np

from rooney_core.features import (
    MAX_LOOKBACK,
    FeedNames,
    Feeds,
    HourlyCloses,
    PartnerIbs,
    PriorTrades,
    ReferenceCloses,
    compute_features,
    feature_names,
)
from rooney_core.features.compute import PRIOR
from rooney_core.features.panel import FeaturePanel
from rooney_core.features.references import REFERENCE_CLOSES
from rooney_core.market.bars import BarArrays

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
PER_SESSION = 23
FIRST_DAY = 16_000
BARS_PER_TRADE = 31
WARM_UP = max(MAX_LOOKBACK, PER_SESSION * REFERENCE_CLOSES)


def draw_bars(n: int, rng: np.random.Generator) -> BarArrays:
    """A random walk in ticks, 23 bars a session, a roll about every quarter of a year."""
    day = np.arange(n) // PER_SESSION + FIRST_DAY
    opens = day * DAY_US - HOUR_US
    start = opens + np.arange(n) % PER_SESSION * HOUR_US
    close = 4000 + 0.25 * np.cumsum(rng.integers(-8, 9, n))
    opening = np.concatenate(([4000.0], close[:-1]))
    above, below = 0.25 * rng.integers(0, 8, (2, n))
    moves = np.where(np.arange(n) % 1500 == 0, 0.25 * rng.integers(-40, 41, n), 0.0)
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=opening,
        high=np.maximum(opening, close) + above,
        low=np.minimum(opening, close) - below,
        close=close,
        adjustment=np.concatenate((np.cumsum(moves[::-1])[::-1][1:], [0.0])),
        volume=rng.integers(0, 5000, n).astype(np.float64),
        session=day.astype(np.int32),
        flat_deadline_us=opens + 21 * HOUR_US,
        session_open_us=opens,
        session_close_us=opens + PER_SESSION * HOUR_US,
        exchange_hour=(np.arange(n) % PER_SESSION + 17) % 24.0,
        last_safe_day=np.ceil(day / 90.0) * 90.0,
    )


def draw_trades(bars: BarArrays, rng: np.random.Generator) -> PriorTrades:
    """A trade that ends in one bar of 31: 2,800 in 87,000."""
    ends = np.flatnonzero(rng.random(len(bars)) < 1 / BARS_PER_TRADE)
    return PriorTrades(ends, rng.normal(0.0, 0.01, len(ends)), first_index=0)


class Market:
    """Bars of all symbols, and their trades; a last bar of each session is its close."""

    def __init__(self, n_symbols: int, n_bars: int) -> None:
        rng = np.random.default_rng(1)
        self.bars = {f"S{number:02d}": draw_bars(n_bars, rng) for number in range(n_symbols)}
        self.trades = {name: draw_trades(bars, rng) for name, bars in self.bars.items()}

    def series(self) -> Series:
        """What each symbol tells the others, with nothing computed of it yet."""
        return {name: tell(bars) for name, bars in self.bars.items()}

    def names(self) -> dict[str, FeedNames]:
        """Whose bars inform each symbol: all the others, of which the first is its partner."""
        others = {name: [one for one in self.bars if one != name] for name in self.bars}
        return {name: FeedNames((*some,), (*some,), some[0]) for name, some in others.items()}


Told = tuple[ReferenceCloses, HourlyCloses, PartnerIbs]
Series = dict[str, Told]


def tell(bars: BarArrays) -> Told:
    """Daily closes, hours and internal bar strengths of one symbol."""
    last = np.flatnonzero(np.diff(bars.session, append=-1))
    spread = bars.high - bars.low
    ibs = np.where(spread > 0, (bars.close - bars.low) / np.maximum(spread, 0.25), 0.5)
    days = bars.session_close_us[last]
    return (
        ReferenceCloses(days, (bars.close + bars.adjustment)[last]),
        HourlyCloses(bars.bar_end_us, bars.close, bars.adjustment),
        PartnerIbs(bars.bar_end_us, ibs, days, ibs[last]),
    )


def feeds_of(symbol: str, series: Series, trades: PriorTrades) -> Feeds:
    """The series of `Market.names`."""
    others = [one for one in series if one != symbol]
    return Feeds(
        daily={one: series[one][0] for one in others},
        hourly={one: series[one][1] for one in others},
        partner=series[others[0]][2],
        trades=trades,
    )


def batch(market: Market, keep: int) -> tuple[float, dict[str, np.ndarray]]:
    """Seconds for every feature of every bar, and the last `keep` rows of each symbol."""
    series, rows, seconds = market.series(), {}, 0.0
    for symbol, bars in market.bars.items():
        every = np.arange(len(bars))
        began = time.process_time()
        feeds = feeds_of(symbol, series, market.trades[symbol])
        values = compute_features(bars, every, feeds)
        seconds += time.process_time() - began
        rows[symbol] = values[-keep:].copy()
    return seconds, rows


def incremental(market: Market, expected: dict[str, np.ndarray], hours: int) -> list[float]:
    """Seconds of each of the last hours: one new bar of every symbol taken in, one row of each."""
    n = len(next(iter(market.bars.values())))
    series, names = market.series(), market.names()
    panel, seconds = FeaturePanel(names), []
    for t in range(n - hours - WARM_UP, n):
        new_bars = {name: one_bar(bars, t) for name, bars in market.bars.items()}
        closes = [hour_of(name, of_one, t) for name, of_one in series.items()]
        sessions = [one for name, of_one in series.items() for one in sessions_of(name, of_one, t)]
        began = time.process_time()
        for one in sessions:
            panel.take_session(*one)
        for one in closes:
            panel.take_hour(*one)
        for name, bar in new_bars.items():
            panel.take_bar(name, bar)
        rows = panel.rows(list(names))
        if t < n - hours:
            continue
        seconds.append(time.process_time() - began)
        for name, row in rows.items():
            known = np.delete(row, PRIOR), np.delete(expected[name][t - n], PRIOR)
            assert known[0].tobytes() == known[1].tobytes(), name
    return seconds


def one_bar(bars: BarArrays, t: int) -> SimpleNamespace:
    """A bar as it arrives: plain numbers."""
    return SimpleNamespace(**{one.name: getattr(bars, one.name)[t].item() for one in fields(bars)})


def hour_of(name: str, told: Told, t: int) -> tuple[str, int, float, float, float]:
    """What one symbol's bar tells the others."""
    _, hours, partner = told
    values = (hours.known_at_us[t], hours.close[t], hours.adjustment[t], partner.hour_ibs[t])
    return name, *(one.item() for one in values)


def sessions_of(name: str, told: Told, t: int) -> list[tuple[str, int, float, float]]:
    """The session that ends with bar t, or none."""
    days, hours, partner = told
    k = np.searchsorted(days.known_at_us, hours.known_at_us[t])
    if k == len(days.known_at_us) or days.known_at_us[k] != hours.known_at_us[t]:
        return []
    return [(name, *(one[k].item() for one in (days.known_at_us, days.close, partner.session_ibs)))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=12)
    parser.add_argument("--bars", type=int, default=87_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hours", type=int, default=200)
    given = parser.parse_args()
    market = Market(given.symbols, given.bars)
    names = feature_names(market.names()["S00"])
    print(f"{given.symbols} symbols x {given.bars:,} bars x {len(names)} features")
    small = Market(2, 1000)  # compiled, or loaded from the cache, before anything is timed
    incremental(small, batch(small, 10)[1], 10)
    taken, new_bars = [], []
    for _ in range(given.rounds):
        seconds, rows = batch(market, given.hours)
        taken.append(seconds)
        new_bars += incremental(market, rows, given.hours)
    print(f"batch            {statistics.median(taken):.3f} s (best {min(taken):.3f})")
    print(f"one new bar, all {statistics.median(new_bars) * 1e3:.3f} ms, bit-equal to the batch")


if __name__ == "__main__":
    main()
