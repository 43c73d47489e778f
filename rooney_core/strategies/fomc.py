"""When the Federal Open Market Committee announces its decision: the days scheduled in advance.

Belongs here: dates of scheduled meetings. Does not belong here: calls and meetings that were not
scheduled, which nobody can be positioned for, or a rule.

Each is the last day of a scheduled meeting, on which the statement appears (14:00 New York since
2013, 14:15 or 12:30 before). The meeting of 2020-03-18 is left out: on Sunday the 15th the
committee had met instead, so by the 16th everybody knew that there would be none.
Source: federalreserve.gov, "Meeting calendars, statements, and minutes" and "Historical materials
by year", 2009 to 2026. Later ones are not in this table: from 2026-12-09 on there is no signal.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rooney_core.strategies.calendar_view import Days

_BY_YEAR: Final[dict[int, str]] = {
    2009: "01-28 03-18 04-29 06-24 08-12 09-23 11-04 12-16",
    2010: "01-27 03-16 04-28 06-23 08-10 09-21 11-03 12-14",
    2011: "01-26 03-15 04-27 06-22 08-09 09-21 11-02 12-13",
    2012: "01-25 03-13 04-25 06-20 08-01 09-13 10-24 12-12",
    2013: "01-30 03-20 05-01 06-19 07-31 09-18 10-30 12-18",
    2014: "01-29 03-19 04-30 06-18 07-30 09-17 10-29 12-17",
    2015: "01-28 03-18 04-29 06-17 07-29 09-17 10-28 12-16",
    2016: "01-27 03-16 04-27 06-15 07-27 09-21 11-02 12-14",
    2017: "02-01 03-15 05-03 06-14 07-26 09-20 11-01 12-13",
    2018: "01-31 03-21 05-02 06-13 08-01 09-26 11-08 12-19",
    2019: "01-30 03-20 05-01 06-19 07-31 09-18 10-30 12-11",
    2020: "01-29 04-29 06-10 07-29 09-16 11-05 12-16",
    2021: "01-27 03-17 04-28 06-16 07-28 09-22 11-03 12-15",
    2022: "01-26 03-16 05-04 06-15 07-27 09-21 11-02 12-14",
    2023: "02-01 03-22 05-03 06-14 07-26 09-20 11-01 12-13",
    2024: "01-31 03-20 05-01 06-12 07-31 09-18 11-07 12-18",
    2025: "01-29 03-19 05-07 06-18 07-30 09-17 10-29 12-10",
    2026: "01-28 03-18 04-29 06-17 07-29 09-16 10-28 12-09",
}


def announcement_days() -> Days:
    """Days of all known scheduled announcements, rising, as days since 1970-01-01."""
    days = [f"{year}-{day}" for year, listed in _BY_YEAR.items() for day in listed.split()]
    return np.array(days, dtype="datetime64[D]").astype(np.int64)
