"""Stage 1: from a source's bars to continuous and session bars."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, lake_asset
from rooney_assets.sources.simulated import SimulatedSource
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars as aggregate_sessions
from rooney_core.market.simulation import simulated_truth as truth_of

BY_SYMBOL = Partitioning.SYMBOL


@lake_asset(
    group="bars",
    rooms=("market", "rooney_assets.sources"),
    partitioning=BY_SYMBOL,
    kinds=("parquet", "polars"),
    plots_column="close",
)
def raw_bars(here: Here) -> Made:
    """Bars as the source delivers them: unadjusted, every contract that it has.

    Around a roll two contracts may share a bar start. Times are UTC, `bar_start` inclusive and
    `bar_end` exclusive; a decision may use a bar only from `bar_end` on. Prices in quote units.
    """
    reading = here.source.read(here.instrument)
    return Made(
        reading.bars,
        beside={"quarantine": reading.quarantine},
        notes={"source": here.source.name, **reading.notes},
    )


@lake_asset(group="bars", rooms=("market",), partitioning=BY_SYMBOL)
def roll_calendar(here: Here, raw_bars: pl.DataFrame) -> pl.DataFrame:
    """When the front contract changes, decided only from sessions before the roll.

    `roll_session` is the first session on the new contract, `gap` the new minus the old price, and
    `gap_basis` says where the two prices were found. By volume unless the symbol's page says so.
    """
    return find_rolls(raw_bars, here.instrument)


@lake_asset(group="bars", rooms=("market",), partitioning=BY_SYMBOL, plots_column="close")
def continuous_bars(
    here: Here, raw_bars: pl.DataFrame, roll_calendar: pl.DataFrame
) -> pl.DataFrame:
    """One series of the front contract's RAW prices, with two adjustments beside them.

    `close + adjustment` is the backward-spread adjusted close that signals use, and
    `close * adjustment_ratio` the backward-ratio one; fills, P&L and sizes use the raw prices.
    """
    return stitch(raw_bars, roll_calendar, here.instrument)


@lake_asset(group="bars", rooms=("market",), partitioning=BY_SYMBOL, plots_column="close")
def session_bars(here: Here, continuous_bars: pl.DataFrame) -> pl.DataFrame:
    """One bar per exchange session, from the hourly ones; a session opens the evening before.

    A reference session is known to features only after `session_close`.
    """
    return aggregate_sessions(continuous_bars, here.instrument)


@lake_asset(
    group="simulation",
    rooms=("market",),
    partitioning=Partitioning.SIMULATED,
    kinds=("simulation",),
)
def simulated_truth(here: Here) -> Made:
    """What is planted in each symbol of the SIMULATED market, so that findings can be compared.

    Nothing downstream reads it: research has to find the edge by itself.
    """
    assert isinstance(here.source, SimulatedSource)
    table = truth_of(here.instrument, here.source.market)
    return Made(table, notes={"simulated": "a random-number generator made these bars"})
