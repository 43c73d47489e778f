"""What the tests of orders share: a real journal, a real receiver, and a dispatcher between them.

Belongs here: making those and waiting for them. Does not belong here: tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rooney_live.journal import Journal, Run
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderIntent, OrderState, PostResult, StoredOrder
from rooney_live.orders.webhook import Timeouts, Webhook
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL, Secret

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
RUN = Run("run", "release", "2026-01", "code", "bars", ("SIM_ES",), None, None)
QUICK = Timeouts(connect=0.4, read=0.4)
PATIENT = Timeouts(connect=5.0, read=5.0)


def entry(symbol: str = "SIM_ES", at_us: int = START_US, **facts: object) -> OrderIntent:
    """An entry at the market, long, 2 contracts."""
    order = OrderIntent(
        order_id=f"{symbol}:{at_us}:enter",
        symbol=symbol,
        decided_at_us=at_us,
        intent="enter",
        side=1,
        size=2,
        reason="ENTER",
        run_id="run",
        decision_id=f"{symbol}:{at_us}",
        release_id="release",
        contract=f"{symbol}H21",
        ticker=f"{symbol}H2021",
        signal_price=4000.25,
        expires_at_us=at_us + 180 * SECOND_US,
    )
    return replace(order, **facts)


def leaving(symbol: str = "SIM_ES", at_us: int = START_US, **facts: object) -> OrderIntent:
    """The exit of it."""
    order = replace(entry(symbol, at_us), order_id=f"{symbol}:{at_us}:exit", intent="exit")
    return replace(order, expires_at_us=None, **facts)


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """A journal with one run; the same file again when it exists."""
    with Journal.open(folder / "journal.sqlite") as journal:
        journal.begin(RUN, "2026-01-01T00:00:00+00:00")
        yield journal


class TestClock:
    """Stands still; a sleep moves it on at once, and lets others run."""

    __test__ = False

    def __init__(self, start_us: int = START_US) -> None:
        self.us = start_us

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.us += round(seconds * SECOND_US)


@dataclass
class Desk:
    """One process's order side, on a clock that a test moves."""

    journal: Journal
    url: str
    certificate: Path | None
    timeouts: Timeouts = PATIENT
    sender: str = "trader"
    denial: Callable[[OrderIntent, int], str | None] = lambda order, now_us: None
    clock: TestClock = field(default_factory=TestClock)
    results: list[tuple[StoredOrder, PostResult | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.journal, self.sender)
        secret = Secret(TRADERSPOST_WEBHOOK_URL, self.url)
        self.webhook = Webhook(secret, self.timeouts, authority=self.certificate)
        self.dispatcher = Dispatcher(
            self.outbox,
            self.webhook,
            self.clock,
            lambda order, now_us: self.denial(order, now_us),
            lambda stored, result: self.results.append((stored, result)),
        )

    async def settle(self, for_us: int = 0) -> None:
        """Let everything happen that is due until so much later, skipping the waits."""
        until_us = self.clock.us + for_us
        while True:
            await self.dispatcher.idle()
            next_us = self.dispatcher.next_us()
            if next_us is None or next_us > until_us:
                self.clock.us = max(self.clock.us, until_us)
                return
            self.clock.us = max(self.clock.us, next_us)

    def run(self, *orders: OrderIntent, for_us: int = 0) -> tuple[StoredOrder, ...]:
        """Add orders, settle, close; what became of them."""

        async def play() -> None:
            for one in orders:
                self.outbox.add(one, self.clock.us)
            await self.settle(for_us)
            await self.webhook.close()

        asyncio.run(play())
        return tuple(self.outbox.get(one.order_id) for one in orders)

    def states(self) -> dict[str, OrderState]:
        """State by order id of every order in the journal."""
        rows = self.journal.query("SELECT order_id, state FROM orders ORDER BY order_id")
        return {row["order_id"]: OrderState(row["state"]) for row in rows}


@contextmanager
def desk_and_receiver(
    folder: Path, *faults: object, **facts: object
) -> Iterator[tuple[Desk, Receiver]]:
    """A desk that sends to a receiver which shows these faults."""
    with opened(folder) as journal, Receiver(folder / "venue", faults=faults) as receiver:
        yield Desk(journal, receiver.url, receiver.certificate, **facts), receiver


def actions(receiver: Receiver) -> list[str]:
    """What the receiver was asked for, in the order of arrival."""
    return [str(one.payload.get("action")) for one in receiver.requests]
