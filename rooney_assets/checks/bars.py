"""Checks of stage 1 that ask: is this a table of bars, of rolls, of sessions at all?

Belongs here: form and consistency. Does not belong here: how good the bars are (`bar_quality.py`),
what others say about them (`bar_witnesses.py`), or limits (`rooney_core.market.quality.limits`).
"""

from __future__ import annotations

import polars as pl

from rooney_assets.checks.judged import chart, judge
from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.market.bars import are_few_strays
from rooney_core.market.calendar import outside_hours
from rooney_core.market.quality import (
    Measured,
    impossible_prices,
    limits_for,
    unordered_rows,
    wrong_columns,
)


@check("raw_bars", blocking=True, severity=Severity.ERROR)
def columns_are_those_of_bars(table: pl.DataFrame, here: Here) -> Outcome:
    """Every column of a bar is there, with its type and time zone, without a null; some rows."""
    found = wrong_columns(table)
    passed = found.rows.is_empty() and table.height > 0
    return judge(found, passed, "Nulls by column", "nulls", x_label="column")


@check("raw_bars", blocking=True, severity=Severity.ERROR)
def prices_are_possible(table: pl.DataFrame, here: Here) -> Outcome:
    """Finite prices, high and low around open and close, no negative volume, a length."""
    found = impossible_prices(table)
    passed = found.numbers["impossible bars"] == 0
    return judge(found, passed, "Impossible bars", "bars", x_label="fault")


@check("raw_bars", blocking=True, severity=Severity.ERROR)
def bars_are_unique_and_in_order(table: pl.DataFrame, here: Here) -> Outcome:
    """One bar per contract and time, sorted by time, then contract; all of this symbol."""
    found = unordered_rows(table)
    foreign = int((table["symbol"] != here.symbol).sum())
    passed = found.rows.is_empty() and foreign == 0
    title = "Repeated and misplaced bars"
    return judge(found, passed, title, "bars", bars_of_another_symbol=foreign)


@check("raw_bars", blocking=True, severity=Severity.ERROR)
def bars_start_in_session_hours(table: pl.DataFrame, here: Here) -> Outcome:
    """Bars start while the market is open; more than a few strays mean a wrong time zone.

    Three bars of a short series may, up to 3 % of it, whatever the limit of the share says.
    """
    outside = outside_hours(table["bar_start"], here.instrument.product_group)
    strays = table.filter(outside).select("bar_start", "contract", "open", "close", "volume")
    share = strays.height / max(1, table.height)
    limit = limits_for(here.instrument).outside_hours
    years = pl.DataFrame({"x": table["bar_start"].dt.year(), "y": outside})
    points = years.group_by("x").agg(pl.col("y").mean()).sort("x")
    found = Measured({"bars": table.height, "outside": strays.height, "share": share}, strays)
    found = Measured(found.numbers, strays.head(100), points)
    title = "Bars that start outside session hours"
    passed = share <= limit or are_few_strays(strays.height, table.height)
    return judge(found, passed, title, "share", limit=limit, at_most=limit)


@check("roll_calendar", blocking=True, severity=Severity.ERROR)
def rolls_go_forward(table: pl.DataFrame, here: Here) -> Outcome:
    """Roll times rise strictly, and each starts from the contract the last one chose."""
    rising = (pl.col("roll_time") > pl.col("roll_time").shift()).fill_null(True)
    chained = (pl.col("roll_from") == pl.col("roll_to").shift()).fill_null(True)
    broken = table.filter(~(rising & chained))
    points = table.group_by(x=pl.col("roll_session").dt.year()).agg(y=pl.len()).sort("x")
    found = Measured({"rolls": table.height, "broken": broken.height}, broken, points)
    return judge(found, broken.is_empty(), "Rolls a year", "rolls")


@check("roll_calendar", severity=Severity.ERROR)
def gaps_are_finite(table: pl.DataFrame, here: Here) -> Outcome:
    """Every roll gap is a finite number."""
    unknown = table.filter(~pl.col("gap").is_finite().fill_null(False))
    largest = table["gap"].abs().max() if table.height else 0.0
    when = pl.col("roll_session").dt
    points = table.select(x=when.year() + (when.ordinal_day() - 1) / 366, y="gap")
    return Outcome(
        unknown.is_empty(),
        {"unknown gaps": unknown.height, "largest gap, quote units": float(largest or 0.0)},  # type: ignore[arg-type]
        unknown,
        chart(points, "Gap at each roll", "new minus old, quote units", kind="points"),
    )


@check("continuous_bars", blocking=True, severity=Severity.ERROR)
def one_bar_per_time(table: pl.DataFrame, here: Here) -> Outcome:
    """Exactly one bar per `bar_start`, in rising order."""
    falls = (pl.col("bar_start") <= pl.col("bar_start").shift()).fill_null(False)
    broken = table.filter(falls)
    points = table.group_by(x=pl.col("session").dt.year()).agg(y=pl.len()).sort("x")
    found = Measured({"bars": table.height, "broken": broken.height}, broken.head(100), points)
    return judge(found, broken.is_empty(), "Bars a year", "bars")


@check("continuous_bars", blocking=True, severity=Severity.ERROR)
def last_contract_is_unadjusted(table: pl.DataFrame, here: Here) -> Outcome:
    """The newest bar's adjustment is 0: adjusted and raw prices agree where trading happens."""
    last = table["adjustment"][-1] if table.height else None
    steps = table.filter((pl.col("adjustment") != pl.col("adjustment").shift()).fill_null(True))
    when = pl.col("session").dt
    points = steps.select(x=when.year() + (when.ordinal_day() - 1) / 366, y="adjustment")
    found = Measured({"adjustments": steps.height, "last": str(last)}, points=points)
    title = "Adjustment of raw prices, at each of its changes"
    return judge(found, last == 0.0, title, "quote units", kind="line")


@check("session_bars", blocking=True, severity=Severity.ERROR)
def sessions_are_possible(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per session, rising; high and low around open and close."""
    falls = (pl.col("session") <= pl.col("session").shift()).fill_null(False)
    outside = (pl.col("high") < pl.max_horizontal("open", "close")) | (
        pl.col("low") > pl.min_horizontal("open", "close")
    )
    broken = table.filter(falls | outside)
    points = table.group_by(x=pl.col("session").dt.year()).agg(y=pl.len()).sort("x")
    numbers = {"sessions": table.height, "impossible": broken.height}
    found = Measured(numbers, broken.head(100), points)
    return judge(found, broken.is_empty(), "Sessions a year", "sessions")


@check("session_bars", severity=Severity.WARN)
def sessions_have_bars(table: pl.DataFrame, here: Here) -> Outcome:
    """The median session has at least 15 hours of bars (one bar for daily instruments)."""
    minutes = here.instrument.bar_minutes
    least = 15 * 60 // minutes if minutes <= 60 else 1
    median = float(table["n_bars"].median() or 0.0)  # type: ignore[arg-type]
    by_year = table.group_by(x=pl.col("session").dt.year())
    points = by_year.agg(y=pl.col("n_bars").median()).sort("x")
    found = Measured({"median bars a session": median, "needed": least}, points=points)
    title = "Median bars a session"
    return judge(found, median >= least, title, "bars", limit=least, limit_is_least=True)


@check("simulated_truth", blocking=True, severity=Severity.ERROR)
def truth_is_of_this_symbol(table: pl.DataFrame, here: Here) -> Outcome:
    """One row, about this symbol."""
    return Outcome(table["symbol"].to_list() == [here.symbol], {"rows": table.height})


@check("simulated_truth", severity=Severity.ERROR)
def symbol_is_named_simulated(table: pl.DataFrame, here: Here) -> Outcome:
    """The symbol says on its face that it is simulated."""
    return Outcome(here.symbol.startswith("SIM_"), {"symbol": here.symbol})
