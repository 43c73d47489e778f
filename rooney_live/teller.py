"""What the trader says of itself: log lines, heartbeat, notices, systemd.

Belongs here: which of these a happening is worth. Does not belong here: their shapes (`logs`,
`heartbeat`, `notices`), or the journal.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from rooney_live.clock import Clock
from rooney_live.codes import TraderCode
from rooney_live.engine import Outcome
from rooney_live.feeds.records import FeedCode, FeedNote, Market, Moment
from rooney_live.heartbeat import HeartbeatFailed, write_heartbeat
from rooney_live.journal import Run
from rooney_live.ledger import Ledger
from rooney_live.notices import Notices
from rooney_live.orders.records import OrderState, PostResult, StoredOrder
from rooney_live.risk.watch import STOPPED
from rooney_live.standing import Standing
from rooney_live.systemd import ALIVE, READY, STOPPING, tell_systemd

_LOUD: Final = frozenset(
    {FeedCode.NOT_ENTITLED, FeedCode.GAP_TOO_LONG, FeedCode.UNRESOLVED, FeedCode.SYMBOL_SILENT}
)
_WARNED: Final = (OrderState.REJECTED, OrderState.UNKNOWN, OrderState.DENIED)
WARMING_UP: Final = "warming_up"
READY_STATE: Final = "ready"
ENDING: Final = "stopping"
BROKEN: Final = "broken"


class Timing(NamedTuple):
    """`perf_counter_ns` of a moment: its last bar arrived, all was decided, and was committed."""

    arrived_ns: int
    decided_ns: int
    committed_ns: int


@dataclass
class Teller:
    """`state`: warming_up, ready, stopping, stopped or broken, as the heartbeat has it."""

    live: Path
    run: Run
    clock: Clock
    market: Market
    ledger: Ledger
    standing: Standing
    notices: Notices
    log: logging.Logger
    state: str = WARMING_UP
    last_moment_us: int = 0
    n_decisions: int = 0
    posted: dict[str, Timing] = field(default_factory=dict)
    _is_failing: bool = field(default=False, init=False)
    _fresh: tuple[Outcome, ...] = field(default=(), init=False)

    def say(self, code: str, message: str, level: int = logging.INFO, **extra: Any) -> None:
        """One line of the log."""
        self.log.log(level, message, extra={"code": str(code), "run_id": self.run.run_id, **extra})

    def ready(self, now_us: int) -> None:
        """Warmed up: from here on moments are traded."""
        self.state = READY_STATE
        took_s = since_start_s()
        self.say(TraderCode.READY, f"ready {took_s:.3f} s after the start", seconds=took_s)
        tell_systemd(READY)
        self.notices.tell("Rooney trades", f"Run {self.run.run_id}, {self.run.mode}.")

    def decided(self, moment: Moment, outcomes: Iterable[Outcome]) -> None:
        """Count a moment; its lines are written by `moment`, when requests have left."""
        self.last_moment_us = max(self.last_moment_us, moment.end_us)
        self._fresh = tuple(outcomes)
        self.n_decisions += len(self._fresh)

    def moment(self, moment: Moment) -> None:
        """A line for each decision of the last moment that wanted something."""
        for one in self._fresh:
            decision = one.decision
            name = f"{decision.symbol}:{decision.bar_end_us}"
            level = logging.INFO if one.action != "none" or decision.side else logging.DEBUG
            self.say(one.code, one.action, level, decision_id=name, symbol=decision.symbol)
        self._fresh = ()

    def note(self, note: FeedNote) -> None:
        """News of a feed."""
        message = f"{note.feed} {note.symbol}: {note.message}"
        self.say(f"FEED_{note.code}", message, logging.WARNING, symbol=note.symbol)
        if note.code in _LOUD:
            self.notices.tell(f"Feed: {note.code}", message)

    def answered(self, stored: StoredOrder, result: PostResult | None) -> None:
        """What became of an order."""
        order = stored.order
        words = f"{order.intent} {order.side:+d} x {order.size} {order.ticker}: {stored.state}"
        if stored.code:
            words += f" {stored.code}"
        names: dict[str, Any] = {"decision_id": order.decision_id, "order_id": order.order_id}
        self._posted(names, result)
        level = logging.WARNING if stored.state in _WARNED else logging.INFO
        self.say(f"ORDER_{stored.state}", words, level, symbol=order.symbol, **names)
        if stored.state is not OrderState.INTENT:
            self.notices.tell(f"Order {stored.state}", words)

    def _posted(self, names: Mapping[str, Any], result: PostResult | None) -> None:
        """How long a request took from the last bar to its first byte, for whoever measures."""
        timing = self.posted.pop(names["order_id"], None)
        if timing is not None and result is not None and result.first_byte_ns is not None:
            times = {**timing._asdict(), "first_byte_ns": result.first_byte_ns}
            self.say("POSTED", "left", **names, **times)

    def stopping(self, why: str) -> None:
        """Told to end."""
        self.state = ENDING
        self.say(TraderCode.STOPPING, why, logging.WARNING)
        tell_systemd(STOPPING)
        self.notices.tell("Rooney stops", why)

    def emergency(self, error: BaseException) -> None:
        """It stops by itself."""
        self.state = BROKEN
        self.say(TraderCode.EMERGENCY_STOP, f"{type(error).__name__}: {error}", logging.ERROR)
        self.notices.tell("Rooney stopped by itself", f"{type(error).__name__}: {error}")

    def stopped(self) -> None:
        """The last word, with the last heartbeat."""
        if self.state != BROKEN:
            self.state = STOPPED
            self.say(TraderCode.STOPPED, "ended as it should")
        self._write(self.facts())

    async def beat(self) -> None:
        """One heartbeat: facts by the loop, so that they tell of it; the disk by a thread."""
        tell_systemd(ALIVE)
        await asyncio.to_thread(self._write, self.facts())

    def facts(self) -> dict[str, Any]:
        """What heartbeat.json says."""
        now_us, book = self.clock.now_us(), self.standing.book
        return {
            "at_us": now_us,
            "pid": os.getpid(),
            "run_id": self.run.run_id,
            "release_id": self.run.release_id,
            "mode": self.run.mode,
            "state": self.state,
            "trading_state": self.standing.trading_state,
            "last_moment_us": self.last_moment_us,
            "n_decisions": self.n_decisions,
            "positions": [_position(one) for one in self.ledger.open],
            "equity_usd": book.equity_usd,
            "peak_equity_usd": book.peak_equity_usd,
            "day_profit_usd": book.day_profit_usd,
            "quotes": {
                symbol: {
                    "price": one.price,
                    "bar_end_us": one.bar_end_us,
                    "multiplier": one.multiplier,
                }
                for symbol, one in book.quotes.items()
            },
            "feeds": _feeds(self.market, now_us),
            "notices": {
                "sent": self.notices.n_sent,
                "failed": self.notices.n_failed,
                "dropped": self.notices.n_dropped,
            },
        }

    def _write(self, facts: Mapping[str, Any]) -> None:
        try:
            write_heartbeat(self.live, facts)
            self._is_failing = False
        except HeartbeatFailed as error:
            # Once: a full disk would fill the log as well. Its age is what the monitor acts on.
            if not self._is_failing:
                self.say("HEARTBEAT_FAILED", str(error), logging.ERROR)
            self._is_failing = True


def since_start_s() -> float:
    """Seconds since this process was started, by the kernel; 0.0 where it does not say."""
    try:
        started = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def _position(one: Any) -> dict[str, Any]:
    names = ("symbol", "contract", "side", "size", "state", "is_known", "proof", "proof_at_us")
    return {name: getattr(one, name) for name in names}


def _feeds(market: Market, now_us: int) -> dict[str, Any]:
    return {
        symbol: {
            "state": str(one.state),
            "last_bar_end_us": one.last_bar_end_us,
            "contract": one.contract,
            "n_gaps": one.n_gaps,
        }
        for symbol, one in market.health(now_us).items()
    }
