"""Exits past a journal that takes no writing: sent, repeated, and remembered by this process alone.

Belongs here: when such an exit is sent again, within the venue's limits. Does not belong here: what
is held and when this is needed (`monitor`). An exit is idempotent, so that one too many does
nothing; requests too many may have the account suspended, so they are counted as ever, with those
that the journal still tells of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rooney_live.orders.limits import HOUR_US, Budget, OrderStore, free_at, posted, quiet_until
from rooney_live.orders.outcomes import BackOff, quiet_until_us
from rooney_live.orders.payload import body_of
from rooney_live.orders.records import OrderIntent, PostKind, PostResult
from rooney_live.orders.webhook import Webhook

REPEAT: Final = BackOff(15.0, 120.0)
"""How soon an exit without an answer is sent again."""
NOT_SENT_SECONDS: Final = 15.0
ACKNOWLEDGED_SECONDS: Final = 300.0
"""How much later it is sent once more after it was acknowledged: nobody could record it."""
_US: Final = 1_000_000
Say = Callable[[str, str], None]
"""Called with a code and words for everything that a person should hear of."""


@dataclass
class _Tried:
    n_sent: int = 0
    next_s: float = 0.0


class BlindExits:
    """Exits of one process. `seconds`: a clock for waits that nobody steps."""

    def __init__(
        self,
        webhook: Webhook,
        say: Say,
        budget: Budget | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._webhook = webhook
        self._seconds = seconds
        self._say = say
        self._budget = budget or Budget()
        self._tried: dict[str, _Tried] = {}
        self._sent_us: list[int] = []
        self._quiet_until_us = 0

    async def send(self, order: OrderIntent, journal: OrderStore, now_us: int) -> None:
        """Send an exit, unless it was sent a moment ago or the venue's limits are used up.

        `journal` is only read.
        """
        tried = self._tried.setdefault(order.ticker, _Tried())
        if self._seconds() < tried.next_s or not self._may_send(journal, now_us):
            return
        try:
            body = body_of(order, now_us)
        except ValueError as error:
            # One name that nobody can order must not keep the others from being left.
            self._say("BLIND_EXIT_PAYLOAD", f"{order.ticker}: {error}")
            tried.next_s = self._seconds() + ACKNOWLEDGED_SECONDS
            return
        result = await self._webhook.post(lambda: body)
        self._learn(tried, result, now_us)
        self._say(f"BLIND_EXIT_{result.kind.upper()}", f"{order.ticker} {result.code}".strip())

    def _may_send(self, journal: OrderStore, now_us: int) -> bool:
        self._sent_us = [one for one in self._sent_us if abs(now_us - one) < HOUR_US]
        times = sorted([*posted(journal, now_us), *self._sent_us])
        quiet_us = max(self._quiet_until_us, quiet_until(journal, now_us))
        return max(quiet_us, free_at(times, now_us, self._budget, is_entry=False)) <= now_us

    def _learn(self, tried: _Tried, result: PostResult, now_us: int) -> None:
        wait_s = ACKNOWLEDGED_SECONDS
        if result.kind is PostKind.NOT_SENT:
            wait_s = NOT_SENT_SECONDS
        else:
            tried.n_sent += 1
            self._sent_us.append(now_us)
        if result.kind is PostKind.RETRY_LATER:
            self._quiet_until_us = quiet_until_us(result, now_us)
        if result.kind not in (PostKind.NOT_SENT, PostKind.ACKED):
            wait_s = REPEAT.after(tried.n_sent) / _US
        tried.next_s = self._seconds() + wait_s
