"""What one attempt's result makes of an order, and when it is tried again.

Belongs here: the map from results to states, and back-off. Does not belong here: storing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rooney_live.orders.records import OrderState, PostKind, PostResult, StoredOrder

_SECOND_US: Final = 1_000_000
_QUIET_SECONDS: Final = 60.0
"""After 429 without Retry-After: the length of the venue's shorter window."""
_LONGEST_QUIET_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class BackOff:
    """Seconds until the first repeat, doubled with each attempt up to `longest`."""

    first: float
    longest: float

    def after(self, attempts: int) -> int:
        """Microseconds to wait after that many attempts."""
        doubled = self.first * 2.0 ** min(max(attempts - 1, 0), 32)
        return int(min(doubled, self.longest) * _SECOND_US)


# What costs the venue nothing is tried often; twelve repeated exits have to fit into 480 an hour.
NOT_SENT: Final = BackOff(1.0, 15.0)
HELD: Final = BackOff(1.0, 30.0)
UNKNOWN: Final = BackOff(1.0, 120.0)
REFUSED: Final = BackOff(60.0, 300.0)


@dataclass(frozen=True)
class Outcome:
    """The next state; `due_at_us`: the next attempt, None as before; `quiet_until_us` for all."""

    state: OrderState
    due_at_us: int | None = None
    quiet_until_us: int | None = None


def outcome_of(stored: StoredOrder, result: PostResult, now_us: int) -> Outcome:
    """What an order that was SENDING becomes.

    An entry of which a byte left is never tried again, not even after a 429; one that surely did
    not leave may be, until it expires. Everything else is repeated until it is acknowledged.
    """
    quiet_us = quiet_until_us(result, now_us) if result.kind is PostKind.RETRY_LATER else None
    if stored.order.is_entry:
        return _entry(stored, result.kind, now_us, quiet_us)
    attempts = stored.attempts
    match result.kind:
        case PostKind.ACKED:
            return Outcome(OrderState.ACKED)
        case PostKind.REJECTED:
            return Outcome(OrderState.REJECTED, now_us + REFUSED.after(attempts))
        case PostKind.RETRY_LATER:
            return Outcome(OrderState.INTENT, quiet_us, quiet_us)
        case PostKind.NOT_SENT:
            return Outcome(OrderState.INTENT, now_us + NOT_SENT.after(attempts))
        case PostKind.DENIED:
            return Outcome(OrderState.INTENT, now_us + HELD.after(attempts))
        case PostKind.UNKNOWN:
            return Outcome(OrderState.UNKNOWN, now_us + UNKNOWN.after(attempts))


def _entry(stored: StoredOrder, kind: PostKind, now_us: int, quiet_us: int | None) -> Outcome:
    match kind:
        case PostKind.ACKED:
            return Outcome(OrderState.ACKED)
        case PostKind.REJECTED | PostKind.RETRY_LATER:
            return Outcome(OrderState.REJECTED, quiet_until_us=quiet_us)
        case PostKind.NOT_SENT:
            return Outcome(OrderState.INTENT, now_us + NOT_SENT.after(stored.attempts))
        case PostKind.DENIED:
            return Outcome(OrderState.DENIED)
        case PostKind.UNKNOWN:
            return Outcome(OrderState.UNKNOWN)


def quiet_until_us(result: PostResult, now_us: int) -> int:
    """Until when nobody may ask after a 429; the venue's own word where it gave one."""
    seconds = _QUIET_SECONDS if result.retry_after_seconds is None else result.retry_after_seconds
    return now_us + int(min(max(seconds, 1.0), _LONGEST_QUIET_SECONDS) * _SECOND_US)
