"""Prices of different contracts made comparable: what signals read, and money never does.

Belongs here: the backward adjustments of a chain of contracts. Does not belong here: which contract
is in front (`roll_choice.py`), or P&L, which uses raw prices of the contract that was held.

Backward: the last contract keeps its prices, and every earlier one is moved onto it. `SPREAD` adds
the sum of the later gaps (new minus old price): differences of prices survive, and negative prices
are no trouble. `RATIO` multiplies by the product of the later ratios (new over old price): returns
survive, but a price at or below zero has no ratio, so whatever is before such a roll is null.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import polars as pl

DIGITS: Final = 9
"""Decimals of a price that mean something: ticks are coarser, the dust of sums is finer."""

_PRICES = ("open", "high", "low", "close")


class Adjustment(StrEnum):
    """How the prices of earlier contracts are moved onto the last one."""

    NONE = "none"
    SPREAD = "spread"
    RATIO = "ratio"


def adjusted(continuous_bars: pl.DataFrame, adjustment: Adjustment) -> pl.DataFrame:
    """`continuous_bars` with open, high, low and close adjusted; every other column as it was.

    Under `RATIO`, prices before a roll without a ratio are null.
    """
    if adjustment is Adjustment.NONE:
        return continuous_bars
    prices = pl.col(*_PRICES)
    if adjustment is Adjustment.SPREAD:
        return continuous_bars.with_columns(prices + pl.col("adjustment"))
    return continuous_bars.with_columns(prices * pl.col("adjustment_ratio"))


def backward_sums(gaps: pl.Expr) -> pl.Expr:
    """For each roll, oldest first, the sum of the gaps of all rolls after it, to `DIGITS`."""
    return (gaps.sum() - gaps.cum_sum()).round(DIGITS)


def backward_products(ratios: pl.Expr) -> pl.Expr:
    """For each roll, oldest first, the product of the ratios of all rolls after it.

    Null before a roll whose ratio is null.
    """
    later = ratios.shift(-1, fill_value=1.0)
    known = later.is_not_null().cum_prod(reverse=True) == 1
    return pl.when(known).then(later.fill_null(1.0).cum_prod(reverse=True))
