"""Clocks of each product group: the hours that a session runs, and how they changed.

Belongs here: opening, closing and pauses of an ordinary day, by period. Does not belong here: days
that are not ordinary (`holidays.py`), or anything in UTC (`calendar.py`).

A day is a calendar day of the exchange, whether or not it has a trade date of its own
(`calendar.py`). Two views of it. `HOURS` is the frame that labels, deadlines and simulated bars
use: one open and one close for all years. `trading_periods` says when prices could really form,
which the gap check needs: the closing pause of index futures, and the later closes before 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from rooney_core.market.instruments import ProductGroup

FRIDAY: Final = 5


@dataclass(frozen=True)
class Hours:
    """Wall-clock hours of a product group; `opens_day_before` for sessions that span midnight."""

    zone: str
    opens: time
    closes: time
    opens_day_before: bool

    @property
    def label_shift(self) -> timedelta:
        """What to add to the local time of a bar so that its date is the session label."""
        opening = timedelta(hours=self.opens.hour, minutes=self.opens.minute)
        return timedelta(days=1) - opening if self.opens_day_before else timedelta(0)


@dataclass(frozen=True)
class Period:
    """Hours in force for sessions from `since` on.

    `stretches`: (open, close) in the group's zone, in order; the first may open the evening before.
    `on_friday`: the same for Fridays, where they differ.
    """

    since: date
    stretches: tuple[tuple[time, time], ...]
    on_friday: tuple[tuple[time, time], ...] | None = None

    def of(self, friday: bool) -> tuple[tuple[time, time], ...]:
        """The stretches of a Friday, or of another day."""
        return self.on_friday if friday and self.on_friday is not None else self.stretches


_GLOBEX = Hours("America/Chicago", time(17, 0), time(16, 0), opens_day_before=True)
_NEW_YORK = Hours("America/New_York", time(9, 30), time(16, 0), opens_day_before=False)
_CBOE = Hours("America/Chicago", time(8, 30), time(15, 15), opens_day_before=False)
HOURS: Final[dict[ProductGroup, Hours]] = {
    "equity_index": _GLOBEX,
    "energy": _GLOBEX,
    "metals": _GLOBEX,
    "fx": _GLOBEX,
    "rates": _GLOBEX,
    "us_equity": _NEW_YORK,
    "volatility_index": _CBOE,
    "volatility": _GLOBEX,
}

POST_CLOSE_TRADED_FOR_THE_NEXT_DAY_UNTIL: Final = date(2012, 11, 18)
"""Until the session of this date, index futures of CME and CBOT traded 15:30 to 16:30 Chicago for
the next trade date. Our labels keep those bars on the day of their clock: the hour from 15:00 holds
a piece of both, and the Russell 2000 future was at ICE then. `agreement.py` allows for it."""

_ALWAYS: Final = date(1900, 1, 1)
_EVENING: Final = time(17, 0)
_BY_DAY: Final = (_EVENING, time(15, 15))
_TO_FOUR: Final = Period(_ALWAYS, ((_EVENING, time(16, 0)),))
_TO_A_QUARTER_PAST: Final = Period(_ALWAYS, ((_EVENING, time(16, 15)),))
_FOUR_SINCE_2015: Final = Period(date(2015, 9, 21), ((_EVENING, time(16, 0)),))
# The Russell 2000 future traded at ICE until July 2017, in hours of its own that are not here.
_PERIODS: Final[dict[ProductGroup, tuple[Period, ...]]] = {
    "equity_index": (
        Period(_ALWAYS, (_BY_DAY, (time(15, 30), time(16, 30))), on_friday=(_BY_DAY,)),
        Period(date(2012, 11, 19), (_BY_DAY, (time(15, 30), time(16, 15)))),
        Period(date(2015, 9, 21), (_BY_DAY, (time(15, 30), time(16, 0)))),
        Period(date(2021, 6, 28), ((_EVENING, time(16, 0)),)),
    ),
    "energy": (_TO_A_QUARTER_PAST, _FOUR_SINCE_2015),
    "metals": (_TO_A_QUARTER_PAST, _FOUR_SINCE_2015),
    "fx": (_TO_FOUR,),
    "rates": (_TO_FOUR,),
    "us_equity": (Period(_ALWAYS, ((time(9, 30), time(16, 0)),)),),
    "volatility_index": (Period(_ALWAYS, ((time(8, 30), time(15, 15)),)),),
    "volatility": (
        Period(_ALWAYS, ((time(8, 30), time(15, 15)),)),
        Period(date(2014, 6, 23), (_BY_DAY,)),
        Period(date(2018, 2, 26), ((_EVENING, time(16, 0)),)),
    ),
}


def trading_periods(product_group: ProductGroup) -> tuple[Period, ...]:
    """Periods of the group's trading hours, oldest first; the first has no beginning.

    Before 2014-06-23 VX traded outside 08:30-15:15 Chicago too, but too thinly to expect bars; from
    then to 2018 its evening began at 15:30, of which only 17:00 on is expected.
    """
    return _PERIODS[product_group]
