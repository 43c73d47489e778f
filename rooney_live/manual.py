"""A person's own order: `rooney-live trade`, through the same checks as the strategy's.

Belongs here: making an order of a TRADE row, or saying why not. Does not belong here: the command
(`cli`), or sending. It works for the trader, and for a command that holds the trader's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from rooney_core.errors import RooneyError
from rooney_core.market.calendar import UTC_MICROSECONDS, flat_deadlines
from rooney_live.codes import Denial
from rooney_live.control import Told
from rooney_live.desk import DEADLINE_LEAD_US, Desk, Leaving
from rooney_live.journal import Journal, Row
from rooney_live.ledger import Ledger
from rooney_live.orders.records import ENTER, OrderIntent, Origin, order_id_of
from rooney_live.risk.book import Quote
from rooney_live.risk.checks import check_order
from rooney_live.standing import Standing

_US: Final = 1_000_000
MANUAL_REASON: Final = "MANUAL"


@dataclass(frozen=True)
class Manual:
    """Orders of people, for one journal. `max_positions`: as the release says."""

    journal: Journal
    ledger: Ledger
    desk: Desk
    standing: Standing
    max_positions: int

    def order(self, row: Told, now_us: int) -> str:
        """Order what the row asks for, inside the caller's transaction; what came of it, in words.

        `arguments`: symbol, intent (enter or exit), side and size of an entry.
        """
        asked = row.arguments
        symbol = str(asked["symbol"])
        if asked["intent"] != ENTER:
            return self._leave(symbol, now_us)
        try:
            return self._enter(row, symbol, now_us)
        except (RooneyError, KeyError, ValueError) as error:
            return f"{symbol}: not ordered, {type(error).__name__}: {error}"

    def _leave(self, symbol: str, now_us: int) -> str:
        held = [one for one in self.ledger.of(symbol) if one.state != "leaving"]
        for one in held:
            at_us = max(now_us, one.since_us + 1)
            self.desk.leave(Leaving(one, at_us, Origin.MANUAL, MANUAL_REASON), now_us)
        return f"{symbol}: {len(held)} exits ordered"

    def _enter(self, row: Told, symbol: str, now_us: int) -> str:
        last = self._last_bar(symbol)
        if last is None:
            return f"{symbol}: denied, {Denial.STALE_FEED}: no bar of it was ever decided on"
        intent = self._intent(row, symbol, last)
        deadline_us = self._deadline_us(symbol, now_us)
        code = (
            self._stopped(symbol)
            or self._of_market(intent, last, now_us, deadline_us)
            or self._of_risk(intent, last, now_us)
        )
        if code is not None:
            return f"{intent.order_id}: denied, {code}"
        self.desk.send(intent, now_us, deadline_us)
        return f"{intent.order_id}: ordered"

    def _stopped(self, symbol: str) -> str | None:
        """What stops the strategy's entries stops a person's."""
        standing = self.standing
        if standing.killed() is not None:
            return Denial.KILLED
        if standing.is_stopping:
            return Denial.STOPPING
        return standing.control.denial(symbol)

    def _of_market(
        self, intent: OrderIntent, last: Row, now_us: int, deadline_us: int
    ) -> str | None:
        standing = self.standing
        # The last bar may be as old as the next one is long, and then late.
        length_s = standing.instruments[intent.symbol].bar_minutes * _MINUTE_S
        if now_us - last["bar_end_us"] > (length_s + standing.limits.max_bar_age_seconds) * _US:
            return Denial.STALE_FEED
        if standing.unproven:
            return Denial.REDUCING
        if now_us >= deadline_us - DEADLINE_LEAD_US:
            return Denial.FLAT_WINDOW
        is_full = len({intent.symbol, *self.ledger.symbols}) > self.max_positions
        return Denial.MAX_POSITIONS if is_full else None

    def _of_risk(self, intent: OrderIntent, last: Row, now_us: int) -> str | None:
        standing = self.standing
        quote = Quote(
            last["close"],
            standing.instruments[intent.symbol].multiplier,
            last["bar_end_us"],
            standing.bad_days.get(intent.symbol, float("nan")),
            self._close_before(last),
        )
        book = replace(
            standing.book,
            now_us=now_us,
            quotes={**standing.book.quotes, intent.symbol: quote},
            exposures=tuple(one.exposure for one in self.ledger.open),
        )
        return check_order(intent, book, standing.limits)

    def _intent(self, row: Told, symbol: str, last: Row) -> OrderIntent:
        day = datetime.fromisoformat(last["session"]).date()
        return OrderIntent(
            order_id=order_id_of(symbol, row.at_us, ENTER, Origin.MANUAL),
            symbol=symbol,
            decided_at_us=row.at_us,
            intent="enter",
            side=int(row.arguments["side"]),
            size=int(row.arguments["size"]),
            reason=MANUAL_REASON,
            run_id=last["run_id"],
            decision_id=f"manual:{row.control_id}",
            release_id=last["release_id"],
            contract=last["contract"],
            ticker=self.desk.ticker(symbol, last["contract"], (day - _EPOCH).days),
            origin=Origin.MANUAL,
            signal_price=last["close"],
            expires_at_us=row.at_us + self.standing.limits.max_bar_age_seconds * _US,
        )

    def _last_bar(self, symbol: str) -> Row | None:
        rows = self.journal.query(
            "SELECT d.* FROM decisions d JOIN runs USING (run_id) "
            "WHERE symbol = ? AND mode <> 'replay' ORDER BY bar_end_us DESC LIMIT 1",
            (symbol,),
        )
        return rows[0] if rows else None

    def _close_before(self, last: Row) -> float:
        rows = self.journal.query(
            "SELECT close FROM decisions WHERE run_id = ? AND symbol = ? AND bar_end_us < ? "
            "AND contract = ? ORDER BY bar_end_us DESC LIMIT 1",
            (last["run_id"], last["symbol"], last["bar_end_us"], last["contract"]),
        )
        return float(rows[0]["close"]) if rows else float("nan")

    def _deadline_us(self, symbol: str, now_us: int) -> int:
        """A person's position is flat by the deadline of the present day, as a bar's would be."""
        present = pl.Series([now_us]).cast(UTC_MICROSECONDS)
        found = flat_deadlines(present, self.standing.instruments[symbol])
        return int(found.dt.timestamp("us")[0])


_MINUTE_S: Final = 60
_EPOCH = datetime(1970, 1, 1).date()
