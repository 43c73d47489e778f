"""Questions the journal answers: what a run came to, and why a bar was decided as it was.

Belongs here: reading. Does not belong here: writing (journal.py) or printing (cli.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_live.codes import TraderCode
from rooney_live.journal import Journal, Row, Run

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RunSummary:
    """Decisions by code (most frequent first), trades by entry time, profit in USD.

    `n_emergency_stops`: events in which the trader stopped by itself.
    """

    decisions_by_code: Mapping[str, int]
    trades: tuple[Row, ...]
    net_profit_usd: float
    n_open: int
    n_emergency_stops: int


def run_summary(journal: Journal, run_id: str) -> RunSummary:
    """What the journal holds of a run; all zero for a run it does not know."""
    codes = journal.query(
        "SELECT code, count(*) AS n FROM decisions WHERE run_id = ? "
        "GROUP BY code ORDER BY n DESC, code",
        (run_id,),
    )
    trades = journal.query(
        "SELECT * FROM trades WHERE run_id = ? ORDER BY entry_time_us, symbol", (run_id,)
    )
    (entries,) = journal.query(
        "SELECT count(*) AS n FROM fills JOIN orders USING (order_id) "
        "WHERE fills.run_id = ? AND intent = 'enter' AND source = 'expected'",
        (run_id,),
    )
    (stops,) = journal.query(
        "SELECT count(*) AS n FROM events WHERE run_id = ? AND code = ?",
        (run_id, str(TraderCode.EMERGENCY_STOP)),
    )
    return RunSummary(
        decisions_by_code={row["code"]: row["n"] for row in codes},
        trades=tuple(trades),
        net_profit_usd=sum(row["net_profit_usd"] for row in trades),
        n_open=entries["n"] - len(trades),
        n_emergency_stops=stops["n"],
    )


LATEST_FIRST: Final = (
    "(SELECT max(at_us) FROM events WHERE events.run_id = runs.run_id AND events.symbol = '' "
    "AND events.code = 'STARTED') DESC NULLS LAST, started_at DESC, runs.rowid DESC"
)
"""`started_at` is of the first start: a release that is rolled back goes on with its old run."""


def last_run(journal: Journal) -> Row | None:
    """The run that was started last; None for a journal without one."""
    rows = journal.query(f"SELECT * FROM runs ORDER BY {LATEST_FIRST} LIMIT 1")
    return rows[0] if rows else None


def run_of(row: Row) -> Run:
    """A row of `runs` as what it was made of."""
    names = ("run_id", "release_id", "rebalance_month", "code_version", "bars_version", "mode")
    days: dict[str, Any] = {
        name: None if row[name] is None else date.fromisoformat(row[name])
        for name in ("first_session", "last_session")
    }
    return Run(symbols=tuple(json.loads(row["symbols"])), **{n: row[n] for n in names}, **days)


def recorded_symbols(journal: Journal) -> tuple[str, ...]:
    """Symbols with at least one decision."""
    return tuple(row["symbol"] for row in journal.query("SELECT DISTINCT symbol FROM decisions"))


def decision_at(journal: Journal, symbol: str, moment_us: int) -> Row:
    """The decision of the symbol's bar that ended at that moment, of the run started last.

    Raises MissingArtifact, naming the nearest record, when no bar ended then.
    """
    rows = journal.query(
        "SELECT decisions.* FROM decisions JOIN runs USING (run_id) "
        f"WHERE symbol = ? AND bar_end_us = ? ORDER BY {LATEST_FIRST}",
        (symbol, moment_us),
    )
    if rows:
        return rows[0]
    nearest = journal.query(
        "SELECT bar_end_us, code FROM decisions WHERE symbol = ? "
        "ORDER BY abs(bar_end_us - ?) LIMIT 1",
        (symbol, moment_us),
    )
    hint = "Nothing is recorded for it; run `rooney-live rehearse` first."
    if nearest:
        when = as_text(nearest[0]["bar_end_us"])
        hint = (
            f"Nearest record: {when} ({nearest[0]['code']}); ask `rooney-live why {symbol} {when}`."
        )
    raise MissingArtifact(f"No decision of {symbol} is recorded at {as_text(moment_us)}. {hint}")


def orders_at(journal: Journal, decision: Row) -> list[Row]:
    """The orders that a decision gave, with the fill's price and time, null where there is none."""
    return journal.query(
        "SELECT orders.*, fills.price, fills.filled_at_us FROM orders "
        "LEFT JOIN fills ON fills.order_id = orders.order_id AND source = 'expected' "
        "WHERE orders.run_id = ? AND orders.symbol = ? AND decided_at_us = ?",
        (decision["run_id"], decision["symbol"], decision["bar_end_us"]),
    )


def events_at(journal: Journal, decision: Row) -> list[Row]:
    """What else was noted of the symbol at a decision's moment."""
    return journal.query(
        "SELECT code, message FROM events WHERE run_id = ? AND symbol = ? AND at_us = ?",
        (decision["run_id"], decision["symbol"], decision["bar_end_us"]),
    )


def order_in_words(order: Row) -> str:
    """One order in a line: `buy 2 stop at 4510.25 during the next bar, stop distance 12.5; ...`."""
    is_buy = (order["side"] > 0) == (order["intent"] == "enter")
    words = [f"{'buy' if is_buy else 'sell'} {order['size']} {order['kind']}"]
    if order["level"] is not None:
        words[0] += f" at {order['level']:.10g} during the next bar"
    protection = ("stop_distance", "target_distance", "target_level", "trail_distance")
    words += [
        f"{name.replace('_', ' ')} {order[name]:.10g}"
        for name in protection
        if order[name] is not None
    ]
    if order.get("state", "PAPER") != "PAPER":
        words[0] += f" of {order['ticker']}, {order['state']} {order['code']}".rstrip()
        words[0] += f" after {order['attempts']} attempts"
    if order.get("execution_reason"):
        words.append(order["execution_reason"])
    filled = "not filled"
    if order["price"] is not None:
        filled = f"filled at {order['price']:.10g}, {as_text(order['filled_at_us'])}"
    return f"{', '.join(words)}; {filled}"


def parse_moment(text: str) -> int:
    """Microseconds since 1970 UTC of an ISO time; without a zone it is UTC.

    Raises InvalidSetting for anything else.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSetting(
            f"{text!r} is not a time; write the end of a bar as 2025-12-30T15:00 (UTC), or with "
            "a zone as 2025-12-30T10:00-05:00."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def as_text(moment_us: int) -> str:
    """ISO time in UTC, as short as is exact: what parse_moment reads back."""
    moment = _EPOCH + timedelta(microseconds=moment_us)
    exact = "auto" if moment.second or moment.microsecond else "minutes"
    return moment.replace(tzinfo=None).isoformat(timespec=exact) + "Z"
