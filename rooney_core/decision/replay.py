"""What a portfolio of symbols should have decided and traded: the replay that a record is held to.

Belongs here: the limits that only a portfolio has, applied to the batch's decisions from their
codes alone, and the differences to what was recorded. Does not belong here: how a symbol decides
(`decide`, `batch`), or a trader, which gets there by fills and accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, NamedTuple

import polars as pl

from rooney_core.decision.batch import DECISIONS_SCHEMA, MISSING_REQUIRED
from rooney_core.decision.records import DecisionCode

NET_TOLERANCE_USD: Final = 1e-6
"""By how much two sums of the same money may differ, added up in another order."""

TRADES_SCHEMA: Final = pl.Schema(
    {
        "symbol": pl.String(),
        "signal_time": pl.Datetime("us", "UTC"),
        "entry_time": pl.Datetime("us", "UTC"),
        "exit_time": pl.Datetime("us", "UTC"),
        "side": pl.Int64(),
        "entry_price": pl.Float64(),
        "exit_price": pl.Float64(),
        "exit_reason": pl.String(),
        "net_profit_usd": pl.Float64(),
    }
)
"""A round trip; `net_profit_usd` is of all contracts."""

DIFFERENCES_SCHEMA: Final = pl.Schema(
    {
        "symbol": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "what": pl.String(),
        "recorded": pl.String(),
        "replayed": pl.String(),
    }
)
"""`what`: a column of the decision or the trade at that time; or decision, trade, for one that only
one side has, the other being null."""

_STILL_HELD: Final = frozenset(
    (
        DecisionCode.IN_POSITION,
        DecisionCode.EXIT_PENDING,
        DecisionCode.EXIT_SIGNAL,
        DecisionCode.EXIT_TIME,
    )
)
_HELD: Final = frozenset((DecisionCode.IN_POSITION, DecisionCode.EXIT_PENDING))


class PortfolioCode(StrEnum):
    """Codes that only a portfolio can have, beside DecisionCode.

    All are of an approved entry that is denied; its trade stays virtual to its end (VETOED_*).

    FEATURES_MISSING  a feature that is required is unknown (`coverage`): full coverage or no trade.
    MAX_POSITIONS   max_positions are open or ordered. Symbols come in their order of priority, and
                    a position that is being left still counts.
    REDUCING        the symbol may open no trade any more: the release's approval, or an override
                    that the symbol needs, has ended. Exits go on.
    """

    FEATURES_MISSING = "FEATURES_MISSING"
    MAX_POSITIONS = "MAX_POSITIONS"
    REDUCING = "REDUCING"


class _Moment(NamedTuple):
    """One symbol's decision at one bar's end, before any limit of the portfolio."""

    bar_end: Any
    priority: int
    symbol: str
    session: Any
    code: str
    action: str
    side: int
    probability: float | None
    n_missing_required: int


def replay_portfolio(
    decided: Mapping[str, pl.DataFrame],
    max_positions: int,
    may_enter: Callable[[str, Any], bool],
) -> pl.DataFrame:
    """DECISIONS_SCHEMA: what an account that begins flat makes of each symbol's own decisions.

    `decided`: symbol -> columns of DECISIONS_SCHEMA, `session` (Date) and MISSING_REQUIRED of the
    bars to replay, symbols in order of priority; without the last nothing is missing.
    `may_enter(symbol, session)`: whether it may open a trade then.
    A position that the strategy holds when the first bar comes is not taken over: it stays virtual.
    """
    busy = dict.fromkeys(decided, False)
    rows: list[tuple[object, ...]] = []
    for _, together in groupby(_in_order(decided), key=lambda one: one.bar_end):
        settled = [_settle(one, busy) for one in together]
        for one in settled:
            code, action = one.code, one.action
            if action == "enter":
                refusal = None
                if not may_enter(one.symbol, one.session):
                    refusal = PortfolioCode.REDUCING
                elif one.n_missing_required:
                    refusal = PortfolioCode.FEATURES_MISSING
                elif sum(busy.values()) >= max_positions:
                    refusal = PortfolioCode.MAX_POSITIONS
                busy[one.symbol] = refusal is None
                code, action = (refusal, "none") if refusal else (code, action)
            rows.append((one.symbol, one.bar_end, str(code), action, one.side, one.probability))
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row")


def entered_trades(decisions: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    """The trades (with `symbol` and `signal_time`) whose entry the portfolio's decisions let in."""
    entries = decisions.filter(pl.col("action") == "enter").select(
        "symbol", pl.col("bar_end").alias("signal_time")
    )
    return trades.join(entries, on=("symbol", "signal_time"), how="semi")


def decision_differences(recorded: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    """DIFFERENCES_SCHEMA between two frames of DECISIONS_SCHEMA, bit for bit; empty when equal."""
    columns = ("code", "action", "side", "probability")
    return _differences(recorded, replayed, "bar_end", columns, "decision")


def trade_differences(recorded: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    """DIFFERENCES_SCHEMA between two frames of TRADES_SCHEMA; profit to a millionth of a dollar."""
    columns = tuple(name for name in TRADES_SCHEMA if name not in ("symbol", "signal_time"))
    return _differences(recorded, replayed, "signal_time", columns, "trade")


def _in_order(decided: Mapping[str, pl.DataFrame]) -> list[_Moment]:
    names = ("session", "code", "action", "side", "probability", MISSING_REQUIRED)
    moments = [
        _Moment(bar_end, priority, symbol, *rest)
        for priority, (symbol, frame) in enumerate(decided.items())
        for bar_end, *rest in _covered(frame).select("bar_end", *names).iter_rows()
    ]
    return sorted(moments, key=lambda one: one[:2])


def _covered(frame: pl.DataFrame) -> pl.DataFrame:
    if MISSING_REQUIRED in frame.columns:
        return frame
    return frame.with_columns(pl.lit(0, pl.Int64).alias(MISSING_REQUIRED))


def _settle(one: _Moment, busy: dict[str, bool]) -> _Moment:
    """What a decision is to an account that takes part in the trade, or does not."""
    if busy[one.symbol]:
        busy[one.symbol] = one.code in _STILL_HELD
        return one
    if one.code in _HELD:
        return one._replace(code=DecisionCode.VETOED_TRADE_OPEN, action="none")
    if one.action == "exit":
        return one._replace(code=DecisionCode.VETOED_TRADE_EXIT, action="none")
    return one


def _differences(
    recorded: pl.DataFrame,
    replayed: pl.DataFrame,
    moment: str,
    columns: tuple[str, ...],
    what: str,
) -> pl.DataFrame:
    keys = ("symbol", moment)
    left = recorded.select(*keys, *columns, pl.lit(True).alias("is_recorded"))
    right = replayed.select(*keys, *columns, pl.lit(True).alias("is_replayed"))
    both = left.join(right, on=keys, how="full", coalesce=True, suffix="_replayed")
    shared = both.filter(pl.col("is_recorded") & pl.col("is_replayed"))
    there, absent = pl.lit(what), pl.lit(None, pl.String)
    found = [
        _rows(both.filter(pl.col("is_replayed").is_null()), moment, what, there, absent),
        _rows(both.filter(pl.col("is_recorded").is_null()), moment, what, absent, there),
    ]
    for name in columns:
        own, other = pl.col(name), pl.col(f"{name}_replayed")
        differs = own.ne_missing(other)
        if name == "net_profit_usd":
            differs = ((own - other).abs() > NET_TOLERANCE_USD).fill_null(True)
        found.append(_rows(shared.filter(differs), moment, name, own, other))
    return pl.concat(found).sort("at", "symbol", "what")


def _rows(
    frame: pl.DataFrame, moment: str, what: str, recorded: pl.Expr, replayed: pl.Expr
) -> pl.DataFrame:
    return frame.select(
        "symbol",
        pl.col(moment).alias("at"),
        pl.lit(what).alias("what"),
        recorded.cast(pl.String).alias("recorded"),
        replayed.cast(pl.String).alias("replayed"),
    ).cast(DIFFERENCES_SCHEMA)
