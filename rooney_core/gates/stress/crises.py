"""Historical crises, as pages of facts.

Belongs here: names and dates. Does not belong here: what a strategy earned in them (`published`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl


@dataclass(frozen=True)
class Crisis:
    """Sessions `first` to `last`, both inclusive."""

    name: str
    first: date
    last: date


CRISES: Final = (
    Crisis("2020-03 pandemic", date(2020, 2, 20), date(2020, 4, 7)),
    Crisis("2022 rates", date(2022, 1, 3), date(2022, 10, 14)),
    Crisis("2018-02 volatility products", date(2018, 1, 29), date(2018, 3, 2)),
    Crisis("2011 downgrade and euro", date(2011, 7, 22), date(2011, 10, 4)),
    Crisis("2015-08 devaluation", date(2015, 8, 18), date(2015, 9, 29)),
    Crisis("2018-12 sell-off", date(2018, 12, 3), date(2018, 12, 31)),
    Crisis("2020-04 negative crude", date(2020, 4, 13), date(2020, 5, 8)),
)
"""In the order in which they are taken where a report has room for some of them only."""


def covered_crises(sessions: pl.Series) -> tuple[Crisis, ...]:
    """Those that lie inside the first and the last of `sessions` (Date), with a session of them."""
    days: list[date] = sessions.sort().to_list()
    return tuple(
        one
        for one in CRISES
        if days
        and days[0] <= one.first
        and one.last <= days[-1]
        and any(one.first <= day <= one.last for day in days)
    )
