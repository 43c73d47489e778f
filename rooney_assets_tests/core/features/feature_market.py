"""Bars for feature tests: a random walk with rolls, still bars, odd sizes. No assertions here.

Gaps of rolls, and what other symbols' closes are compared by, are decimals, as all prices are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rooney_core.features import Feeds, HourlyCloses, PartnerIbs, PriorTrades, ReferenceCloses
from rooney_core.market.bars import BarArrays

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
PER_SESSION = 23
DECIMALS = 6


def decimals(values: np.ndarray) -> np.ndarray:
    """The nearest decimals of `DECIMALS` places: most of them float64 cannot hold."""
    return np.round(values, DECIMALS)


def walk(seed: int, n: int = 400) -> BarArrays:
    """n hourly bars of 23-hour sessions; prices are no multiples of anything, one roll in 90."""
    rng = np.random.default_rng(seed)
    close = 100.0 + np.cumsum(rng.normal(size=n))
    opening = np.concatenate(([100.0], close[:-1]))
    still = rng.random(n) < 0.05
    above, below = rng.random((2, n)) * ~still
    close = np.where(still, opening, close)
    gaps = np.where(rng.random(n) < 1 / 90, rng.normal(size=n), 0.0)
    day = np.arange(n) // PER_SESSION + 16_000
    opens = day * DAY_US - HOUR_US
    start = opens + np.arange(n) % PER_SESSION * HOUR_US
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=opening,
        high=np.maximum(opening, close) + above,
        low=np.minimum(opening, close) - below,
        close=close,
        # Backward spread: 0 on the last contract.
        adjustment=decimals(np.concatenate((np.cumsum(gaps[::-1])[::-1][1:], [0.0]))),
        volume=rng.integers(0, 500, n).astype(np.float64),
        session=day.astype(np.int32),
        flat_deadline_us=opens + 20 * HOUR_US,
        session_open_us=opens,
        session_close_us=opens + PER_SESSION * HOUR_US,
        exchange_hour=(17.0 + np.arange(n) % PER_SESSION) % 24,
        last_safe_day=np.ceil(day / 90) * 90.0,
    )


def daily_closes(seed: int, n: int = 60) -> ReferenceCloses:
    """n daily closes, known 22 hours into days 15 970 and on, so 30 of them before `walk`."""
    rng = np.random.default_rng(seed)
    known = np.arange(15_970, 15_970 + n) * DAY_US + 22 * HOUR_US
    return ReferenceCloses(known, decimals(50.0 + np.cumsum(rng.normal(size=n))))


def changed_at(bars: BarArrays, t: int) -> BarArrays:
    """The same bars with every price and size of bar t changed."""
    other = {
        name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")
    }
    for values in other.values():
        values[t] = values[t] * 1.5 + 7.0
    other["high"][t] += 40.0
    return replace(bars, **other)


def hourly_closes(bars: BarArrays, seed: int) -> HourlyCloses:
    """Another symbol's hours beside these bars: some missing, some late, one roll in 90."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(bars)) < 0.9
    late = rng.choice([0, 0, 0, 1, HOUR_US], kept.sum())
    gaps = np.where(rng.random(kept.sum()) < 1 / 90, rng.normal(size=kept.sum()), 0.0)
    return HourlyCloses(
        known_at_us=np.maximum.accumulate(bars.bar_end_us[kept] + late),
        close=decimals(80.0 + np.cumsum(rng.normal(size=kept.sum()))),
        adjustment=decimals(np.cumsum(gaps[::-1])[::-1]),
    )


def partner_ibs(bars: BarArrays, seed: int) -> PartnerIbs:
    """A partner's hours, and its sessions known 22 hours into each of our days."""
    rng = np.random.default_rng(seed)
    hours = hourly_closes(bars, seed)
    days = np.unique(bars.session).astype(np.int64) * DAY_US + 22 * HOUR_US
    return PartnerIbs(hours.known_at_us, rng.random(len(hours.close)), days, rng.random(len(days)))


def prior_trades(bars: BarArrays, seed: int) -> PriorTrades:
    """A trade that ends in about one bar of 40, and all are known from bar 10 on."""
    rng = np.random.default_rng(seed)
    ends = np.flatnonzero(rng.random(len(bars)) < 1 / 40)
    ends = ends[ends >= 10]
    return PriorTrades(ends, rng.normal(0.0, 0.01, len(ends)), first_index=10)


def every_feed(bars: BarArrays, seed: int) -> Feeds:
    """Two daily and two hourly symbols, a partner and prior trades."""
    n_days = len(bars) // PER_SESSION + 31
    return Feeds(
        daily={"ZN": daily_closes(seed + 1, n_days), "NQ": daily_closes(seed + 2, n_days)},
        hourly={"ZN": hourly_closes(bars, seed + 3), "NQ": hourly_closes(bars, seed + 4)},
        partner=partner_ibs(bars, seed + 5),
        trades=prior_trades(bars, seed + 6),
    )
