"""The limits, kept: may this order be given, and does what is held still keep to them?

Belongs here: pure rules over a Book. Does not belong here: the clock, the journal, or what is done
about a breach. An exit is never held up by a limit: it only makes the risk smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from rooney_core.release.limits import LiveLimits
from rooney_live.risk.book import Book, Exposure, Quote
from rooney_live.risk.codes import RiskCode

UNKNOWN_BAD_DAY = 0.05
"""Share of the price that a contract may lose in a day, where its own past does not say."""


_JUMP_BAD_DAYS = 2.0
"""From one bar's close to the next no price moves by more bad days than these."""


class Asked(Protocol):
    """What the rules look at of an order: `side` is the position's, `size` in contracts.

    `signal_price`: close of the bar that was decided on; `level`: of a stop or limit order, else
    None; both raw.
    """

    @property
    def order_id(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def intent(self) -> str: ...
    @property
    def side(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def signal_price(self) -> float | None: ...
    @property
    def level(self) -> float | None: ...
    @property
    def stop_distance(self) -> float | None: ...


@dataclass(frozen=True)
class _Question:
    order: Asked
    book: Book
    limits: LiveLimits
    quote: Quote

    @property
    def price(self) -> float:
        """At which the order would be done, as far as is known: the worse of last bar and level."""
        return max(self.quote.price, self.order.level or 0.0)

    @property
    def after(self) -> tuple[Exposure, ...]:
        """What is held when the order has filled."""
        order = self.order
        new = Exposure(order.symbol, order.side, order.size, order.stop_distance)
        return (*self.book.exposures, new)


def check_order(order: Asked, book: Book, limits: LiveLimits) -> RiskCode | None:
    """Why the order may not be given, or None. At a limit is allowed.

    An exit is refused only when it is not a whole number of contracts, at least one. An entry is
    held to every rule, in this order: size, last bar and price, duplicate, contracts of the symbol,
    value of the order, value of all, correlated value, heat, the day's loss, drawdown, order rate.
    """
    if not _is_whole(order.size):
        return RiskCode.SIZE
    if order.intent == "exit":
        return None
    if order.size > limits.max_order_contracts:
        return RiskCode.SIZE
    quote = book.quotes.get(order.symbol)
    if quote is None or not _is_sane(order, quote, limits):
        return RiskCode.PRICE
    question = _Question(order, book, limits, quote)
    broken = (code for code, rule in _ENTRY_RULES if not rule(question))
    return next(broken, None)


def breaches(book: Book, limits: LiveLimits) -> tuple[RiskCode, ...]:
    """Which limits are broken by what is held now; () while all are kept.

    Looked at after each bar by the trader, and by the monitor on its own. Size, value and heat of a
    position may grow past a limit by the market alone: only losses and what was never allowed, too
    many contracts of a symbol, count as a breach.
    """
    found = []
    if any(size > limits.max_symbol_contracts for size in _contracts(book.exposures).values()):
        found.append(RiskCode.SYMBOL_SIZE)
    if not _knows_equity(book):
        return (*found, RiskCode.UNKNOWN_EQUITY)
    if not _day_is_fine(book, limits):
        found.append(RiskCode.DAILY_LOSS)
    if not _drawdown_is_fine(book, limits):
        found.append(RiskCode.DRAWDOWN)
    return tuple(found)


def heat_usd(exposures: Iterable[Exposure], book: Book) -> float:
    """USD that all of them lose together on a bad day: each the less of its stop's distance and its
    bad day, times contracts and multiplier. Infinite where a symbol has no quote."""
    return math.fsum(_heat(one, book.quotes.get(one.symbol)) for one in exposures)


def correlated_notional_usd(exposures: Iterable[Exposure], book: Book) -> float:
    """USD: the square root of the sum, over all pairs, of value times value times correlation.

    Values are signed by side, so that a short that moves with a long makes it smaller. An unknown
    correlation is 1 for values of one sign and -1 for others: never smaller than what is held.
    """
    held = [(one.symbol, one.side * _value(one, book.quotes.get(one.symbol))) for one in exposures]
    total = math.fsum(
        mine * theirs * _correlation(book, one, other, mine * theirs)
        for one, mine in held
        for other, theirs in held
    )
    return math.sqrt(max(total, 0.0)) if math.isfinite(total) else math.inf


def notional_usd(exposures: Iterable[Exposure], book: Book) -> float:
    """USD value of all contracts, longs and shorts added up; infinite without a quote."""
    return math.fsum(_value(one, book.quotes.get(one.symbol)) for one in exposures)


def _is_whole(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 1


def _is_sane(order: Asked, quote: Quote, limits: LiveLimits) -> bool:
    if not (math.isfinite(quote.price) and quote.price > 0.0):
        return False
    asked = [price for price in (order.signal_price, order.level) if price is not None]
    is_near = all(
        math.isfinite(price) and abs(price - quote.price) <= limits.max_price_jump * quote.price
        for price in asked
    )
    return is_near and _is_no_jump(quote, limits)


def _is_no_jump(quote: Quote, limits: LiveLimits) -> bool:
    """Whether the last bar itself can be: a decision's price is its close, and would agree with
    any. What moves that far in an honest session, two bad days at the most, is no jump."""
    if not math.isfinite(quote.before):
        return True
    usual = quote.bad_day if math.isfinite(quote.bad_day) else UNKNOWN_BAD_DAY * abs(quote.before)
    allowed = max(limits.max_price_jump * abs(quote.before), _JUMP_BAD_DAYS * usual)
    return abs(quote.price - quote.before) <= allowed


def _is_new(asked: _Question) -> bool:
    held = {one.symbol for one in asked.book.exposures}
    return asked.order.order_id not in asked.book.order_ids and asked.order.symbol not in held


def _symbol_is_fine(asked: _Question) -> bool:
    return _contracts(asked.after)[asked.order.symbol] <= asked.limits.max_symbol_contracts


def _order_value_is_fine(asked: _Question) -> bool:
    value = asked.order.size * asked.price * asked.quote.multiplier
    return value <= asked.limits.max_order_notional_usd


def _rate_is_fine(asked: _Question) -> bool:
    return asked.book.n_orders_last_hour + 1 <= asked.limits.max_orders_per_hour


_ENTRY_RULES: tuple[tuple[RiskCode, Callable[[_Question], bool]], ...] = (
    (RiskCode.DUPLICATE, _is_new),
    (RiskCode.SYMBOL_SIZE, _symbol_is_fine),
    (RiskCode.NOTIONAL, _order_value_is_fine),
    (
        RiskCode.TOTAL_NOTIONAL,
        lambda asked: notional_usd(asked.after, asked.book) <= asked.limits.max_notional_usd,
    ),
    (
        RiskCode.CORRELATED,
        lambda asked: (
            correlated_notional_usd(asked.after, asked.book)
            <= asked.limits.max_correlated_notional_usd
        ),
    ),
    (RiskCode.HEAT, lambda asked: heat_usd(asked.after, asked.book) <= asked.limits.max_heat_usd),
    (RiskCode.UNKNOWN_EQUITY, lambda asked: _knows_equity(asked.book)),
    (RiskCode.DAILY_LOSS, lambda asked: _day_is_fine(asked.book, asked.limits)),
    (RiskCode.DRAWDOWN, lambda asked: _drawdown_is_fine(asked.book, asked.limits)),
    (RiskCode.ORDER_RATE, _rate_is_fine),
)


def _knows_equity(book: Book) -> bool:
    return all(map(math.isfinite, (book.equity_usd, book.peak_equity_usd, book.day_profit_usd)))


def _day_is_fine(book: Book, limits: LiveLimits) -> bool:
    return -book.day_profit_usd <= limits.max_daily_loss_usd


def _drawdown_is_fine(book: Book, limits: LiveLimits) -> bool:
    peak = max(book.peak_equity_usd, book.equity_usd)
    return peak > 0.0 and peak - book.equity_usd <= limits.max_drawdown * peak


def _contracts(exposures: Iterable[Exposure]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in exposures:
        found[one.symbol] = found.get(one.symbol, 0) + one.size
    return found


def _value(one: Exposure, quote: Quote | None) -> float:
    if quote is None or not math.isfinite(quote.price):
        return math.inf
    return one.size * abs(quote.price) * quote.multiplier


def _heat(one: Exposure, quote: Quote | None) -> float:
    if quote is None or not math.isfinite(quote.price):
        return math.inf
    bad = quote.bad_day
    points = bad if math.isfinite(bad) else UNKNOWN_BAD_DAY * abs(quote.price)
    if one.stop_distance is not None:
        points = min(points, one.stop_distance)
    return one.size * points * quote.multiplier


def _correlation(book: Book, one: str, other: str, product: float) -> float:
    if one == other:
        return 1.0
    known = book.correlations.get((min(one, other), max(one, other)))
    if known is None or not math.isfinite(known):
        return math.copysign(1.0, product)
    return min(1.0, max(-1.0, known))
