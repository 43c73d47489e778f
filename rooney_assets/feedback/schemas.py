"""The live tables, column by column, and how each is found in the journal.

Belongs here: schemas and queries. Does not belong here: running them (`reading`). A journal of an
older schema lacks columns; what stands in their place is said here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

TIME: Final = pl.Datetime("us", "UTC")

RUNS_SCHEMA: Final[dict[str, Any]] = {
    "run_id": pl.String(),
    "mode": pl.String(),
    "release_id": pl.String(),
    "rebalance_month": pl.String(),
    "trader_code_version": pl.String(),
    "symbols": pl.List(pl.String()),
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "status": pl.String(),
    "started_at": TIME,
    "n_decisions": pl.Int64(),
    "n_orders": pl.Int64(),
    "n_order_events": pl.Int64(),
    "n_fills": pl.Int64(),
    "n_reported_fills": pl.Int64(),
    "n_live_trades": pl.Int64(),
    "n_events": pl.Int64(),
    "n_emergency_stops": pl.Int64(),
    "last_bar_end": TIME,
}
"""A row per run; the counts change with whatever the trader writes down."""

DECISIONS_SCHEMA: Final[dict[str, Any]] = {
    "run_id": pl.String(),
    "symbol": pl.String(),
    "bar_end": TIME,
    "session": pl.Date(),
    "contract": pl.String(),
    "close": pl.Float64(),
    "code": pl.String(),
    "action": pl.String(),
    "side": pl.Int64(),
    "probability": pl.Float64(),
    "threshold": pl.Float64(),
    "feature_values": pl.String(),
    "contributions": pl.String(),
    "release_id": pl.String(),
}

ORDERS_SCHEMA: Final[dict[str, Any]] = {
    "order_id": pl.String(),
    "run_id": pl.String(),
    "release_id": pl.String(),
    "symbol": pl.String(),
    "contract": pl.String(),
    "ticker": pl.String(),
    "decided_at": TIME,
    "intent": pl.String(),
    "side": pl.Int64(),
    "size": pl.Int64(),
    "order_reason": pl.String(),
    "order_kind": pl.String(),
    "level": pl.Float64(),
    "stop_distance": pl.Float64(),
    "target_distance": pl.Float64(),
    "target_level": pl.Float64(),
    "trail_distance": pl.Float64(),
    "signal_price": pl.Float64(),
    "origin": pl.String(),
    "state": pl.String(),
    "attempts": pl.Int64(),
    "order_code": pl.String(),
    "order_detail": pl.String(),
    "http_status": pl.Int64(),
    "sent_at": TIME,
    "resolved_at": TIME,
}

FILLS_SCHEMA: Final[dict[str, Any]] = {
    "order_id": pl.String(),
    "fill_source": pl.String(),
    "run_id": pl.String(),
    "symbol": pl.String(),
    "filled_at": TIME,
    "fill_price": pl.Float64(),
    "size": pl.Int64(),
    "fill_commission_usd": pl.Float64(),
}

TRADES_SCHEMA: Final[dict[str, Any]] = {
    "entry_order_id": pl.String(),
    "exit_order_id": pl.String(),
    "run_id": pl.String(),
    "symbol": pl.String(),
    "side": pl.Int64(),
    "size": pl.Int64(),
    "signal_time": TIME,
    "entry_time": TIME,
    "exit_time": TIME,
    "entry_price": pl.Float64(),
    "exit_price": pl.Float64(),
    "commission_usd": pl.Float64(),
    "net_profit_usd": pl.Float64(),
    "exit_reason": pl.String(),
    "rolls": pl.Int64(),
    "roll_gap": pl.Float64(),
}

EVENTS_SCHEMA: Final[dict[str, Any]] = {
    "run_id": pl.String(),
    "at": TIME,
    "symbol": pl.String(),
    "code": pl.String(),
    "message": pl.String(),
}

CONTROLS_SCHEMA: Final[dict[str, Any]] = {
    "control_id": pl.Int64(),
    "at": TIME,
    "who": pl.String(),
    "command": pl.String(),
    "arguments": pl.String(),
    "reason": pl.String(),
    "until_time": TIME,
}


@dataclass(frozen=True)
class Stored:
    """A table of the journal as one of the lake.

    `named`: the lake's column -> the journal's, where they differ; a time is the journal's column
    with `_us`. `instead`: SQL in place of a column that a journal of an older schema lacks.
    `key`: what names a row. `is_settled`: a row is never changed once it is written.
    """

    table: str
    schema: Mapping[str, Any]
    key: tuple[str, ...]
    named: Mapping[str, str]
    instead: Mapping[str, str]
    is_settled: bool

    def stored_name(self, column: str) -> str:
        """The journal's name of a column of the lake."""
        is_time = isinstance(self.schema[column], pl.Datetime)
        return self.named.get(column, f"{column}_us" if is_time else column)


DECISIONS: Final = Stored(
    "decisions",
    DECISIONS_SCHEMA,
    ("run_id", "symbol", "bar_end"),
    {"feature_values": "features"},
    {},
    is_settled=True,
)
ORDERS: Final = Stored(
    "orders",
    ORDERS_SCHEMA,
    ("order_id",),
    {
        "order_reason": "reason",
        "order_kind": "kind",
        "order_code": "code",
        "order_detail": "detail",
    },
    {
        "release_id": "''",
        "contract": "''",
        "ticker": "''",
        "origin": "'decision'",
        "state": "'PAPER'",
        "attempts": "0",
        "order_code": "''",
        "order_detail": "''",
    },
    is_settled=False,
)
FILLS: Final = Stored(
    "fills",
    FILLS_SCHEMA,
    ("order_id", "fill_source"),
    {"fill_source": "source", "fill_price": "price", "fill_commission_usd": "commission_usd"},
    {"fill_source": "'expected'"},
    # What a broker reported may be corrected by a person.
    is_settled=False,
)
TRADES: Final = Stored("trades", TRADES_SCHEMA, ("entry_order_id",), {}, {}, is_settled=True)
EVENTS: Final = Stored(
    "events", EVENTS_SCHEMA, ("run_id", "at", "symbol", "code"), {}, {}, is_settled=True
)
CONTROLS: Final = Stored(
    "controls", CONTROLS_SCHEMA, ("control_id",), {"until_time": "until_us"}, {}, is_settled=True
)
