"""Checks of stage 1 that ask: can these bars be trusted?

Belongs here: verdicts over measurements of `rooney_core.market.quality`, against the limits of
`quality/limits.py` (and no other). Does not belong here: what other sources say
(`bar_witnesses.py`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from rooney_assets.checks.judged import judge, not_looked_at
from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.market.calendar import HOURS, expected_bar_starts, schedule
from rooney_core.market.quality import (
    Measured,
    limits_for,
    long_runs,
    missing_bars,
    missing_sessions,
    prices_off_grid,
    spikes,
    staleness,
    volume_by_hour,
)

_ONE_A_SESSION = "one bar a session has no hours"
_SESSIONS_SHOWN = 30


@check("raw_bars", severity=Severity.WARN)
def sessions_are_complete(table: pl.DataFrame, here: Here) -> Outcome:
    """Scheduled sessions between the first and the last bar have bars, but for a few."""
    first, last = span_of(table)
    planned = schedule(here.instrument.product_group, first, last)["session"]
    found = missing_sessions(table["session"], planned)
    limit = limits_for(here.instrument).missing_sessions
    passed = float(found.numbers["share"]) <= limit
    return judge(found, passed, "Sessions without a bar", "sessions", at_most=limit)


@check("raw_bars", severity=Severity.WARN)
def bars_are_complete(table: pl.DataFrame, here: Here) -> Outcome:
    """The bars that the calendar expects are there, but for a small share and no long hole."""
    one = here.instrument
    if one.bar_minutes > 60:
        return not_looked_at(_ONE_A_SESSION, table)
    limits = limits_for(one)
    expected = expected_bar_starts(one.product_group, *span_of(table), one.bar_minutes)
    found = missing_bars(table["bar_start"], expected)
    share, longest = float(found.numbers["share"]), int(found.numbers["longest gap"])
    return judge(
        found,
        share <= limits.missing_bars and longest <= limits.longest_gap_bars,
        "Missing bars, share of the expected ones",
        "share",
        limit=limits.missing_bars,
        share_at_most=limits.missing_bars,
        gap_at_most=limits.longest_gap_bars,
    )


@check("raw_bars", severity=Severity.WARN)
def bars_are_fresh(table: pl.DataFrame, here: Here) -> Outcome:
    """The bars end at most a few sessions ago; the simulated market ends where it ends."""
    now = datetime.now(UTC)
    last: date = table["session"].max()  # type: ignore[assignment]
    since = schedule(here.instrument.product_group, last, max(last, now.date()))
    found = staleness(table["bar_end"].max(), since, now)  # type: ignore[arg-type]
    limit = limits_for(here.instrument).sessions_stale
    by_session = table.group_by("session").agg(y=pl.len()).sort("session").tail(_SESSIONS_SHOWN)
    points = by_session.select(x=(pl.col("session") - last).dt.total_days(), y="y")
    missed = int(found.numbers["sessions missed"])
    simulated = here.source.is_simulated
    told = {"simulated": "nothing newer was ever drawn"} if simulated else {}
    rows = pl.DataFrame() if simulated else found.rows
    return judge(
        Measured(found.numbers, rows, points),
        simulated or missed <= limit,
        "Bars of the newest sessions",
        "bars",
        x_label=f"days before {last}",
        sessions_at_most=limit,
        **told,
    )


@check("raw_bars", severity=Severity.WARN)
def prices_are_on_the_tick_grid(table: pl.DataFrame, here: Here) -> Outcome:
    """Prices are multiples of the instrument's tick: the right contract, in the right units."""
    limits = limits_for(here.instrument)
    found = prices_off_grid(table, here.instrument.tick_size, limits.grid_tolerance)
    return judge(
        found,
        float(found.numbers["share on the grid"]) >= limits.on_grid,
        "Prices on the tick grid",
        "share",
        limit=limits.on_grid,
        limit_is_least=True,
        at_least=limits.on_grid,
    )


@check("raw_bars", severity=Severity.ERROR)
def volume_is_where_the_session_is(table: pl.DataFrame, here: Here) -> Outcome:
    """Volume is high in the main market's hours and lowest in the daily break, winter and summer.

    Otherwise the file's clock is off by hours, or knows no daylight saving: set `time_zone` and
    `bar_edge` in universe.yaml.
    """
    one = here.instrument
    if one.bar_minutes > 60:
        return not_looked_at(_ONE_A_SESSION, table)
    limits = limits_for(one)
    found = volume_by_hour(table, one.product_group)
    passed = (
        float(found.numbers["share of volume in core hours"]) >= limits.core_volume
        and int(found.numbers["half-years that disagree"]) <= limits.half_years_off
    )
    return judge(
        found,
        passed,
        "Volume by hour of the exchange's clock",
        "share of volume",
        x_label=f"hour, {HOURS[one.product_group].zone}",
        core_hours_at_least=limits.core_volume,
    )


@check("continuous_bars", severity=Severity.WARN)
def no_spikes(table: pl.DataFrame, here: Here) -> Outcome:
    """No price, net of rolls, jumps out and back at once, or moves beyond all that markets did."""
    limits = limits_for(here.instrument)
    found = spikes(table, here.instrument.tick_size, limits)
    return judge(
        found,
        found.rows.is_empty(),
        "Largest move of each year, in robust deviations",
        "z-score",
        limit=limits.move_z_score,
        spike_limit=limits.spike_z_score,
        wick_limit=limits.wick_z_score,
        move_limit=limits.move_z_score,
    )


@check("continuous_bars", severity=Severity.WARN)
def prices_and_volume_are_alive(table: pl.DataFrame, here: Here) -> Outcome:
    """No long stretch of identical prices, or of bars without volume: a frozen feed."""
    limits = limits_for(here.instrument)
    found = long_runs(table, limits)
    return judge(
        found,
        found.rows.is_empty(),
        "Longest stretch without movement or volume",
        "bars",
        limit=limits.flat_bars,
        flat_from=limits.flat_bars,
        zero_volume_from=str(limits.silent_bars),
    )


def span_of(table: pl.DataFrame) -> tuple[date, date]:
    """The first and the last session that the table has."""
    return table["session"].min(), table["session"].max()  # type: ignore[return-value]
