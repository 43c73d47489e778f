"""How an order is sent: at the market, or by a limit at the signal's price and then at the market.

Belongs here: the choice, its reason, and what is learned from recorded fills. Does not belong here:
the strategy's own stop and limit entries (`OrderIntent.kind`), or sending.

An entry is one request, whatever happens: one that waited at a limit and then went to the market
would be two, and the venue cannot be asked whether the first was filled. So only exits have a
choice; repeated, they do nothing. A limit exit is two orders from the start: the limit, and an exit
at the market that is due when its time is up, so that a crash between them loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo

from rooney_core.backtest.costs import EXCHANGE_ZONE
from rooney_core.market.instruments import Instrument
from rooney_live.orders.limits import SECOND_US, OrderStore
from rooney_live.orders.records import OrderIntent, Origin

LIMIT_SECONDS: Final = 90.0
"""How long a limit stands; longer than the venue's minute between signals of one ticker."""

SPARE_SECONDS: Final = 300.0
"""With less time than this beyond a limit's before the flat deadline there is no limit."""

MIN_FILLS: Final = 30
"""Recorded fills of either kind before they decide."""

DEAR_TICKS: Final = 2.0
"""By rule: where a market order is expected to cost so many ticks, a limit is tried first."""

Way = Literal["market", "limit"]
# What fills after a limit's time is what the limit has cost.
_LIMIT: Final[Mapping[str, Way]] = {Origin.DECISION: "market", Origin.TIMEOUT: "limit"}


@dataclass(frozen=True)
class Situation:
    """When an order is sent. `hour`: of the exchange's clock (Chicago), 0 to 23.

    `seconds_to_flat`: until the flat deadline; None where there is none.
    """

    hour: int
    seconds_to_flat: float | None = None


@dataclass(frozen=True)
class Choice:
    """The way, and why; the reason goes into the order's row."""

    way: Way
    reason: str


@dataclass(frozen=True)
class RecordedFill:
    """A broker's fill of an exit. `way` is what was chosen: a limit that timed out counts as one.

    `slippage_ticks`: against the signal's price, above 0 for worse.
    """

    symbol: str
    way: Way
    hour: int
    slippage_ticks: float


@dataclass(frozen=True)
class Learned:
    """Mean cost of `n` recorded fills."""

    n: int
    mean_ticks: float


@dataclass(frozen=True)
class ExecutionTable:
    """What fills have cost, by symbol, way and whether the hour is a thin one."""

    rows: Mapping[tuple[str, Way, bool], Learned] = field(default_factory=dict)

    @classmethod
    def from_fills(
        cls, fills: Iterable[RecordedFill], instruments: Mapping[str, Instrument]
    ) -> Self:
        """The table of these fills; those of symbols that are not in `instruments` are left out."""
        found: dict[tuple[str, Way, bool], list[float]] = {}
        for one in fills:
            if one.symbol in instruments:
                key = (one.symbol, one.way, is_thin(instruments[one.symbol], one.hour))
                found.setdefault(key, []).append(one.slippage_ticks)
        return cls({key: Learned(len(all_), sum(all_) / len(all_)) for key, all_ in found.items()})

    def choose(self, order: OrderIntent, instrument: Instrument, situation: Situation) -> Choice:
        """How to send `order`."""
        if order.is_entry:
            if order.kind != "market":
                return Choice("market", f"the strategy's own {order.kind} at its level")
            return Choice("market", "an entry is sent once: no limit that would need a second")
        if order.intent != "exit" or order.origin is not Origin.DECISION:
            return Choice("market", f"{order.origin}: certain, whatever it costs")
        if order.signal_price is None:
            return Choice("market", "no signal price to put a limit at")
        left = situation.seconds_to_flat
        if left is not None and left < LIMIT_SECONDS + SPARE_SECONDS:
            return Choice("market", f"{left:.0f} s to the flat deadline: no time for a limit")
        return self._learned(instrument, situation.hour) or _by_rule(instrument, situation.hour)

    def _learned(self, instrument: Instrument, hour: int) -> Choice | None:
        """By what enough fills in such hours have cost; None where there are not enough of either.

        The way that was not tried often enough yet counts with what the rule says of it: else what
        the rule has always avoided would never be tried, whatever the other way costs.
        """
        market = self._enough(instrument, "market", hour)
        limit = self._enough(instrument, "limit", hour)
        if market is not None and limit is None:
            way: Way = "limit" if market.mean_ticks >= DEAR_TICKS else "market"
            words = f"market {_told(market)}, a limit from {DEAR_TICKS:.2f} on"
        elif limit is not None:
            usual = expected_ticks(instrument, hour)
            at_market = usual if market is None else market.mean_ticks
            way = "limit" if limit.mean_ticks < at_market else "market"
            beside = f"{usual:.2f} ticks expected" if market is None else _told(market)
            words = f"limit {_told(limit)}, market {beside}"
        else:
            return None
        return Choice(way, f"learned: {words}")

    def _enough(self, instrument: Instrument, way: Way, hour: int) -> Learned | None:
        found = self.rows.get((instrument.symbol, way, is_thin(instrument, hour)))
        return None if found is None or found.n < MIN_FILLS else found


def _told(learned: Learned) -> str:
    return f"{learned.mean_ticks:.2f} ticks in {learned.n} fills"


def is_thin(instrument: Instrument, hour: int) -> bool:
    """True in an hour whose slippage is above the instrument's usual one."""
    return instrument.slippage_by_hour is not None and instrument.slippage_by_hour[hour] > 1.0


def expected_ticks(instrument: Instrument, hour: int) -> float:
    """Slippage of a market order by the instrument's page of facts."""
    factors = instrument.slippage_by_hour
    return instrument.slippage_ticks * (1.0 if factors is None else factors[hour])


def _by_rule(instrument: Instrument, hour: int) -> Choice:
    ticks = expected_ticks(instrument, hour)
    way: Way = "limit" if ticks >= DEAR_TICKS else "market"
    return Choice(way, f"rule: {ticks:.2f} ticks expected, a limit from {DEAR_TICKS:.2f} on")


def exchange_hour(at_us: int) -> int:
    """Hour of the exchange's clock at a moment, as slippage is told by."""
    return datetime.fromtimestamp(at_us / SECOND_US, ZoneInfo(EXCHANGE_ZONE)).hour


def with_choice(
    order: OrderIntent,
    instrument: Instrument,
    table: ExecutionTable,
    now_us: int,
    deadline_us: int | None,
) -> tuple[OrderIntent, ...]:
    """The orders to add for `order`, with how and why; `deadline_us`: when it has to be flat."""
    left = None if deadline_us is None else (deadline_us - now_us) / SECOND_US
    situation = Situation(exchange_hour(now_us), left)
    return orders_of(order, table.choose(order, instrument, situation), now_us)


def orders_of(order: OrderIntent, choice: Choice, now_us: int) -> tuple[OrderIntent, ...]:
    """The orders to add, all in one transaction; the first has the id of `order`."""
    if choice.way == "market":
        return (replace(order, execution_reason=choice.reason),)
    limit = replace(
        order,
        order_type="limit",
        limit_price=order.signal_price,
        execution_reason=choice.reason,
    )
    start_us = now_us if order.due_at_us is None else max(order.due_at_us, now_us)
    market = replace(
        order,
        order_id=f"{order.order_id}:{Origin.TIMEOUT}",
        origin=Origin.TIMEOUT,
        due_at_us=start_us + int(LIMIT_SECONDS * SECOND_US),
        execution_reason=f"the limit of {order.order_id} may not have filled",
    )
    return (limit, market)


def recorded_fills(
    store: OrderStore, instruments: Mapping[str, Instrument]
) -> tuple[RecordedFill, ...]:
    """The broker's fills of exits by decision, and of those after a limit's time.

    An order's hour is that of its decision. The instruments' tick sizes count, so that a symbol
    that is not in `instruments` is left out.
    """
    rows = store.query(
        "SELECT o.symbol, o.side, o.order_type, o.origin, o.decided_at_us, o.signal_price, f.price "
        "FROM fills f JOIN orders o USING (order_id) WHERE f.source = 'reported' "
        "AND o.intent = 'exit' AND o.origin IN ('decision', 'timeout') "
        "AND o.signal_price IS NOT NULL"
    )
    return tuple(
        RecordedFill(
            symbol=row["symbol"],
            way="limit" if "limit" in (row["order_type"], _LIMIT[row["origin"]]) else "market",
            hour=exchange_hour(row["decided_at_us"]),
            slippage_ticks=row["side"]
            * (row["signal_price"] - row["price"])
            / instruments[row["symbol"]].tick_size,
        )
        for row in rows
        if row["symbol"] in instruments
    )
