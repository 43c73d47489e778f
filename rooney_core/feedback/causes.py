"""Why live trading and the batch path differ: the causes, and the evidence each of them needs.

Belongs here: the record of a difference, and which of the trader's codes speaks for which cause.
Does not belong here: finding differences (`decided`, `parity`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import polars as pl


class Cause(StrEnum):
    """What a difference is put down to. Each needs evidence; without any it is UNEXPLAINED.

    DATA         the trader saw other bars, or none: a bar that is missing on one side, another
                 close or contract, another open under a fill of the paper account, other features,
                 or a denial because of the feed
    SIGNAL       the rule answered otherwise: other code decided, or a person traded
    MODEL        the same features, and another probability or threshold
    SIZING       another number of contracts, and none where a limit, a pause or the kill switch
                 denied the entry
    TIMING       entered or left at another time than decided: the clock's deadline, a flatten, the
                 monitor, a recovery, or a fill long after it was due
    FILL         the broker's price at the time it was due, a refusal, a part, or an unknown outcome
    COST         another commission
    UNEXPLAINED  nothing on record says why
    """

    DATA = "data"
    SIGNAL = "signal"
    MODEL = "model"
    SIZING = "sizing"
    TIMING = "timing"
    FILL = "fill"
    COST = "cost"
    UNEXPLAINED = "unexplained"


CAUSES: Final = tuple(Cause)
USD_COLUMNS: Final = tuple(f"{cause}_usd" for cause in CAUSES)

DIFFERENCES_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "run_id": pl.String(),
    "session": pl.Date(),
    "at": pl.Datetime("us", "UTC"),
    "what": pl.String(),
    "recorded": pl.String(),
    "replayed": pl.String(),
    "cause": pl.String(),
    "difference_usd": pl.Float64(),
    "proof": pl.String(),
}
"""`what`: a column of the decision or the trade; decision or trade where only one side has it; or
fill, commission, size. `difference_usd`: live minus replay; null for what moves no money by itself:
a decision's money is in its trade."""

_OF_THE_FEED: Final = frozenset({"STALE_FEED", "LATE_BAR", "FEATURES_MISSING"})
_OF_THE_CLOCK: Final = frozenset({"OUT_OF_SESSION", "FLAT_WINDOW", "EXPIRED", "ENDING", "STOPPING"})
_OF_A_LIMIT: Final = frozenset(
    {
        *("KILLED", "PAUSED", "HALTED", "REDUCING", "MAX_POSITIONS", "SPACING", "RATE_LIMIT"),
        *("UNPROVEN", "EXIT_FIRST", "IN_FLIGHT"),
    }
)
_OF_THE_VENUE: Final = frozenset({"NO_CONTRACT", "WEBHOOK_DOWN", "PAYLOAD", "GATE_FAILED"})
_RISK: Final = "RISK_"

_BY_ORIGIN: Final = {"manual": Cause.SIGNAL}
_UNHEARD: Final = frozenset({"REJECTED", "UNKNOWN", "WITHDRAWN"})
_HEARD: Final = frozenset({"PAPER", "ACKED", ""})
DECIDED: Final = "decision"


def cause_of_denial(code: str) -> Cause | None:
    """What a code that denies an entry speaks for; None for a code that denies nothing."""
    if code in _OF_THE_FEED:
        return Cause.DATA
    if code in _OF_THE_CLOCK:
        return Cause.TIMING
    if code in _OF_A_LIMIT or code.startswith(_RISK):
        return Cause.SIZING
    return Cause.FILL if code in _OF_THE_VENUE else None


def cause_of_origin(origin: str) -> Cause | None:
    """What an order's origin speaks for; None for an order that a decision gave."""
    return None if origin == DECIDED else _BY_ORIGIN.get(origin, Cause.TIMING)


def cause_of_state(state: str, code: str) -> Cause | None:
    """What became of an order, where that is a reason; None where the venue took it."""
    if state in _HEARD:
        return None
    if state in _UNHEARD:
        return Cause.FILL
    return cause_of_denial(code) or (Cause.SIZING if state == "DENIED" else Cause.FILL)
