"""When a vendor's bar began and ended, and everything else of a bar that follows from that.

Belongs here: times, sessions and deadlines of bars, by the core's own functions, ahead of need: a
bar that arrives costs a look-up. Does not belong here: prices, or which contract (`series.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.market.bars import BARS_SCHEMA, BarArrays
from rooney_core.market.calendar import (
    UTC_MICROSECONDS,
    day_hours,
    own_days,
    session_hours,
    session_labels,
)
from rooney_live.feeds.plan import DAY_MINUTES, Leg

_BLOCK_US: Final = 8 * 86_400 * 1_000_000
_AHEAD_US: Final = 2 * 86_400 * 1_000_000
_PRICES: Final = ("open", "high", "low", "close")


class Timing(NamedTuple):
    """What the start of a bar and its contract say of it; fields as in `Bar`."""

    bar_start_us: int
    bar_end_us: int
    session: int
    flat_deadline_us: int
    session_open_us: int
    session_close_us: int
    exchange_hour: float
    last_safe_day: float


def with_clock(bars: pl.DataFrame, leg: Leg) -> pl.DataFrame:
    """Columns of raw_bars from `time` (the vendor's start), contract, open to close and volume.

    Hours and minutes: a bar starts at the vendor's time and lasts its interval. Days: the session
    of that UTC date, from its scheduled open until the UTC day ends, because the vendor counts what
    trades after the close. A simulated bar ends at the latest with the hours of its day, and a
    stand-in's day is its session, stamped with its open.
    """
    group, time = leg.instrument.product_group, bars["time"]
    is_simulated = leg.instrument.is_simulated
    if leg.minutes == DAY_MINUTES:
        days = session_labels(time, group) if leg.is_stand_in else time.dt.date()
        hours = session_hours(days, group)
        end = time.dt.truncate("1d") + timedelta(days=1)
        timed = bars.with_columns(
            bar_start=hours["session_open"],
            bar_end=hours["session_close"] if leg.is_stand_in else end,
            session=hours["session"],
        )
    else:
        end = time + timedelta(minutes=leg.minutes)
        if is_simulated:
            closes = day_hours(own_days(time, group), group)["closes"]
            end = pl.select(pl.min_horizontal(end, closes)).to_series()
        timed = bars.with_columns(bar_start=time, bar_end=end, session=session_labels(time, group))
    return timed.with_columns(symbol=pl.lit(leg.symbol), adjustment=pl.lit(0.0)).select(
        pl.col(name).cast(dtype) for name, dtype in BARS_SCHEMA.items()
    )


class BarClock:
    """Timings of one leg, made in blocks of days before they are needed."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._timings: dict[str, dict[int, Timing]] = {}
        self._until_us: dict[str, int] = {}

    def at(self, time_us: int, contract: str) -> Timing:
        """The timing of a bar that the vendor stamps with `time_us`."""
        found = self._timings.setdefault(contract, {}).get(time_us)
        if found is None:
            if self._leg.minutes == DAY_MINUTES or time_us % self._leg.interval_us:
                self._fill(np.array([time_us]), contract)
            else:
                self._block(time_us, contract)
            found = self._timings[contract][time_us]
        return found

    def prepare(self, now_us: int, contract: str) -> None:
        """Make what will be needed soon, while nobody waits; forget other contracts."""
        is_due = now_us + _AHEAD_US > self._until_us.get(contract, 0)
        if contract and self._leg.minutes != DAY_MINUTES and is_due:
            first_us = max(now_us - _AHEAD_US, self._until_us.get(contract, 0))
            self._timings = {contract: self._timings.get(contract, {})}
            self._block(first_us // self._leg.interval_us * self._leg.interval_us, contract)

    def _block(self, first_us: int, contract: str) -> None:
        kept = self._timings[contract].items()
        recent = {time: one for time, one in kept if abs(time - first_us) <= _BLOCK_US}
        self._timings[contract] = recent
        times = np.arange(first_us, first_us + _BLOCK_US, self._leg.interval_us)
        self._fill(times, contract)
        self._until_us[contract] = first_us + _BLOCK_US

    def _fill(self, times_us: npt.NDArray[np.int64], contract: str) -> None:
        time = pl.Series(times_us).cast(UTC_MICROSECONDS)
        bars = {"time": time, "contract": [contract] * len(time), "volume": [0] * len(time)}
        flat = pl.DataFrame(bars).with_columns(**dict.fromkeys(_PRICES, pl.lit(0.0)))
        arrays = BarArrays.from_frame(with_clock(flat, self._leg), self._leg.instrument)
        columns = (getattr(arrays, name).tolist() for name in Timing._fields)
        self._timings[contract] |= {
            at: Timing(*values) for at, *values in zip(times_us.tolist(), *columns, strict=True)
        }
