"""Checks of stage 1 that ask: what do others say about these bars, and what did we say before?

Belongs here: comparing with witnesses, with the refused rows, and with the version that the lake
holds. Does not belong here: what the bars show by themselves (`bar_quality.py`).
"""

from __future__ import annotations

import polars as pl

from rooney_assets.checks.judged import judge, not_looked_at
from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_assets.sources import DailyWitness
from rooney_core.errors import MissingArtifact
from rooney_core.market.agreement import (
    compare_daily,
    on_trade_dates,
    session_bounds,
    utc_day_bars,
)
from rooney_core.market.quality import Measured, limits_for, restated_bars, second_source
from rooney_core.market.quarantine import no_quarantine


@check("raw_bars", severity=Severity.WARN)
def quarantine_is_small(table: pl.DataFrame, here: Here) -> Outcome:
    """Few rows were refused at ingestion; they are kept in `raw_bars_quarantine`, with reasons."""
    refused = here.beside.get("quarantine", no_quarantine())
    share = refused.height / max(1, table.height + refused.height)
    limit = limits_for(here.instrument).quarantined
    counts = refused.group_by("reason").len().sort("len", descending=True)
    points = counts.select(x="reason", y=pl.col("len").cast(pl.Float64))
    numbers = {"refused rows": refused.height, "share": share, **dict(counts.iter_rows())}
    shown = refused.select("reason", "detail", "origin", "row", "contract", "bar_start")
    found = Measured(numbers, shown.head(100), points)
    passed = share <= limit
    return judge(found, passed, "Refused rows", "rows", x_label="reason", share_at_most=limit)


@check("raw_bars", severity=Severity.WARN)
def second_source_agrees(table: pl.DataFrame, here: Here) -> Outcome:
    """Where another source has the same bars, all but a few agree within one tick."""
    second = here.source.witnesses(here.instrument).second
    if second is None:
        return not_looked_at("no second source of this symbol", table)
    limit = limits_for(here.instrument).second_agreement
    found = second_source(table, second, here.instrument.tick_size)
    return judge(
        found,
        float(found.numbers["share that agrees"]) >= limit,
        "Bars that agree with the second source",
        "share",
        limit=limit,
        limit_is_least=True,
        at_least=limit,
    )


@check("raw_bars", severity=Severity.WARN)
def history_is_unchanged(table: pl.DataFrame, here: Here) -> Outcome:
    """The source tells the same past as in the version that the lake holds; new bars may follow.

    A restatement is written all the same, as a new version; `rooney data impact SYMBOL` lists what
    downstream changes with it, and the old version stays readable.
    """
    partition = ("symbol", here.symbol)
    try:
        found = restated_bars(table, lambda names: here.lake.columns("raw_bars", partition, names))
    except MissingArtifact:
        return not_looked_at("the lake holds no earlier version", table)
    passed = found.rows.is_empty()
    told = {} if passed else {"what_to_do": f"rooney data impact {here.symbol}"}
    return judge(found, passed, "Restated bars", "bars", **told)


@check("session_bars", severity=Severity.WARN)
def daily_bars_agree(table: pl.DataFrame, here: Here) -> Outcome:
    """Highs, and lows, of sessions built from finer bars are those of the vendor's daily bars.

    Each within a tick, in at least 99 % of the sessions. The rest is in the sample: how far off,
    and on which trade dates. Index futures until 2012-11-18 have a band: the hourly bar from 15:00
    Chicago holds trades of two trade dates, so that the daily high may lie anywhere between the
    session's with that bar and without, and the low likewise. `accepted by bounds only` counts the
    sessions that agree by that band alone.
    """
    witness = here.source.witnesses(here.instrument).daily
    if witness is None:
        return not_looked_at("no daily bars of this symbol from elsewhere", table)
    compared = _compared(witness, here)
    agreeing = pl.col("agrees").cast(pl.Float64)
    limits = limits_for(here.instrument)
    slack = 1.001 * limits.daily_tolerance_ticks * here.instrument.tick_size
    highs, lows = (
        float((compared[name] <= slack).mean() or 0.0) for name in ("high_off", "low_off")
    )
    rest = compared.filter(~pl.col("agrees"))
    both = float(compared["agrees"].mean() or 0.0)  # type: ignore[arg-type]
    rest = rest.sort(pl.max_horizontal("high_off", "low_off"), descending=True)
    points = compared.group_by(x=pl.col("session").dt.year()).agg(y=agreeing.mean()).sort("x")
    numbers = {
        "sessions compared": compared.height,
        "share of highs that agree": highs,
        "share of lows that agree": lows,
        "share of sessions where both agree": both,
        "sessions that differ in one of them": rest.height,
        "accepted by bounds only": int((compared["agrees"] & ~compared["agrees_plainly"]).sum()),
        "witness": witness.origin,
        "its day is": witness.day_is,
    }
    return judge(
        Measured(numbers, rest.drop("agrees", "agrees_plainly").head(100), points),
        min(highs, lows) >= limits.daily_agreement,
        "Sessions whose high and low are the daily bar's",
        "share",
        limit=limits.daily_agreement,
        limit_is_least=True,
        at_least=limits.daily_agreement,
    )


def _compared(witness: DailyWitness, here: Here) -> pl.DataFrame:
    """Our days beside the witness's of the same date (`AGREEMENT_SCHEMA`), and `agrees_plainly`.

    That is whether high and low agree with those of the session's own bars, without any band.
    """
    one = here.instrument
    needed = ("session", "contract", "bar_start", "open", "high", "low", "close", "volume")
    bars = here.lake.columns("continuous_bars", ("symbol", here.symbol), needed)
    daily = witness.bars.rename({"day": "session"})
    if daily["contract"].is_null().any():
        daily = daily.drop("contract")
    by_session = witness.day_is == "session"
    ours = session_bounds(bars, one.product_group) if by_session else utc_day_bars(bars)
    daily = on_trade_dates(daily, one.product_group) if by_session else daily
    slack = limits_for(one).daily_tolerance_ticks * one.tick_size
    compared = compare_daily(ours, daily, tolerance=slack)
    plain = bars.group_by("session", "contract").agg(pl.col("high").max(), pl.col("low").min())
    plainly = compare_daily(plain if by_session else ours, daily, tolerance=slack)
    return compared.with_columns(
        agrees_plainly=pl.col("session").is_in(
            plainly.filter("agrees")["session"].unique().implode()
        )
    )
