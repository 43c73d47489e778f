"""Sessions written down by hand, by New York's clock, and sessions read by plain loops.

Belongs here: bars of a few sessions, and plain rows of many. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np

from rooney_core.market.bars import BarArrays

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = date(1970, 1, 1)
HOUR_US = 3_600_000_000

Price = tuple[float, float, float, float]
"""Open, high, low, close."""


def microseconds(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp()) * 1_000_000


def hand_made(
    days: Mapping[date, Mapping[int, Price]],
    adjustment: float = 0.0,
    booked: Mapping[date, date] = MappingProxyType({}),
) -> BarArrays:
    """Bars of whole hours: hours from 18 on are those of the evening before.

    Sessions close at 17:00 New York and positions are flat by 15:00. `booked`: bank holidays, flat
    by 13:00, and the session that each belongs to.
    """
    rows = []
    for day, hours in days.items():
        session = booked.get(day, day)
        first = min([day, *(one for one, later in booked.items() if later == session)])
        for hour in sorted(hours, key=lambda one: (one - 18) % 24):
            start = microseconds(day - timedelta(days=hour >= 18), time(hour))
            flat = microseconds(day, time(13 if day in booked else 15))
            opens = microseconds(first - timedelta(days=1), time(18))
            close = microseconds(session, time(17))
            rows.append((start, *hours[hour], (session - EPOCH).days, flat, opens, close))
    start, *prices, session, flat, opens, close = (np.array(one) for one in zip(*rows, strict=True))
    open_price, high, low, last = (np.array(one, np.float64) - adjustment for one in prices)
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=open_price,
        high=high,
        low=low,
        close=last,
        adjustment=np.full(len(start), adjustment),
        volume=np.full(len(start), 100.0),
        session=session.astype(np.int32),
        flat_deadline_us=flat,
        session_open_us=opens,
        session_close_us=close,
    )


def weekdays(first: date, n: int) -> list[date]:
    days = (first + timedelta(days=one) for one in range(2 * n + 7))
    return [day for day in days if day.weekday() < 5][:n]


@dataclass(frozen=True)
class Session:
    """Adjusted prices of one session, and the positions of its bars."""

    day: date
    open: float
    high: float
    low: float
    close: float
    raw_close: float
    bars: range
    days: tuple[range, ...]
    """Its days of trading: two where it begins with the hours of a bank holiday."""

    @property
    def ibs(self) -> float:
        return (self.close - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def read_sessions(bars: BarArrays) -> Sequence[Session]:
    """Sessions by a plain loop, for bars that have every session's last bar and none after it."""
    found, first = [], 0
    for at in range(1, len(bars) + 1):
        if at < len(bars) and bars.session[at] == bars.session[first]:
            continue
        shift = float(bars.adjustment[first])
        found.append(
            Session(
                day=EPOCH + timedelta(days=int(bars.session[first])),
                open=float(bars.open[first]) + shift,
                high=max(bars.high[first:at].tolist()) + shift,
                low=min(bars.low[first:at].tolist()) + shift,
                close=float(bars.close[at - 1]) + shift,
                raw_close=float(bars.close[at - 1]),
                bars=range(first, at),
                days=_days(bars, range(first, at)),
            )
        )
        first = at
    return found


def _days(bars: BarArrays, positions: range) -> tuple[range, ...]:
    deadlines = sorted({int(bars.flat_deadline_us[at]) for at in positions})
    days = [[at for at in positions if bars.flat_deadline_us[at] == one] for one in deadlines]
    return tuple(range(one[0], one[-1] + 1) for one in days)


def some_sessions(sessions: Sequence[Session], n: int, first: int) -> list[int]:
    """Numbers of n sessions from `first` on, at random, of all with a bank holiday, and of those
    that come after these."""
    some = np.random.default_rng(3).choice(np.arange(first, len(sessions)), n, replace=False)
    holidays = [at for at in range(first, len(sessions) - 1) if len(sessions[at].days) > 1]
    return sorted({*some.tolist(), *holidays, *(at + 1 for at in holidays)})


def new_york_hour(bars: BarArrays, at: int) -> int:
    start = datetime.fromtimestamp(int(bars.bar_start_us[at]) / 1e6, UTC)
    return start.astimezone(NEW_YORK).hour
