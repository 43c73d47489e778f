"""Checks of stage 1: bars, rolls, sessions."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.errors import BarsRejected
from rooney_core.market.bars import validate_bars
from rooney_core.market.calendar import schedule

MISSING_SESSIONS_ALLOWED = 0.03
SPIKE_IN_ROBUST_DEVIATIONS = 40.0


@check("raw_bars", blocking=True)
def bars_are_possible(table: pl.DataFrame, here: Here) -> Outcome:
    """Schema, order, finite prices, high and low around the rest, no duplicate, right zone."""
    return _validated(table, here)


@check("raw_bars")
def sessions_are_complete(table: pl.DataFrame, here: Here) -> Outcome:
    """At most 3 % of the scheduled sessions between the first and the last bar have no bar."""
    present = table["session"].unique()
    planned = schedule(here.instrument.product_group, present.min(), present.max())["session"]
    missing = planned.filter(~planned.is_in(present.implode()))
    share = len(missing) / max(1, len(planned))
    sample = ", ".join(str(day) for day in missing.head(10))
    return Outcome(
        share <= MISSING_SESSIONS_ALLOWED,
        {"scheduled": len(planned), "missing": len(missing), "share": share, "first": sample},
    )


@check("roll_calendar", blocking=True)
def rolls_go_forward(table: pl.DataFrame, here: Here) -> Outcome:
    """Roll sessions rise strictly, and each starts from the contract the last one chose."""
    rising = table["roll_session"].diff().drop_nulls().dt.total_days() > 0
    chained = table["roll_from"][1:] == table["roll_to"][:-1]
    return Outcome(bool(rising.all() and chained.all()), {"rolls": table.height})


@check("roll_calendar")
def gaps_are_finite(table: pl.DataFrame, here: Here) -> Outcome:
    """Every roll gap is a finite number."""
    unknown = table.height - int(table["gap"].is_finite().sum())
    largest = table["gap"].abs().max() if table.height else 0.0
    facts = {"unknown gaps": unknown, "largest gap, quote units": float(largest or 0.0)}
    return Outcome(unknown == 0, facts)


@check("continuous_bars", blocking=True)
def one_bar_per_time(table: pl.DataFrame, here: Here) -> Outcome:
    """Exactly one bar per `bar_start`, in rising order."""
    steps = table["bar_start"].diff().drop_nulls().dt.total_microseconds()
    return Outcome(bool((steps > 0).all()), {"bars": table.height})


@check("continuous_bars", blocking=True)
def last_contract_is_unadjusted(table: pl.DataFrame, here: Here) -> Outcome:
    """The newest bar's adjustment is 0: adjusted and raw prices agree where trading happens."""
    return Outcome(table["adjustment"][-1] == 0.0, {"adjustments": table["adjustment"].n_unique()})


@check("continuous_bars")
def no_spikes(table: pl.DataFrame, here: Here) -> Outcome:
    """No adjusted one-bar change beyond 40 robust deviations (1.4826 x median absolute change)."""
    adjusted = table["close"] + table["adjustment"]
    change = adjusted.diff().drop_nulls()
    scale = 1.4826 * float(change.abs().median() or 0.0)
    worst = float(change.abs().max() or 0.0)
    limit = SPIKE_IN_ROBUST_DEVIATIONS * scale
    spikes = int((change.abs() > limit).sum()) if scale > 0 else 0
    return Outcome(spikes == 0, {"spikes": spikes, "largest change": worst, "limit": limit})


@check("session_bars", blocking=True)
def sessions_are_possible(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per session, rising; high and low around open and close."""
    rising = bool((table["session"].diff().drop_nulls().dt.total_days() > 0).all())
    inside = table.filter(
        (pl.col("high") < pl.max_horizontal("open", "close"))
        | (pl.col("low") > pl.min_horizontal("open", "close"))
    ).height
    return Outcome(rising and inside == 0, {"sessions": table.height, "impossible": inside})


@check("session_bars")
def sessions_have_bars(table: pl.DataFrame, here: Here) -> Outcome:
    """The median session has at least 15 hourly bars (one for daily instruments)."""
    least = 15 if here.instrument.bar_minutes == 60 else 1
    median = float(table["n_bars"].median() or 0.0)
    return Outcome(median >= least, {"median bars a session": median, "needed": least})


@check("simulated_truth", blocking=True)
def truth_is_of_this_symbol(table: pl.DataFrame, here: Here) -> Outcome:
    """One row, about this symbol."""
    return Outcome(table["symbol"].to_list() == [here.symbol], {"rows": table.height})


@check("simulated_truth")
def symbol_is_named_simulated(table: pl.DataFrame, here: Here) -> Outcome:
    """The symbol says on its face that it is simulated."""
    return Outcome(here.symbol.startswith("SIM_"), {"symbol": here.symbol})


def _validated(table: pl.DataFrame, here: Here) -> Outcome:
    try:
        validate_bars(table, here.instrument)
    except BarsRejected as refused:
        return Outcome(False, {"reason": str(refused)})
    return Outcome(True, {"bars": table.height, "contracts": table["contract"].n_unique()})
