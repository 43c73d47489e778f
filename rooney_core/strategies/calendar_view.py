"""What the calendar says about each session in advance: place in the month, holidays ahead.

Belongs here: facts that are known before the session, from the schedule alone. Does not belong
here: bars, or announcements (`fomc.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.market.calendar import schedule
from rooney_core.market.instruments import ProductGroup

Days = npt.NDArray[np.int64]

FAR_AHEAD: Final = 9999
"""Sessions to a date that is not known."""

_MARGIN_DAYS = 45
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class CalendarView:
    """Arrays of one length, one entry per session asked for, scheduled or not.

    `session`: days since 1970-01-01. `weekday`: Monday 1 to Sunday 7. `number_in_month`: scheduled
    sessions of the month up to and including this one. `left_in_month`: those after it.
    `next_session`: the next scheduled one, and `days_to_next` calendar days to it.
    `weekdays_skipped`: Mondays to Fridays between this session and the next scheduled one: above 0
    before any holiday, as the hours of a bank holiday are no session of their own.
    """

    session: Days
    weekday: Days
    number_in_month: Days
    left_in_month: Days
    next_session: Days
    days_to_next: Days
    weekdays_skipped: Days
    planned: Days

    @classmethod
    def of(cls, session: npt.NDArray[np.int32], product_group: ProductGroup) -> CalendarView:
        """Of sessions in days since 1970-01-01, rising."""
        days = session.astype(np.int64)
        planned = planned_days(days, product_group)
        month_start = _month_start(days)
        after = np.searchsorted(planned, days, side="right")
        next_day = planned[after]
        return cls(
            session=days,
            weekday=(days + 3) % 7 + 1,
            number_in_month=after - np.searchsorted(planned, month_start),
            left_in_month=np.searchsorted(planned, _month_start(month_start + 31)) - after,
            next_session=next_day,
            days_to_next=next_day - days,
            weekdays_skipped=weekdays_between(days, next_day),
            planned=planned,
        )

    def sessions_until(self, dates: Days) -> Days:
        """Scheduled sessions after each one up to the next of `dates`, that date counted.

        1 on the session before such a date; dates rise, in days since 1970-01-01. A date right on
        the session does not count. At least 20 where the next is more than 45 days away, and
        FAR_AHEAD where there is none.
        """
        if len(dates) == 0:
            return np.full(len(self.session), FAR_AHEAD, np.int64)
        at = np.searchsorted(dates, self.session, side="right")
        next_date = dates[np.minimum(at, len(dates) - 1)]
        counted = np.searchsorted(self.planned, next_date, side="right") - np.searchsorted(
            self.planned, self.session, side="right"
        )
        until: Days = np.where(at < len(dates), counted, FAR_AHEAD)
        return until


def planned_days(days: Days, product_group: ProductGroup) -> Days:
    """Scheduled sessions from 45 days before the first of `days` to 45 after the last."""
    if len(days) == 0:
        return np.empty(0, np.int64)
    return _scheduled(int(days[0]) - _MARGIN_DAYS, int(days[-1]) + _MARGIN_DAYS, product_group)


@lru_cache(maxsize=256)
def _scheduled(first: int, last: int, product_group: ProductGroup) -> Days:
    """Scheduled sessions in a range of days; read, never written.

    Live, every bar of a session asks for the same range.
    """
    ends = (_EPOCH + timedelta(days=one) for one in (first, last))
    planned = np.array(schedule(product_group, *ends)["session"].to_physical(), dtype=np.int64)
    planned.setflags(write=False)
    return planned


def weekdays_between(days: Days, later: Days) -> Days:
    """Mondays to Fridays strictly between two days each."""
    counted = np.busday_count((days + 1).astype("datetime64[D]"), later.astype("datetime64[D]"))
    between: Days = np.asarray(counted, dtype=np.int64)
    return between


def _month_start(days: Days) -> Days:
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)
