"""How live trading compares with what was expected of it: by day, by fill, by symbol.

Belongs here: numbers from the journal. Does not belong here: printing, or bringing in the broker's
fills (`reported.py`).

Three expectations, each known before the trade. The win rate: the mean of the probabilities with
which the model let the trades in; it is calibrated, so that so many should win. The profit: what
the paper account, which fills by the backtest's rules, made of the same trades. The slippage: the
cost model's, about one tick a fill. What no broker's fill is known of counts as on paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from rooney_core.backtest import CostModel
from rooney_core.market.instruments import Instrument
from rooney_live.journal import Journal, Row

WIN_RATE_WITHIN: Final = 0.05
PROFIT_WITHIN_USD: Final = 20.0
SLIPPAGE_WITHIN_TICKS: Final = 1.0
MIN_TRADES: Final = 20
"""Below so many trades (or fills) a difference says nothing yet."""
ALL: Final = "ALL"
AS_EXPECTED, OFF, TOO_FEW = "as expected", "OFF", "too few"
_US: Final = 1_000_000


@dataclass(frozen=True)
class Expectation:
    """One symbol, or ALL. Rates as fractions, money in USD per trade, slippage in ticks per fill,
    positive where it costs. None: nothing to compare. The verdicts are AS_EXPECTED, OFF, TOO_FEW.
    """

    symbol: str
    n_trades: int
    n_reported: int
    win_rate: float | None
    expected_win_rate: float | None
    win_rate_verdict: str
    mean_profit_usd: float | None
    expected_profit_usd: float | None
    profit_verdict: str
    n_fills: int
    slippage_ticks: float | None
    expected_slippage_ticks: float | None
    slippage_verdict: str

    @property
    def is_off(self) -> bool:
        """Whether anything is not as expected."""
        return OFF in (self.win_rate_verdict, self.profit_verdict, self.slippage_verdict)


@dataclass(frozen=True)
class Report:
    """`days`: session, n_trades, net_profit_usd, commission_usd, n_reported. `fills`: every fill
    that the broker reported, with its slippage. `expectations`: by symbol, then ALL."""

    days: tuple[dict[str, Any], ...]
    fills: tuple[dict[str, Any], ...]
    expectations: tuple[Expectation, ...]


def make_report(
    journal: Journal, instruments: Mapping[str, Instrument], since: date | None = None
) -> Report:
    """The report over every live and rehearsal run of the journal.

    `since`: the first session (inclusive). `instruments`: for ticks and multipliers; a symbol that
    is not among them is reported on paper, and its slippage is not known.
    """
    trades = [
        one for one in _trades(journal, instruments) if since is None or one["session"] >= since
    ]
    fills = [
        one for one in _fills(journal, instruments) if since is None or _day(one["at_us"]) >= since
    ]
    symbols = sorted({one["symbol"] for one in (*trades, *fills)})
    groups = [(symbol, symbol) for symbol in symbols] + [(ALL, None)]
    return Report(
        days=tuple(_days(trades)),
        fills=tuple(fills),
        expectations=tuple(
            _expectation(name, _of(trades, only), _of(fills, only)) for name, only in groups
        ),
    )


def _of(rows: Sequence[Row], symbol: str | None) -> list[Row]:
    return [one for one in rows if symbol is None or one["symbol"] == symbol]


def _trades(journal: Journal, instruments: Mapping[str, Instrument]) -> list[Row]:
    rows = journal.query(
        "SELECT t.*, d.probability, fe.price AS entry_reported, fe.commission_usd AS entry_fee, "
        "fx.price AS exit_reported, fx.commission_usd AS exit_fee, ("
        " SELECT session FROM decisions s WHERE s.run_id = t.run_id AND s.symbol = t.symbol "
        " AND s.bar_end_us >= t.exit_time_us ORDER BY s.bar_end_us LIMIT 1) AS session "
        "FROM trades t JOIN runs r USING (run_id) "
        "LEFT JOIN decisions d ON d.run_id = t.run_id AND d.symbol = t.symbol "
        " AND d.bar_end_us = t.signal_time_us "
        "LEFT JOIN fills fe ON fe.order_id = t.entry_order_id AND fe.source = 'reported' "
        "LEFT JOIN fills fx ON fx.order_id = t.exit_order_id AND fx.source = 'reported' "
        "WHERE r.mode <> 'replay' ORDER BY t.exit_time_us, t.symbol"
    )
    for row in rows:
        known = row["session"]
        row["session"] = date.fromisoformat(known) if known else _day(row["exit_time_us"])
        row["reported_usd"] = _reported(row, instruments.get(row["symbol"]))
        is_paper = row["reported_usd"] is None
        row["profit_usd"] = row["net_profit_usd"] if is_paper else row["reported_usd"]
    return rows


def _reported(trade: Row, instrument: Instrument | None) -> float | None:
    """Net USD by the broker's own fills; None without both, or where a roll was on the way, whose
    fills nobody tells."""
    ends = (trade["entry_reported"], trade["exit_reported"])
    if instrument is None or trade["rolls"] or None in ends:
        return None
    points = trade["side"] * (trade["exit_reported"] - trade["entry_reported"])
    fees = trade["entry_fee"] + trade["exit_fee"]
    return float(points * instrument.multiplier * trade["size"] - fees)


def _fills(journal: Journal, instruments: Mapping[str, Instrument]) -> list[Row]:
    """What the broker reported, against what the paper account got for the same order.

    A buy at a higher price than without slippage costs: the ticks are positive.
    """
    rows = journal.query(
        "SELECT f.order_id, f.symbol, f.filled_at_us AS at_us, f.price, f.size, o.intent, o.side, "
        "o.signal_price, e.price AS expected_price, e.filled_at_us AS expected_at_us "
        "FROM fills f JOIN orders o USING (order_id) JOIN runs r ON r.run_id = f.run_id "
        "LEFT JOIN fills e ON e.order_id = f.order_id AND e.source = 'expected' "
        "WHERE f.source = 'reported' AND r.mode <> 'replay' ORDER BY f.filled_at_us, f.order_id"
    )
    for row in rows:
        row |= {"slippage_ticks": None, "expected_slippage_ticks": None}
        instrument = instruments.get(row["symbol"])
        if instrument is None or row["expected_price"] is None:
            continue
        towards = row["side"] if row["intent"] == "enter" else -row["side"]
        own = _model_ticks(instrument, row["expected_at_us"])
        beyond = towards * (row["price"] - row["expected_price"]) / instrument.tick_size
        row |= {"slippage_ticks": own + beyond, "expected_slippage_ticks": own}
    return rows


def _model_ticks(instrument: Instrument, at_us: int) -> float:
    """Ticks that the cost model takes off a fill at that time."""
    costs = CostModel.of(instrument)
    factor = float(costs.slippage_factors(np.array([at_us], dtype=np.int64))[0])
    return costs.slippage_ticks * factor


def _days(trades: Iterable[Row]) -> list[dict[str, Any]]:
    found: dict[date, dict[str, Any]] = {}
    for one in trades:
        day = found.setdefault(
            one["session"],
            {
                "session": one["session"].isoformat(),
                "n_trades": 0,
                "net_profit_usd": 0.0,
                "commission_usd": 0.0,
                "n_reported": 0,
            },
        )
        day["n_trades"] += 1
        day["net_profit_usd"] += one["profit_usd"]
        is_paper = one["reported_usd"] is None
        fees = one["commission_usd"] if is_paper else one["entry_fee"] + one["exit_fee"]
        day["commission_usd"] += fees
        day["n_reported"] += not is_paper
    return [found[session] for session in sorted(found)]


def _expectation(name: str, trades: Sequence[Row], fills: Sequence[Row]) -> Expectation:
    asked = [one for one in trades if one["probability"] is not None]
    won = _mean(float(one["profit_usd"] > 0.0) for one in asked)
    expected_won = _mean(one["probability"] for one in asked)
    reported = [one for one in trades if one["reported_usd"] is not None]
    profit = _mean(one["reported_usd"] for one in reported)
    expected_profit = _mean(one["net_profit_usd"] for one in reported)
    known = [one for one in fills if one["slippage_ticks"] is not None]
    slippage = _mean(one["slippage_ticks"] for one in known)
    expected_slippage = _mean(one["expected_slippage_ticks"] for one in known)
    return Expectation(
        symbol=name,
        n_trades=len(trades),
        n_reported=len(reported),
        win_rate=won,
        expected_win_rate=expected_won,
        win_rate_verdict=_verdict(won, expected_won, WIN_RATE_WITHIN, len(asked)),
        mean_profit_usd=profit,
        expected_profit_usd=expected_profit,
        profit_verdict=_verdict(profit, expected_profit, PROFIT_WITHIN_USD, len(reported)),
        n_fills=len(known),
        slippage_ticks=slippage,
        expected_slippage_ticks=expected_slippage,
        slippage_verdict=_verdict(slippage, expected_slippage, SLIPPAGE_WITHIN_TICKS, len(known)),
    )


def _verdict(found: float | None, expected: float | None, within: float, n: int) -> str:
    if found is None or expected is None or n < MIN_TRADES:
        return TOO_FEW
    # At the limit is within it, whatever the sums' rounding says.
    is_close = abs(found - expected) <= within * (1.0 + 1e-9)
    return AS_EXPECTED if is_close else OFF


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return math.fsum(known) / len(known) if known else None


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us / _US, UTC).date()
