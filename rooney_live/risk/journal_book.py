"""The Book by the journal alone: what somebody who is not the trader can know.

Belongs here: filling a Book from recorded positions, trades and closes. Does not belong here: the
rules over it (`checks`), or the trader's own view, which knows more (its feeds).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rooney_core.market.instruments import Instrument
from rooney_core.release.limits import LiveLimits
from rooney_live.journal import Journal, Row
from rooney_live.risk.book import Book, Exposure, Quote
from rooney_live.risk.reading import Held, held

_CHICAGO = ZoneInfo("America/Chicago")
_DAY_BEGINS = time(17, 0)
_US = 1_000_000
_HOUR_US = 3_600 * _US
_EVER = 2**62


def day_start_us(now_us: int) -> int:
    """When the trading day began that `now_us` is in: the last 17:00 of Chicago, inclusive."""
    local = datetime.fromtimestamp(now_us / _US, UTC).astimezone(_CHICAGO)
    day = local.date() if local.time() >= _DAY_BEGINS else local.date() - timedelta(days=1)
    began = datetime.combine(day, _DAY_BEGINS, _CHICAGO)
    return int(began.timestamp()) * _US


def book_from_journal(
    journal: Journal, instruments: Mapping[str, Instrument], limits: LiveLimits, now_us: int
) -> Book:
    """What is held and lost, by live and rehearsal runs, at the closes of the last recorded bars.

    A position was paid at its entry's fill, the broker's before the expected one, before the
    signal's price. One of which no price was ever recorded, or no instrument is known, adds nothing
    yet. Of what was left its trade counts, and where none tells of it yet, the prices at which it
    was left. What was held when the day began counts, for the day, from the last close before.
    """
    positions = held(journal)
    quotes = _quotes(journal, instruments, {one.symbol for one in positions})
    began = day_start_us(now_us)
    results = _results(journal, began, _left_otherwise(journal, instruments))
    marks = [_mark(journal, one, quotes, began) for one in positions]
    return Book(
        now_us=now_us,
        equity_usd=limits.capital_usd + results["closed"] + math.fsum(all_ for all_, _ in marks),
        peak_equity_usd=limits.capital_usd + max(0.0, results["highest"]),
        day_profit_usd=results["today"] + math.fsum(of_day for _, of_day in marks),
        exposures=tuple(_exposure(journal, one) for one in positions),
        quotes=quotes,
        n_orders_last_hour=_orders_since(journal, now_us - _HOUR_US),
    )


def _quotes(
    journal: Journal, instruments: Mapping[str, Instrument], symbols: Iterable[str]
) -> dict[str, Quote]:
    found = {}
    for symbol in symbols:
        last = _close(journal, symbol, _EVER)
        if last is not None and symbol in instruments:
            multiplier = instruments[symbol].multiplier
            found[symbol] = Quote(last["close"], multiplier, last["bar_end_us"])
    return found


def _close(journal: Journal, symbol: str, until_us: int) -> Row | None:
    """The last recorded close of a symbol, of a bar that ended by `until_us`."""
    # The newest bar of each run by its key: a search over all decisions would grow with the years.
    rows = journal.query(
        "SELECT d.close, d.bar_end_us FROM runs r JOIN decisions d ON d.run_id = r.run_id "
        "AND d.symbol = ? AND d.bar_end_us = (SELECT max(x.bar_end_us) FROM decisions x "
        "WHERE x.run_id = r.run_id AND x.symbol = ? AND x.bar_end_us <= ?) "
        "WHERE r.mode <> 'replay' ORDER BY d.bar_end_us DESC LIMIT 1",
        (symbol, symbol, until_us),
    )
    return rows[0] if rows else None


def _results(journal: Journal, began_us: int, others: list[tuple[int, float]]) -> Row:
    """USD of the trades that ended: `closed` in all, `today`, and the `highest` sum on the way.

    `others`: when something else ended, and with what.
    """
    (row,) = journal.query(
        "SELECT total(net) AS closed, total(CASE WHEN at_us >= ? THEN net END) AS today, "
        "COALESCE(max(so_far), 0.0) AS highest FROM (SELECT net, at_us, "
        "sum(net) OVER (ORDER BY at_us, symbol ROWS UNBOUNDED PRECEDING) AS so_far "
        "FROM (SELECT t.net_profit_usd AS net, t.exit_time_us AS at_us, t.symbol FROM trades t "
        "JOIN runs r USING (run_id) WHERE r.mode <> 'replay' UNION ALL "
        "SELECT json_extract(value, '$[1]'), json_extract(value, '$[0]'), '' FROM json_each(?)))",
        (began_us, json.dumps(others)),
    )
    return row


_CLOSE_AT = """
    SELECT d.close FROM runs r JOIN decisions d ON d.run_id = r.run_id AND d.symbol = p.symbol
    AND d.bar_end_us = (SELECT max(x.bar_end_us) FROM decisions x WHERE x.run_id = r.run_id
        AND x.symbol = p.symbol AND x.bar_end_us <= {})
    WHERE r.mode <> 'replay' ORDER BY d.bar_end_us DESC LIMIT 1
"""
_FILL_OF = "SELECT price FROM fills WHERE order_id = p.{} ORDER BY source DESC LIMIT 1"
_LEFT_OTHERWISE = f"""
    SELECT p.symbol, p.side, p.size, p.closed_by, p.closed_at_us,
    COALESCE(({_FILL_OF.format("opened_by")}), entry.signal_price,
        ({_CLOSE_AT.format("p.since_us")})) AS paid,
    COALESCE(({_FILL_OF.format("closed_by")}), leaving.signal_price,
        ({_CLOSE_AT.format("p.closed_at_us")})) AS got
    FROM positions p JOIN runs USING (run_id)
    LEFT JOIN orders entry ON entry.order_id = p.opened_by
    LEFT JOIN orders leaving ON leaving.order_id = p.closed_by
    WHERE p.state = 'flat' AND p.is_known = 1 AND runs.mode <> 'replay'
    AND (leaving.order_id IS NOT NULL OR p.closed_by LIKE 'person:%')
    AND NOT EXISTS (SELECT 1 FROM trades WHERE entry_order_id = p.opened_by)
    AND (COALESCE(entry.origin, '') <> 'decision'
        OR EXISTS (SELECT 1 FROM fills WHERE order_id = p.opened_by))
    AND NOT (COALESCE(entry.origin, '') = 'roll' AND EXISTS (SELECT 1 FROM trades t
        WHERE t.symbol = p.symbol AND t.signal_time_us <= p.since_us
        AND t.exit_time_us >= p.since_us))
"""


def _left_otherwise(
    journal: Journal, instruments: Mapping[str, Instrument]
) -> list[tuple[int, float]]:
    """When each position ended of which no trade tells (yet), and with what, USD.

    A person's own, one that was left before the strategy left it, one whose exit's bar is not over:
    a loss does not go away because it was taken. Priced as open ones are, less both commissions.
    What a person said to be gone may never have been there: only a loss counts.
    """
    found = []
    for row in journal.query(_LEFT_OTHERWISE):
        instrument = instruments.get(row["symbol"])
        if instrument is None or row["paid"] is None or row["got"] is None:
            continue
        moved = row["side"] * (row["got"] - row["paid"]) * instrument.multiplier
        net = row["size"] * (moved - 2.0 * instrument.commission_per_contract_usd)
        is_told = str(row["closed_by"]).startswith("person:")
        found.append((row["closed_at_us"], min(0.0, net) if is_told else net))
    return found


def _mark(
    journal: Journal, one: Held, quotes: Mapping[str, Quote], began_us: int
) -> tuple[float, float]:
    """USD since the entry, and since the day began."""
    quote, paid = quotes.get(one.symbol), _paid(journal, one)
    if quote is None or paid is None:
        return 0.0, 0.0
    worth = one.side * one.size * quote.multiplier
    before = _close(journal, one.symbol, began_us) if one.since_us < began_us else None
    since = paid if before is None else before["close"]
    return worth * (quote.price - paid), worth * (quote.price - since)


def _paid(journal: Journal, one: Held) -> float | None:
    rows = journal.query(
        "SELECT price FROM fills WHERE order_id = ? ORDER BY source DESC", (one.opened_by,)
    )
    if not rows:
        rows = journal.query(
            "SELECT signal_price AS price FROM orders WHERE order_id = ?", (one.opened_by,)
        )
    if rows and rows[0]["price"] is not None:
        return float(rows[0]["price"])
    # A correction by a person has no order: it counts from the last close before it came.
    before = _close(journal, one.symbol, one.since_us)
    return None if before is None else float(before["close"])


def _exposure(journal: Journal, one: Held) -> Exposure:
    rows = journal.query("SELECT stop_distance FROM orders WHERE order_id = ?", (one.opened_by,))
    return Exposure(one.symbol, one.side, one.size, rows[0]["stop_distance"] if rows else None)


def _orders_since(journal: Journal, since_us: int) -> int:
    (row,) = journal.query(
        "SELECT count(*) AS n FROM order_events WHERE to_state = 'SENDING' AND at_us > ?",
        (since_us,),
    )
    return int(row["n"])
