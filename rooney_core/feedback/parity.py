"""In money: what live trading earned beside the batch path, and what each dollar between them is.

Belongs here: trade by trade from the replay to what the paper account expected, and on to what the
broker reported, in steps that add up exactly. Does not belong here: why decisions differ
(`decided`), which says whose fault a trade is that only one side has.

replay -> size -> decisions, bars -> the paper account -> time, price and commission of each fill
-> live. What the steps do not hold evidence for is UNEXPLAINED.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from rooney_core.feedback.causes import (
    CAUSES,
    DECIDED,
    DIFFERENCES_SCHEMA,
    USD_COLUMNS,
    Cause,
    cause_of_origin,
    cause_of_state,
)
from rooney_core.feedback.decided import COMPARED, Because, Differs
from rooney_core.market.instruments import Instrument

Row = Mapping[str, Any]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DAYS_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "session": pl.Date(),
    "run_id": pl.String(),
    "mode": pl.String(),
    "release_id": pl.String(),
    "n_decisions": pl.Int64(),
    "n_differences": pl.Int64(),
    "n_unexplained": pl.Int64(),
    "replayed_pnl_usd": pl.Float64(),
    "live_pnl_usd": pl.Float64(),
    **{name: pl.Float64() for name in USD_COLUMNS},
}
"""A row per live session and run. P&L counts in the session of a trade's exit; the USD columns of
the causes add up to live minus replayed."""


@dataclass(frozen=True)
class Prices:
    """The lake's bars of a symbol as arrays: to find the bar of a fill, and its session."""

    bar_start_us: Any
    bar_end_us: Any
    open: Any
    session: Sequence[date]

    @classmethod
    def of(cls, bars: pl.DataFrame) -> Prices:
        """Of continuous bars."""
        return cls(
            bars["bar_start"].dt.timestamp("us").to_numpy(),
            bars["bar_end"].dt.timestamp("us").to_numpy(),
            bars["open"].to_numpy(),
            bars["session"].to_list(),
        )

    def bar_of(self, moment: datetime) -> int:
        """The newest bar that had begun by then; 0 before the first."""
        stamp = int(pl.Series([moment]).dt.timestamp("us")[0])
        return max(int(np.searchsorted(self.bar_start_us, stamp, side="right")) - 1, 0)

    def end_of(self, moment: datetime) -> datetime:
        """When the bar ends that a moment is in."""
        stamp = int(self.bar_end_us[self.bar_of(moment)])
        return _EPOCH + timedelta(microseconds=stamp)

    def session_of(self, moment: datetime) -> date:
        """The session of the bar that a moment is in, or that ended with it."""
        stamp = int(pl.Series([moment]).dt.timestamp("us")[0])
        bar = int(np.searchsorted(self.bar_end_us, stamp, side="left"))
        return self.session[min(bar, len(self.session) - 1)]


@dataclass(frozen=True)
class Book:
    """The trades of one symbol in one run.

    `recorded`: the paper account's (live_trades); `replayed`: TRADES_SCHEMA, of `size` contracts;
    Their `exit_fill_order_id` names the order whose reported fill ended it, if any did. `reported`:
    order_id -> the broker's fill; `expected`: orders that the paper account filled; `orders`:
    order_id -> the order. `other_bars`: bar_end -> how the lake's bar differs from the one that the
    trader saw, in words.
    """

    symbol: str
    run_id: str
    instrument: Instrument
    size: int
    commission_usd: float
    recorded: Sequence[Row]
    replayed: Sequence[Row]
    reported: Mapping[str, Row]
    orders: Mapping[str, Row]
    prices: Prices
    tolerance_usd: float
    max_delay: timedelta
    expected: Collection[str] = ()
    other_bars: Mapping[datetime, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One step, or one decision; `usd` None where it moves no money by itself."""

    at: datetime
    session: date
    what: str
    recorded: object
    replayed: object
    because: Because
    usd: float | None


def differences_of(book: Book, decided: Sequence[Differs]) -> list[Difference]:
    """Every difference of a symbol in a run, by time; the money of them adds up."""
    found = [*_decisions(book, decided)]
    recorded = {row["signal_time"]: row for row in book.recorded}
    replayed = {row["signal_time"]: row for row in book.replayed}
    for moment in sorted({*recorded, *replayed}):
        own, other = recorded.get(moment), replayed.get(moment)
        found += _trade(book, decided, own, other)
    found += _strangers(book)
    return sorted(found, key=lambda one: (one.at, one.what))


def differences_table(book: Book, found: Sequence[Difference]) -> pl.DataFrame:
    """DIFFERENCES_SCHEMA."""
    rows = [
        (
            book.symbol,
            book.run_id,
            one.session,
            one.at,
            one.what,
            None if one.recorded is None else str(one.recorded),
            None if one.replayed is None else str(one.replayed),
            str(one.because.cause),
            one.usd,
            one.because.proof,
        )
        for one in found
    ]
    return pl.DataFrame(rows, schema=DIFFERENCES_SCHEMA, orient="row")


def days_table(
    book: Book, found: Sequence[Difference], recorded: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """DAYS_SCHEMA without mode and release: a row per session of `sessions`, and of any trade."""
    replayed = _by_session(
        book, ((row["exit_time"], row["net_profit_usd"]) for row in book.replayed)
    )
    counts = dict(recorded.group_by("session").len().iter_rows())
    days = sorted({*sessions, *replayed, *(one.session for one in found)})
    rows = []
    for day in days:
        here = [one for one in found if one.session == day]
        usd = {
            name: sum(one.usd or 0.0 for one in here if one.because.cause is cause)
            for name, cause in zip(USD_COLUMNS, CAUSES, strict=True)
        }
        unexplained = [one for one in here if one.because.cause is Cause.UNEXPLAINED]
        base = replayed.get(day, 0.0)
        rows.append(
            {
                "symbol": book.symbol,
                "session": day,
                "run_id": book.run_id,
                "n_decisions": counts.get(day, 0),
                "n_differences": len(here),
                "n_unexplained": len(unexplained),
                "replayed_pnl_usd": base,
                "live_pnl_usd": base + sum(usd.values()),
                **usd,
            }
        )
    return pl.DataFrame(rows, schema=DAYS_SCHEMA)


def _decisions(book: Book, decided: Sequence[Differs]) -> Iterator[Difference]:
    for one in decided:
        session = (one.recorded or {}).get("session") or book.prices.session_of(one.at)
        if one.recorded is None or one.replayed is None:
            there = (None if one.recorded is None else "there", None)
            own, other = there if one.recorded is not None else (None, "there")
            yield Difference(one.at, session, "decision", own, other, one.because, None)
            continue
        for name in COMPARED:
            own, other = one.recorded[name], one.replayed[name]
            if own != other:
                yield Difference(one.at, session, name, own, other, one.because, None)


def _trade(
    book: Book, decided: Sequence[Differs], own: Row | None, other: Row | None
) -> Iterator[Difference]:
    if own is None and other is not None:
        session = book.prices.session_of(other["exit_time"])
        because = _between(decided, other["signal_time"], other["exit_time"]) or _of_the_entry(
            book, other["signal_time"]
        )
        usd = -float(other["net_profit_usd"])
        yield Difference(other["signal_time"], session, "trade", None, "there", because, usd)
        return
    if own is None:
        return
    session = book.prices.session_of(own["exit_time"])
    if other is None:
        reason = _between(decided, own["signal_time"], own["exit_time"])
        usd = float(own["net_profit_usd"])
        at = own["signal_time"]
        yield Difference(at, session, "trade", "there", None, reason or _NOTHING, usd)
    else:
        yield from _both(book, decided, own, other, session)
    yield from _fills(book, own, session)


_DECIDED: Final = {"origin": DECIDED}
_NOTHING: Final = Because(Cause.UNEXPLAINED, "nothing on record says why")


def _between(decided: Sequence[Differs], begin: datetime, end: datetime) -> Because | None:
    """Why the first decision differs that a trade of this time could have come of."""
    return next((one.because for one in decided if begin <= one.at <= end), None)


def _of_the_entry(book: Book, moment: datetime) -> Because:
    """What became of the entry's order, where the paper account took no part in the trade."""
    for order in book.orders.values():
        if order["decided_at"] == moment and order["intent"] == "enter":
            cause = cause_of_state(str(order["state"]), str(order["order_code"]))
            if cause is not None:
                return Because(cause, f"the order is {order['state']} {order['order_code']}")
    return _NOTHING


def _both(
    book: Book, decided: Sequence[Differs], own: Row, other: Row, session: date
) -> Iterator[Difference]:
    """From the replay's trade to the paper account's."""
    at, each = own["signal_time"], float(other["net_profit_usd"]) / book.size
    if own["size"] != book.size:
        usd = (own["size"] - book.size) * each
        words = f"{own['size']} contracts were ordered, the release has {book.size}"
        because = Because(Cause.SIZING, words)
        yield Difference(at, session, "size", own["size"], book.size, because, usd)
    rest = float(own["net_profit_usd"]) - each * own["size"]
    moved = [
        name
        for name in ("side", "entry_time", "exit_time", "entry_price", "exit_price", "exit_reason")
        if own[name] != other[name]
    ]
    if not moved and abs(rest) <= book.tolerance_usd:
        return
    name = moved[0] if moved else "net_profit_usd"
    begin, end = own["signal_time"], max(own["exit_time"], other["exit_time"])
    reason = _between(decided, begin, end) or _of_the_bars(book, begin, end)
    reason = reason or _of_the_exit(book, own) or _of_commission(book, own, rest, moved)
    yield Difference(at, session, name, own[name], other[name], reason or _NOTHING, rest)


def _of_the_bars(book: Book, begin: datetime, end: datetime) -> Because | None:
    """A bar between the signal and the bar of the exit is another one now."""
    last = book.prices.end_of(end)
    words = (book.other_bars[one] for one in sorted(book.other_bars) if begin < one <= last)
    return next((Because(Cause.DATA, one) for one in words), None)


def _of_the_exit(book: Book, own: Row) -> Because | None:
    order = book.orders.get(own["exit_order_id"])
    cause = None if order is None else cause_of_origin(str(order["origin"]))
    if order is None or cause is None:
        return None
    return Because(cause, f"left by an order of origin {order['origin']}")


def _of_commission(book: Book, own: Row, rest: float, moved: Sequence[str]) -> Because | None:
    """The whole rest is commission that differs from the release's, on every fill."""
    fills = 2 + 2 * own["rolls"]
    expected = book.commission_usd * fills * own["size"]
    if moved or abs(rest - (expected - own["commission_usd"])) > book.tolerance_usd:
        return None
    words = f"commission was {own['commission_usd']:g} USD, the release's comes to {expected:g}"
    return Because(Cause.COST, words)


def _fills(book: Book, own: Row, session: date) -> Iterator[Difference]:
    """From the paper account's trade to what the broker reported of it."""
    legs = [("entry", own["side"]), ("exit", -own["side"])]
    names = (own["entry_order_id"], own["exit_fill_order_id"])
    reported = [book.reported.get(name) for name in names]
    if any(one is None for one in reported):
        return
    filled = min(int(one["size"]) for one in reported if one is not None)
    if filled != own["size"]:
        usd = (filled - own["size"]) * float(own["net_profit_usd"]) / own["size"]
        because = Because(Cause.FILL, f"{filled} of {own['size']} contracts were filled")
        yield Difference(own["signal_time"], session, "size", filled, own["size"], because, usd)
    for (leg, direction), one in zip(legs, reported, strict=True):
        if one is not None:
            yield from _leg(book, own, one, leg, direction * filled, session)


def _leg(
    book: Book, own: Row, one: Row, leg: str, signed: int, session: date
) -> Iterator[Difference]:
    """`signed`: contracts, above 0 bought. The market's move up to a late fill is TIMING, as far as
    the opens of the bars tell it; the rest of the price is FILL."""
    price, due, at = own[f"{leg}_price"], own[f"{leg}_time"], one["filled_at"]
    worth = signed * book.instrument.multiplier
    beyond = -worth * (one["fill_price"] - price)
    other = cause_of_origin(str(book.orders.get(one["order_id"], _DECIDED)["origin"]))
    if other is not None:
        origin = book.orders[one["order_id"]]["origin"]
        because = Because(other, f"{leg} by an order of origin {origin} at {at}")
        yield Difference(at, session, "fill", one["fill_price"], price, because, beyond)
        beyond = 0.0
    elif abs(at - due) > book.max_delay:
        first, last = (book.prices.bar_of(moment) for moment in (due, at))
        moved = -worth * float(book.prices.open[last] - book.prices.open[first])
        words = f"{leg} filled {at - due} after it was due"
        late = Because(Cause.TIMING, words)
        yield Difference(at, session, "fill", at, due, late, moved)
        beyond -= moved
    if abs(beyond) > 0.0:
        because = Because(Cause.FILL, f"{leg} filled at {one['fill_price']:g}")
        yield Difference(at, session, "fill", one["fill_price"], price, because, beyond)
    expected = book.commission_usd * abs(signed)
    paid = one["fill_commission_usd"] * abs(signed) / one["size"] - expected
    if abs(paid) > 0.0:
        because = Because(Cause.COST, f"commission of the {leg}")
        told = one["fill_commission_usd"]
        yield Difference(at, session, "commission", told, expected, because, -paid)


def _strangers(book: Book) -> Iterator[Difference]:
    """What the broker reported of orders that no trade of the paper account has."""
    # A position that is open yet has its entry alone, which the paper account has too.
    known = {row["exit_fill_order_id"] for row in book.recorded}.union(book.expected)
    fills = [one for name, one in book.reported.items() if name not in known]
    if not fills:
        return
    fills.sort(key=lambda one: one["filled_at"])
    held, usd = 0, 0.0
    for one in fills:
        order = book.orders[one["order_id"]]
        sign = order["side"] * (1 if order["intent"] == "enter" else -1) * one["size"]
        held += sign
        usd -= sign * one["fill_price"] * book.instrument.multiplier + one["fill_commission_usd"]
    first = book.orders[fills[0]["order_id"]]
    session = book.prices.session_of(fills[-1]["filled_at"])
    cause = cause_of_origin(str(first["origin"])) or cause_of_state(
        str(first["state"]), str(first["order_code"])
    )
    words = f"fills of {first['origin']} orders, {first['state']}, that the paper account left out"
    because = Because(cause, words) if cause is not None else _NOTHING
    if held != 0:
        words = f"reported fills of {len(fills)} orders leave {held} contracts open"
        because = Because(Cause.UNEXPLAINED, words)
        usd = 0.0
    yield Difference(fills[-1]["filled_at"], session, "fill", "reported", None, because, usd)


def _by_session(book: Book, amounts: Iterator[tuple[datetime, float]]) -> dict[date, float]:
    found: dict[date, float] = {}
    for moment, usd in amounts:
        day = book.prices.session_of(moment)
        found[day] = found.get(day, 0.0) + float(usd)
    return found
