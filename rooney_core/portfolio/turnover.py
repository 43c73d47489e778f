"""What changes from one portfolio to the next, in words, and how much of it may.

Belongs here: the diff of two portfolios and the turnover limits. Does not belong here: choosing
members or sizes, which know nothing of the month before.

Limits bind only what adds risk: a symbol that leaves, or shrinks, does so at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rooney_core.portfolio.settings import PortfolioLimits


@dataclass(frozen=True)
class Turnover:
    """`sizes`: contracts by symbol, in order of priority, that the limits allow; `postponed`: why a
    symbol has to wait; `held_back`: why a size is below what was asked for."""

    sizes: Mapping[str, int]
    postponed: Mapping[str, str]
    held_back: Mapping[str, str]


def limit_turnover(
    before: Mapping[str, int], wanted: Mapping[str, int], limits: PortfolioLimits
) -> Turnover:
    """The wanted sizes, as far as they may follow those of before (contracts by symbol).

    New symbols come in by priority, the order of `wanted`. Where nothing was traded before, nothing
    is limited: there is nothing to turn over.
    """
    held = {symbol: size for symbol, size in before.items() if size > 0}
    if not held:
        return Turnover(dict(wanted), {}, {})
    new = [symbol for symbol in wanted if symbol not in held]
    waits = f"postponed: {limits.max_new_symbols} new symbols a month come in, by priority"
    postponed = dict.fromkeys(new[limits.max_new_symbols :], waits)
    sizes, held_back = {}, {}
    for symbol, size in wanted.items():
        if symbol in postponed:
            continue
        most = held[symbol] + limits.max_size_increase if symbol in held else size
        sizes[symbol] = min(size, most)
        if size > most:
            held_back[symbol] = (
                f"{most} contracts instead of {size}: a size grows by {limits.max_size_increase} "
                "a month at the most"
            )
    return Turnover(sizes, postponed, held_back)


def turnover_breaches(
    before: Mapping[str, int], now: Mapping[str, int], limits: PortfolioLimits
) -> tuple[str, ...]:
    """How the change from one portfolio to another breaks the limits, in words; empty: it does not.

    Contracts by symbol; 0 is not traded.
    """
    wanted = {symbol: size for symbol, size in now.items() if size > 0}
    allowed = limit_turnover(before, wanted, limits)
    told = {**allowed.postponed, **allowed.held_back}
    return tuple(f"{symbol} {text}" for symbol, text in told.items())


def diff_portfolios(
    before: pl.DataFrame | None, now: pl.DataFrame, reasons: Mapping[str, str]
) -> list[str]:
    """The change of a month, a line each: `- SI: why`, `+ NG`, `~ RTY 2 -> 1`; empty when equal.

    Frames with symbol and size. `reasons`: why each symbol is in or out now.
    """
    old = {} if before is None else sizes_of(before)
    new = sizes_of(now)
    gone = [
        f"- {symbol}: {reasons.get(symbol, 'not chosen')}" for symbol in old if symbol not in new
    ]
    added = [f"+ {symbol}" for symbol in new if symbol not in old]
    resized = [
        f"~ {symbol} {old[symbol]} -> {size}"
        for symbol, size in new.items()
        if symbol in old and old[symbol] != size
    ]
    return gone + added + resized


def sizes_of(portfolio: pl.DataFrame) -> dict[str, int]:
    """Contracts by symbol, in the order of the rows; size 0 is not traded and left out."""
    rows = portfolio.select("symbol", "size").iter_rows()
    return {symbol: size for symbol, size in rows if size}
