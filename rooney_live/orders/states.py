"""Which state of an order may follow which: the whole machine as one table.

Belongs here: the table and what follows from it. Does not belong here: when a step is taken
(`dispatcher.py`, `outbox.py`). An entry becomes SENDING again only after an attempt of which surely
no byte left; whatever left once is never sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rooney_core.errors import RefusedError
from rooney_live.orders.records import ENTER, OrderState

_S = OrderState
_NEXT = Mapping[OrderState, frozenset[OrderState]]


class ImpossibleTransition(RefusedError):
    """A step that the machine does not have: the journal or the code is not what it was."""


ENTRY: Final[_NEXT] = MappingProxyType(
    {
        _S.INTENT: frozenset({_S.SENDING, _S.DENIED, _S.WITHDRAWN}),
        # Back to INTENT: DNS, TCP or TLS failed, and surely no byte left.
        _S.SENDING: frozenset({_S.ACKED, _S.REJECTED, _S.UNKNOWN, _S.DENIED, _S.INTENT}),
        # What nobody knew, the owner may prove.
        _S.UNKNOWN: frozenset({_S.ACKED, _S.REJECTED}),
        _S.ACKED: frozenset(),
        _S.REJECTED: frozenset(),
        _S.DENIED: frozenset(),
        _S.WITHDRAWN: frozenset(),
        _S.PAPER: frozenset(),
    }
)
"""Of an order that opens."""

EXIT: Final[_NEXT] = MappingProxyType(
    {
        _S.INTENT: frozenset({_S.SENDING, _S.WITHDRAWN}),
        _S.SENDING: frozenset({_S.ACKED, _S.REJECTED, _S.UNKNOWN, _S.INTENT}),
        _S.UNKNOWN: frozenset({_S.SENDING, _S.WITHDRAWN}),
        _S.REJECTED: frozenset({_S.SENDING, _S.WITHDRAWN}),
        _S.ACKED: frozenset(),
        _S.DENIED: frozenset(),
        _S.WITHDRAWN: frozenset(),
        _S.PAPER: frozenset(),
    }
)
"""Of an exit or a cancel: idempotent at the venue, so that it is repeated until acknowledged."""


def machine_of(intent: str) -> _NEXT:
    """The table of an order with that intent."""
    return ENTRY if intent == ENTER else EXIT


def is_open(intent: str, state: OrderState) -> bool:
    """True while the outbox may still have to do something for it."""
    return bool(machine_of(intent)[state]) and not (intent == ENTER and state is _S.UNKNOWN)


def check_transition(order_id: str, intent: str, before: OrderState, after: OrderState) -> None:
    """Raise ImpossibleTransition unless `after` may follow `before`."""
    allowed = machine_of(intent)[before]
    if after not in allowed:
        names = ", ".join(sorted(allowed)) or "nothing"
        raise ImpossibleTransition(
            f"Order {order_id} is {before} and cannot become {after}; from there it may become "
            f"{names}. Nothing was changed. Look at order_events of this order before going on."
        )
