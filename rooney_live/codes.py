"""The trader's own codes: why an approved entry was denied, and what else is worth knowing later.

Belongs here: the codes. Does not belong here: those of decisions (`rooney_core.decision`), of feeds
and orders (`feeds`, `orders`), or writing any of them down.
"""

from __future__ import annotations

from enum import StrEnum


class Denial(StrEnum):
    """Why an entry that the strategy and the model want is not sent; exits are never denied.

    The code of a decision, where it was known then; of the order, where it was known only right
    before the POST. Its trade stays virtual to its end. Codes that the batch path knows as well
    have the same name there (PortfolioCode); those of risk limits are RiskCode
    (`risk.codes`), and those of waiting too long HoldCode (`orders.records`).

    KILLED            the kill switch: by variable, flag file, command or the risk monitor
    PAUSED            a person paused entries, until a time or until `resume`
    HALTED            the risk monitor, a breach or `stop` halted trading until a person resumes
    REDUCING          the approval or an override has ended, or a position is unproven for too long
    STALE_FEED        the symbol's own feed, or one that informs its features, is older than allowed
    LATE_BAR          the bar arrived later after its end than max_bar_age_seconds
    FEATURES_MISSING  a feature that is measured is unknown: full coverage or no trade
    MAX_POSITIONS     max_positions are open or ordered; an order of unknown outcome counts
    OUT_OF_SESSION    the market is closed: the broker would queue the order until it opens
    FLAT_WINDOW       the flat deadline has come, or comes before the order could fill
    UNPROVEN          the ledger holds a position of the symbol that the strategy does not know of
    STOPPING          the trader is on its way out
    NO_CONTRACT       the symbol's dated contract is not known, so no ticker can be named
    """

    KILLED = "KILLED"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    REDUCING = "REDUCING"
    STALE_FEED = "STALE_FEED"
    LATE_BAR = "LATE_BAR"
    FEATURES_MISSING = "FEATURES_MISSING"
    MAX_POSITIONS = "MAX_POSITIONS"
    OUT_OF_SESSION = "OUT_OF_SESSION"
    FLAT_WINDOW = "FLAT_WINDOW"
    UNPROVEN = "UNPROVEN"
    STOPPING = "STOPPING"
    NO_CONTRACT = "NO_CONTRACT"


class TraderCode(StrEnum):
    """The code of a row of `events` in the journal; a lapsed entry has its DecisionCode.

    HELD_FROM_BEFORE  the strategy held a position, or had ordered one, when the first bar came. It
                      is not taken over, and stays virtual to its end.
    REDUCING          from this moment on a symbol may open no trade: an approval or an override has
                      ended. Entries are denied with PortfolioCode.REDUCING, exits go on.
    EMERGENCY_STOP    the trader stopped by itself, because going on would have been worse.
    STARTED           the trader verified its release, took the lock and opened the journal; told by
                      whom. Once for each start.
    READY             it is warmed up, and trades from here on.
    RECOVERED         what an earlier process left: a position taken over, an exit that was due.
    DEADLINE          a position was found open at its flat deadline, with or without a bar.
    ORDER_DENIED      an order that was decided was denied right before its POST; message: the code.
    ORDER_REJECTED    the broker refused an order, in its words.
    ORDER_UNKNOWN     nobody knows whether the broker took an order: counted as open, then exited.
    STOPPING          the trader was told to end, and by whom.
    STOPPED           it ended as it should.
    """

    HELD_FROM_BEFORE = "HELD_FROM_BEFORE"
    REDUCING = "REDUCING"
    EMERGENCY_STOP = "EMERGENCY_STOP"
    STARTED = "STARTED"
    READY = "READY"
    RECOVERED = "RECOVERED"
    DEADLINE = "DEADLINE"
    ORDER_DENIED = "ORDER_DENIED"
    ORDER_REJECTED = "ORDER_REJECTED"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
