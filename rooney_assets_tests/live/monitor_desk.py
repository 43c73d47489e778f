"""What the tests of the monitor share: a position that is held, a heartbeat, a journal.

Belongs here: making those. Does not belong here: tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from order_desk import RUN, TestClock, entry
from small_release import universe

from rooney_core.release.limits import LiveLimits
from rooney_live.heartbeat import write_heartbeat
from rooney_live.journal import Journal
from rooney_live.ledger import Ledger
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState
from rooney_live.orders.webhook import Webhook
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.risk.record import now_us
from rooney_live.risk.watch import Watched
from rooney_live.secrets import Secret

CHECKOUT = Path(__file__).resolve().parents[2]
INSTRUMENTS = {one.symbol: one for one in universe().instruments}
SECOND_NS = 1_000_000_000
LONG_AGO_US = 180_000_000
PATIENCE_S = 45.0


@contextmanager
def journal_at(live: Path) -> Iterator[Journal]:
    with Journal.open(live / "journal.sqlite") as journal:
        journal.begin(replace(RUN, mode="rehearsal"), "2026-01-01T00:00:00+00:00")
        yield journal


def watched(live: Path, limits: LiveLimits | None = None, seconds: float = 60.0) -> Watched:
    return Watched(live, live / "journal.sqlite", INSTRUMENTS, limits or LiveLimits(), seconds)


def beat(live: Path, state: str = "ACTIVE") -> None:
    write_heartbeat(live, {"at_us": now_us(), "state": state})


def hold(live: Path, venue: Receiver, symbol: str = "SIM_ES") -> None:
    """Open a position as the trader does, three minutes ago: acknowledged, and in the ledger."""
    order = entry(symbol, now_us() - LONG_AGO_US, expires_at_us=None)

    async def play(journal: Journal) -> None:
        webhook = Webhook(Secret("U", venue.url), authority=venue.certificate)
        outbox = Outbox(journal)
        clock = TestClock(order.decided_at_us)
        with journal.transaction():
            outbox.add(order, order.decided_at_us)
            Ledger(journal).begin(order, None)
        await Dispatcher(outbox, webhook, clock, lambda one, at_us: None).idle()
        await webhook.close()

    with journal_at(live) as journal:
        asyncio.run(play(journal))
        with journal.transaction():
            Ledger(journal).follow(now_us())
        assert Outbox(journal).get(order.order_id).state is OrderState.ACKED
        assert [one.state for one in Ledger(journal).open] == ["open"]
    assert venue.positions() == {f"{symbol}H2021": 2}


def decide(journal: Journal, at_us: int, close: float, symbol: str = "SIM_ES") -> None:
    with journal.transaction():
        journal.put(
            "decisions",
            {
                "run_id": "run",
                "symbol": symbol,
                "bar_end_us": at_us,
                "contract": f"{symbol}H21",
                "session": "2026-01-01",
                "close": close,
                "code": "FLAT",
                "action": "none",
                "side": 0,
                "features": "{}",
                "contributions": "{}",
                "release_id": "release",
            },
        )
