"""The faults that the local TradersPost can show a client.

Belongs here: what can go wrong with one request or connection, and in which order it does. Does not
belong here: sockets (`receiver.py`), or an answer without a fault (`receiver_answers.py`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

from rooney_core.errors import InvalidSetting, UnknownName

OF_CONNECTION: Final = (
    "reset_handshake",
    "garbage_handshake",
    "close_handshake",
    "stall_handshake",
)
TAKEN: Final = (
    *("reset_after", "close_after", "timeout_after", "cut_200", "html_200", "server_error_after"),
    *("garbage_after", "slow", "closing"),
)
NOT_TAKEN: Final = (
    *("reset_before", "close_before", "timeout_before", "server_error_before", "too_many"),
    *("bad_request", "not_found", "request_timeout", "redirect"),
)
KINDS: Final = (*OF_CONNECTION, *TAKEN, *NOT_TAKEN, "none")
"""What can go wrong; `OrderFault` says how."""

# A read timeout costs the host's own time: it has tests of its own instead.
_DRAWN: Final = (
    *("reset_before", "reset_after", "close_before", "close_after", "cut_200", "html_200"),
    *("server_error_before", "server_error_after", "too_many", "bad_request", "not_found"),
    *("closing", "garbage_after"),
)
_DRAWN_OF_CONNECTION: Final = ("reset_handshake", "garbage_handshake", "close_handshake")
CONNECT: Final = "connect"
"""The action of what is meant for new connections."""


@dataclass(frozen=True)
class OrderFault:
    """What goes wrong with the next `times` requests, or with new connections.

    Of a connection: reset_handshake, close_handshake, garbage_handshake (no TLS), stall_handshake
    (nothing comes). The venue acts on the request, and then: reset_after, close_after,
    timeout_after (no answer), cut_200 (half of the body), html_200, server_error_after (500, HTML),
    garbage_after (no HTTP), slow (answers after `seconds`), closing (a good answer, and the
    connection is closed). It does not act: reset_before, close_before, timeout_before,
    server_error_before, too_many (429, Retry-After `seconds`), bad_request (400 with `code`),
    not_found (404, HTML that repeats the path), request_timeout (408), redirect (302).
    none: nothing goes wrong, which spaces faults out. `action`: only for requests of it; CONNECT:
    for connections.
    """

    kind: str
    times: int = 1
    action: str = ""
    code: str = "invalid-payload"
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName.among("fault", self.kind, KINDS)
        if self.times < 1 or self.seconds < 0:
            raise InvalidSetting(
                f"Fault {self.kind} with times {self.times} and seconds {self.seconds}; times of 1 "
                "or more and seconds of 0 or more are needed."
            )

    @property
    def is_of_connection(self) -> bool:
        """True where it happens before a request can be sent."""
        return self.kind in OF_CONNECTION or self.action == CONNECT

    @property
    def is_taken(self) -> bool:
        """True where the venue acts on the request all the same."""
        return self.kind in TAKEN or self.kind == "none"


def take_fault(
    faults: list[OrderFault], *, of_connection: bool, action: str = ""
) -> OrderFault | None:
    """The first fault that is due for a connection, or a request of `action`; used up by one."""
    for at, one in enumerate(faults):
        is_meant = one.is_of_connection == of_connection and one.action in ("", CONNECT, action)
        if is_meant:
            faults[at : at + 1] = [replace(one, times=one.times - 1)] if one.times > 1 else []
            return one
    return None


def random_order_faults(seed: int, n_requests: int, share: float = 0.2) -> list[OrderFault]:
    """One fault or none for each of the next requests, and as many for the next connections.

    The same seed gives the same ones.
    """
    draw = random.Random(seed)
    faults = []
    for _ in range(n_requests):
        faults.append(OrderFault(draw.choice(_DRAWN) if draw.random() < share else "none"))
        kind = draw.choice(_DRAWN_OF_CONNECTION) if draw.random() < share else "none"
        faults.append(OrderFault(kind, action=CONNECT))
    return faults
