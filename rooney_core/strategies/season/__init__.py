"""The calendar as a reason: month's turn, weekdays, nights, announcements, holidays.

Belongs here: rules whose time is known long before. Does not belong here: the calendar itself
(`calendar_view`, `fomc`).
"""

from rooney_core.strategies.season.overnight import (
    SEASON_OVERNIGHT,
    SEASON_OVERNIGHT_AFTER_SELLOFF,
)
from rooney_core.strategies.season.pre_fomc import SEASON_PRE_FOMC
from rooney_core.strategies.season.pre_holiday import SEASON_PRE_HOLIDAY
from rooney_core.strategies.season.turn_of_month import SEASON_TURN_OF_MONTH
from rooney_core.strategies.season.turnaround_tuesday import SEASON_TURNAROUND_TUESDAY
from rooney_core.strategies.variant import Variant

VARIANTS: tuple[Variant, ...] = (
    SEASON_TURN_OF_MONTH,
    SEASON_TURNAROUND_TUESDAY,
    SEASON_OVERNIGHT,
    SEASON_OVERNIGHT_AFTER_SELLOFF,
    SEASON_PRE_FOMC,
    SEASON_PRE_HOLIDAY,
)
