"""Why an entry may not be sent: asked when it is decided, and again right before its first byte.

Belongs here: the order of the questions. Does not belong here: the limits of the batch path
(`engine`), the rules behind a question (`risk`, `feeds`, `control`), or exits, which pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rooney_core.decision import Bar, Decision
from rooney_core.errors import InputError
from rooney_core.release import Release
from rooney_live.clock import SECOND_US
from rooney_live.codes import Denial
from rooney_live.desk import DEADLINE_LEAD_US, Desk
from rooney_live.feeds.records import FeedHealth, FeedState, Moment, WarmUp
from rooney_live.hours import TradingHours
from rooney_live.ledger import Ledger
from rooney_live.orders.records import OrderIntent
from rooney_live.paper import Order
from rooney_live.risk.book import Book, Exposure, Quote
from rooney_live.risk.checks import check_order
from rooney_live.risk.codes import RiskCode
from rooney_live.standing import Standing

Health = Callable[[], Mapping[str, FeedHealth]]


@dataclass(frozen=True)
class _Asked:
    """An order as the risk rules look at it."""

    order_id: str
    symbol: str
    intent: str
    side: int
    size: int
    signal_price: float | None
    level: float | None
    stop_distance: float | None


class Admission:
    """Lets entries in, or says why not. `health`: every feed's, at the present."""

    def __init__(
        self,
        release: Release,
        standing: Standing,
        ledger: Ledger,
        desk: Desk,
        hours: TradingHours,
        health: Health,
    ) -> None:
        self._release = release
        self._standing = standing
        self._ledger = ledger
        self._desk = desk
        self._hours = hours
        self._health = health
        self._bars: dict[str, Bar] = {}
        self._closes: dict[str, tuple[str, float]] = {}
        self._let_in: list[Order] = []

    def see(self, moment: Moment) -> None:
        """Take in a moment's bars, before anything is decided on them."""
        self._let_in.clear()
        for bar in moment.bars:
            last = self._bars.get(bar.symbol)
            if last is not None:
                self._closes[bar.symbol] = last.contract, last.close
            self._bars[bar.symbol] = bar

    def learn(self, warm_up: WarmUp) -> None:
        """The last closes of history: what the first bars are held to."""
        for symbol, bars in warm_up.history.items():
            if len(bars):
                contract = warm_up.contracts.get(symbol, "")
                self._closes[symbol] = contract, float(bars.close[-1])

    def bar(self, symbol: str) -> Bar | None:
        """The last bar of a symbol."""
        return self._bars.get(symbol)

    def admit(self, order: Order, decision: Decision, moment: Moment, now_us: int) -> str | None:
        """Why an entry that was just decided is denied; None lets it in."""
        code = (
            self._stopped(order.symbol)
            or self._of_feeds(order.symbol, moment, now_us)
            or self._of_market(self._bars[order.symbol], now_us)
            or self._of_risk(order, decision, now_us)
        )
        if code is None:
            self._let_in.append(order)
        return code

    def gate(self, order: OrderIntent, now_us: int) -> str | None:
        """The last word before the first byte. An exit waits for the market to open, and for
        nothing else."""
        if not self._hours.is_open(order.symbol, now_us):
            return Denial.OUT_OF_SESSION
        if not order.is_entry:
            return None
        code = self._stopped(order.symbol)
        bar = self._bars.get(order.symbol)
        if code is not None or bar is None:
            return code
        return self._of_deadline(bar, now_us) or self._of_price(order, bar)

    def _of_price(self, order: OrderIntent, bar: Bar) -> RiskCode | None:
        """What waited to be sent, while the market went elsewhere."""
        if order.contract != bar.contract or order.signal_price is None:
            return None
        allowed = self._standing.limits.max_price_jump * abs(bar.close)
        return RiskCode.PRICE if abs(order.signal_price - bar.close) > allowed else None

    def _stopped(self, symbol: str) -> Denial | None:
        standing = self._standing
        if standing.killed() is not None:
            return Denial.KILLED
        if standing.is_stopping:
            return Denial.STOPPING
        if standing.unproven:
            return Denial.REDUCING
        return standing.control.denial(symbol)

    def _of_feeds(self, symbol: str, moment: Moment, now_us: int) -> Denial | None:
        age_s = (now_us - self._bars[symbol].bar_end_us) / SECOND_US
        if moment.is_late or age_s > self._standing.limits.max_bar_age_seconds:
            return Denial.LATE_BAR
        health = self._health()
        informing = self._release.bundles[symbol].feed_names.symbols
        for one in (symbol, *informing):
            found = health.get(one)
            if found is None or found.state is not FeedState.LIVE:
                return Denial.STALE_FEED
        return None

    def _of_market(self, bar: Bar, now_us: int) -> Denial | None:
        if any(one.symbol == bar.symbol for one in self._ledger.open):
            return Denial.UNPROVEN
        try:
            self._desk.ticker(bar.symbol, bar.contract, bar.session)
        except InputError:
            return Denial.NO_CONTRACT
        return self._of_deadline(bar, now_us)

    def _of_deadline(self, bar: Bar, now_us: int) -> Denial | None:
        if self._release.bundles[bar.symbol].variant.overnight:
            return None
        is_over = now_us >= bar.flat_deadline_us - DEADLINE_LEAD_US
        return Denial.FLAT_WINDOW if is_over else None

    def _of_risk(self, order: Order, decision: Decision, now_us: int) -> str | None:
        asked = _Asked(
            order_id=order.order_id,
            symbol=order.symbol,
            intent=order.intent,
            side=order.side,
            size=order.size,
            signal_price=decision.close,
            level=order.level,
            stop_distance=order.stop_distance,
        )
        return check_order(asked, self._book(now_us), self._standing.limits)

    def _book(self, now_us: int) -> Book:
        """The book after the moment before, with this moment's closes and what it let in."""
        book = self._standing.book
        quotes = dict(book.quotes)
        for symbol, bar in self._bars.items():
            multiplier = self._release.bundles[symbol].instrument.multiplier
            bad_day = self._standing.bad_days.get(symbol, float("nan"))
            before = self._before(bar)
            quotes[symbol] = Quote(bar.close, multiplier, bar.bar_end_us, bad_day, before)
        new = tuple(
            Exposure(one.symbol, one.side, one.size, one.stop_distance) for one in self._let_in
        )
        held = tuple(one.exposure for one in self._ledger.open)
        return replace(
            book,
            now_us=now_us,
            quotes=quotes,
            exposures=(*held, *new),
            correlations=self._standing.correlations,
            n_orders_last_hour=book.n_orders_last_hour + len(new),
        )

    def _before(self, bar: Bar) -> float:
        """Close of the bar before; NaN where that was of another contract, or never came."""
        contract, close = self._closes.get(bar.symbol, ("", float("nan")))
        return close if contract == bar.contract else float("nan")
