"""Checks of stage 1 on the chain of front contracts: is it whole, in time, and what others have?

Belongs here: what only shows once contracts are joined. Raw bars hold every contract, so a busy
back month hides a hole in the front one. Does not belong here: which contract should be in front
(`rooney_core.market.roll_choice`).
"""

from __future__ import annotations

import polars as pl

from rooney_assets.checks.bar_quality import span_of
from rooney_assets.checks.judged import chart, judge, not_looked_at
from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.market.calendar import expected_bar_starts, schedule
from rooney_core.market.expiry import last_safe_day
from rooney_core.market.instruments import Instrument
from rooney_core.market.quality import Measured, limits_for, missing_bars, missing_sessions
from rooney_core.market.roll_agreement import agreement, delivered, explain_differences, fronts
from rooney_core.market.roll_choice import dated


@check("continuous_bars", severity=Severity.WARN)
def front_is_complete(table: pl.DataFrame, here: Here) -> Outcome:
    """The front contract alone has the bars that the calendar expects, but for a small share.

    A hole that only a later contract fills is no hole in `raw_bars`, and is one here.
    """
    one = here.instrument
    limits = limits_for(one)
    if one.bar_minutes > 60:
        planned = schedule(one.product_group, *span_of(table))["session"]
        found = missing_sessions(table["session"], planned)
        passed = float(found.numbers["share"]) <= limits.missing_sessions
        return judge(
            found, passed, "Sessions without a bar", "sessions", at_most=limits.missing_sessions
        )
    expected = expected_bar_starts(one.product_group, *span_of(table), one.bar_minutes)
    found = missing_bars(table["bar_start"], expected)
    share, longest = float(found.numbers["share"]), int(found.numbers["longest gap"])
    thin = _thin_sessions(table, expected)
    facts = {**found.numbers, "sessions with less than half their bars in a row": thin}
    return judge(
        Measured(facts, found.rows, found.points),
        share <= limits.missing_bars
        and longest <= limits.longest_gap_bars
        and thin <= limits.thin_sessions,
        "Missing bars of the front contract, share of the expected ones",
        "share",
        limit=limits.missing_bars,
        share_at_most=limits.missing_bars,
        gap_at_most=limits.longest_gap_bars,
        thin_sessions_at_most=limits.thin_sessions,
    )


def _thin_sessions(table: pl.DataFrame, expected: pl.DataFrame) -> int:
    """The longest run of sessions in which less than half of the expected bars are there."""
    wanted = expected.group_by("session").agg(wanted=pl.len())
    there = table.group_by("session").agg(there=pl.len())
    beside = wanted.join(there, on="session", how="left").sort("session")
    is_thin = 2 * pl.col("there").fill_null(0) < pl.col("wanted")
    runs = beside.select(thin=is_thin, run=is_thin.rle_id()).filter("thin").group_by("run").len()
    return int(runs["len"].max() or 0)  # type: ignore[arg-type]


@check("roll_calendar", severity=Severity.WARN)
def rolls_are_in_time(table: pl.DataFrame, here: Here) -> Outcome:
    """Each roll is about as many days before its contract's last safe day as the others are.

    One that is far from the rest comes from a hole or an odd volume, or from a market that moved
    its months; where no expiry is known there is nothing to compare.
    """
    told = _days_before_the_end(table, here.instrument)
    if told.is_empty():
        return not_looked_at("no roll whose contract has a known last day", table)
    limit = limits_for(here.instrument).roll_days_off
    usual = float(told["days"].median() or 0.0)  # type: ignore[arg-type]
    odd = told.filter((pl.col("days") - usual).abs() > limit)
    when = pl.col("roll_session").dt
    points = told.select(x=when.year() + (when.ordinal_day() - 1) / 366, y="days")
    return Outcome(
        odd.is_empty(),
        {
            "rolls": told.height,
            "usual days before the last safe day": usual,
            "odd rolls": odd.height,
            "days off at most": limit,
        },
        odd,
        chart(points, "Days from roll to last safe day", "days", kind="points"),
    )


def _days_before_the_end(table: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """(roll_session, roll_from, last_safe_day, days) of the rolls out of dated contracts."""
    rows = []
    for session, contract in table.select("roll_session", "roll_from").iter_rows():
        name = dated(contract)
        if name is not None and instrument.expiry is not None:
            end = last_safe_day(name, instrument)
            rows.append((session, contract, end, (end - session).days))
    schema = {
        "roll_session": pl.Date,
        "roll_from": pl.String,
        "last_safe_day": pl.Date,
        "days": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


@check("continuous_bars", severity=Severity.WARN)
def front_is_the_second_sources(table: pl.DataFrame, here: Here) -> Outcome:
    """Where a second source delivers a chain of its own, both have the same contract in front.

    Judged on the sessions whose contract our bars hold at all; the sample explains each difference.
    """
    second = here.source.witnesses(here.instrument).second
    if second is None or second["bar_start"].is_duplicated().any():
        return not_looked_at("no second chain of front contracts", table)
    partition = ("symbol", here.symbol)
    raw = here.lake.columns(
        "raw_bars", partition, ("symbol", "session", "bar_start", "contract", "volume")
    )
    ours, theirs = fronts(table), fronts(second)
    share = agreement(ours, delivered(theirs, raw))
    limit = limits_for(here.instrument).front_agreement
    differ = explain_differences(ours, theirs, raw)
    points = differ.group_by(x=pl.col("first_session").dt.year()).agg(y=pl.sum("n_sessions"))
    numbers = {
        "share that agrees, of sessions we have bars for": share,
        "share that agrees, of all sessions": agreement(ours, theirs),
        **dict(differ.group_by("reason").agg(pl.sum("n_sessions")).sort("reason").iter_rows()),
    }
    found = Measured(numbers, differ, points.sort("x"))
    return judge(found, share >= limit, "Sessions on another contract", "sessions", at_least=limit)
