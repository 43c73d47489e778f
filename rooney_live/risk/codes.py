"""Codes of risk: why an order was denied, or why the trader was halted.

Belongs here: the codes. Does not belong here: the rules behind them (`checks`).
"""

from __future__ import annotations

from enum import StrEnum


class RiskCode(StrEnum):
    """Why an entry is denied, or a breach for which the monitor leaves everything and halts.

    RISK_SIZE                an order of no contract, of a part of one, or of more than
                             `max_order_contracts`
    RISK_NOTIONAL            the order's value is above `max_order_notional_usd`
    RISK_PRICE               no last bar, or its price is not a number, or the order's price is
                             further from it than `max_price_jump`, or that bar's close from the
                             one before it by more than this and than two bad days
    RISK_DUPLICATE           an order of that id was given before, or the symbol holds, or may hold,
                             a position: an entry never adds to one
    RISK_SYMBOL_SIZE         the symbol's contracts would be above `max_symbol_contracts`
    RISK_TOTAL_NOTIONAL      the value of all positions would be above `max_notional_usd`
    RISK_CORRELATED          the value at risk together, by correlation, would be above
                             `max_correlated_notional_usd`
    RISK_HEAT                all positions together would lose more than `max_heat_usd` on a bad day
    RISK_DAILY_LOSS          the session day's loss is above `max_daily_loss_usd`
    RISK_DRAWDOWN            equity is further below its highest than `max_drawdown`
    RISK_ORDER_RATE          more than `max_orders_per_hour` orders would be given within an hour
    RISK_UNKNOWN_EQUITY      equity or the day's result is not a number: nothing can be said, so no
                             trade is opened
    RISK_HEARTBEAT           monitor: the trader's heartbeat is missing, unreadable or too old
    RISK_DEADLINE            monitor: a position is held beyond its flat deadline, by a trader that
                             was stopped, or whose exits are not acknowledged
    RISK_KILLED              monitor: the kill flag is there, or cannot be looked for
    RISK_JOURNAL             monitor: the journal cannot be read, so nothing can be watched
    """

    SIZE = "RISK_SIZE"
    NOTIONAL = "RISK_NOTIONAL"
    PRICE = "RISK_PRICE"
    DUPLICATE = "RISK_DUPLICATE"
    SYMBOL_SIZE = "RISK_SYMBOL_SIZE"
    TOTAL_NOTIONAL = "RISK_TOTAL_NOTIONAL"
    CORRELATED = "RISK_CORRELATED"
    HEAT = "RISK_HEAT"
    DAILY_LOSS = "RISK_DAILY_LOSS"
    DRAWDOWN = "RISK_DRAWDOWN"
    ORDER_RATE = "RISK_ORDER_RATE"
    UNKNOWN_EQUITY = "RISK_UNKNOWN_EQUITY"
    HEARTBEAT = "RISK_HEARTBEAT"
    DEADLINE = "RISK_DEADLINE"
    KILLED = "RISK_KILLED"
    JOURNAL = "RISK_JOURNAL"
