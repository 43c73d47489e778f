"""Codes of the trader's events: what is worth knowing later and is no decision.

Belongs here: the codes. Does not belong here: those of decisions (`rooney_core.decision`), or
writing either down.
"""

from __future__ import annotations

from enum import StrEnum


class TraderCode(StrEnum):
    """The code of a row of `events` in the journal; a lapsed entry has its DecisionCode.

    HELD_FROM_BEFORE  the strategy held a position, or had ordered one, when the first bar came. It
                      is not taken over, and stays virtual to its end.
    REDUCING          from this moment on a symbol may open no trade: an approval or an override has
                      ended. Entries are denied with PortfolioCode.REDUCING, exits go on.
    EMERGENCY_STOP    the trader stopped by itself, because going on would have been worse.
    """

    HELD_FROM_BEFORE = "HELD_FROM_BEFORE"
    REDUCING = "REDUCING"
    EMERGENCY_STOP = "EMERGENCY_STOP"
