"""What the calendar says about each session in advance: place in the month, holidays ahead.

Belongs here: facts that are known before the session, from the schedule alone. Does not belong
here: bars, or announcements (`fomc.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from rooney_core.market.calendar import schedule
from rooney_core.market.instruments import ProductGroup

_MARGIN_DAYS = 45
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class CalendarView:
    """Arrays of one length, one entry per session asked for, scheduled or not.

    `weekday`: Monday 1 to Sunday 7. `number_in_month`: scheduled sessions of the month up to and
    including this one. `left_in_month`: those after it. `days_to_next`: calendar days to the next
    scheduled session. `weekdays_skipped`: Mondays to Fridays between this session and the next
    scheduled one: above 0 before a holiday.
    """

    weekday: npt.NDArray[np.int64]
    number_in_month: npt.NDArray[np.int64]
    left_in_month: npt.NDArray[np.int64]
    days_to_next: npt.NDArray[np.int64]
    weekdays_skipped: npt.NDArray[np.int64]

    @classmethod
    def of(cls, session: npt.NDArray[np.int32], product_group: ProductGroup) -> CalendarView:
        """Of sessions in days since 1970-01-01, rising."""
        if len(session) == 0:
            empty = np.empty(0, np.int64)
            return cls(empty, empty, empty, empty, empty)
        margin = timedelta(days=_MARGIN_DAYS)
        first = _EPOCH + timedelta(days=int(session[0])) - margin
        last = _EPOCH + timedelta(days=int(session[-1])) + margin
        planned = np.array(
            schedule(product_group, first, last)["session"].to_physical(), dtype=np.int64
        )
        days = session.astype(np.int64)
        month_start = _month_start(days)
        after = np.searchsorted(planned, days, side="right")
        next_day = planned[after]
        return cls(
            weekday=(days + 3) % 7 + 1,
            number_in_month=after - np.searchsorted(planned, month_start),
            left_in_month=np.searchsorted(planned, _month_start(month_start + 31)) - after,
            days_to_next=next_day - days,
            weekdays_skipped=np.busday_count(
                (days + 1).astype("datetime64[D]"), next_day.astype("datetime64[D]")
            ).astype(np.int64),
        )


def _month_start(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)
