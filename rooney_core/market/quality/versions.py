"""Do two tellings of the same bars agree: two vendors, or the same vendor yesterday and today?

Belongs here: comparing two frames of raw_bars of one symbol. Does not belong here: daily against
hourly bars (`market/agreement.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from rooney_core.market.quality.measured import ROWS_KEPT, Measured

_PRICES = ("open", "high", "low", "close")
_KEY = ("contract", "bar_start")
VALUES = (*_PRICES, "volume")
"""What a bar says; its key and labels are not compared."""


def second_source(bars: pl.DataFrame, second: pl.DataFrame, tick_size: float) -> Measured:
    """How `second`, the same symbol's raw bars from elsewhere, agrees with `bars`.

    Joined on (contract, bar_start) where both name contracts alike, else on bar_start alone, inside
    the span that both have. A bar differs when a price is more than one tick away. Numbers: bars
    in both, different, share that agrees, only here, only there. Rows: bar_start, contract, each
    price here and there (`_second`), distance (ticks), largest first. Points: x = year, y = share
    that agrees. Without a common bar the share is 0 and everything else counts.
    """
    alike = bars["contract"].is_in(second["contract"].unique().implode()).any()
    key = list(_KEY) if alike else ["bar_start"]
    mine, other = (_span(one, bars, second).select(*_KEY, *_PRICES) for one in (bars, second))
    if not alike:
        mine, other = (one.unique("bar_start", keep="first") for one in (mine, other))
    both = mine.join(other, on=key, how="inner", suffix="_second")
    away = [(pl.col(name) - pl.col(f"{name}_second")).abs() for name in _PRICES]
    both = both.with_columns(distance=pl.max_horizontal(*away) / tick_size)
    # The hair above one tick is what a decimal price loses on its way through a binary number.
    different = pl.col("distance") > 1 + 1e-6
    points = both.group_by(x=pl.col("bar_start").dt.year()).agg(y=1 - different.mean()).sort("x")
    rows = both.filter(different).sort("distance", "bar_start", descending=[True, False])
    numbers: dict[str, int | float | str] = {
        "in both": both.height,
        "different": rows.height,
        "share that agrees": 1 - rows.height / both.height if both.height else 0.0,
        "only here": mine.height - both.height,
        "only there": other.height - both.height,
        "joined on": ", ".join(key),
    }
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def restated_bars(bars: pl.DataFrame, before: Callable[[list[str]], pl.DataFrame]) -> Measured:
    """What `bars` say differently about the past than an earlier version of them did.

    `before(columns)` reads columns of the earlier version: a plain continuation is recognised
    column by column, so that millions of bars are never held twice. History ends with the earlier
    version's last bar; what comes after it is new, not restated. Numbers: bars before, changed,
    removed, inserted, new. Rows: bar_start, contract, what, and each value before and now (`_now`),
    oldest first. Points: x = year, y = restated bars.
    """
    n_before = before([_KEY[0]]).height
    if n_before <= bars.height and _continues(bars, before, n_before):
        return _answer(pl.DataFrame(), n_before, bars.height - n_before)
    old = before([*_KEY, *VALUES])
    last = old["bar_start"].max()
    now = bars.lazy().select(*_KEY, *VALUES).filter(pl.col("bar_start") <= last).collect()
    differs = pl.any_horizontal(*(pl.col(f"{one}_now").ne_missing(pl.col(one)) for one in VALUES))
    gone, fresh = pl.col("open_now").is_null(), pl.col("open").is_null()
    what = pl.when(gone).then(pl.lit("removed")).when(fresh).then(pl.lit("inserted"))
    rows = (
        old.join(now, on=list(_KEY), how="full", suffix="_now", coalesce=True)
        .filter(differs)
        .with_columns(what=what.otherwise(pl.lit("changed")))
        .sort("bar_start", "contract")
    )
    return _answer(rows, n_before, bars.height - now.height)


def _continues(
    bars: pl.DataFrame, before: Callable[[list[str]], pl.DataFrame], n_before: int
) -> bool:
    """True when the earlier version is, column by column, the beginning of this one."""
    return all(before([name])[name].equals(bars[name].head(n_before)) for name in (*_KEY, *VALUES))


def _answer(rows: pl.DataFrame, n_before: int, n_new: int) -> Measured:
    counts = {"changed": 0, "removed": 0, "inserted": 0}
    points = pl.DataFrame()
    if rows.height:
        counts |= dict(rows.group_by("what").len().iter_rows())
        by_year = rows.group_by(x=pl.col("bar_start").dt.year())
        points = by_year.agg(y=pl.len().cast(pl.Float64)).sort("x")
        rows = rows.select(
            "bar_start", "contract", "what", *(f"{n}{s}" for n in VALUES for s in ("", "_now"))
        )
    numbers: dict[str, int | float | str] = {"bars before": n_before, **counts, "new": n_new}
    if rows.height:
        numbers["first restated"] = str(rows["bar_start"][0])
        numbers["last restated"] = str(rows["bar_start"][-1])
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def _span(one: pl.DataFrame, first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """The bars of one frame inside the time that both cover."""
    begin = pl.max_horizontal(pl.lit(first["bar_start"].min()), pl.lit(second["bar_start"].min()))
    end = pl.min_horizontal(pl.lit(first["bar_start"].max()), pl.lit(second["bar_start"].max()))
    return one.filter(pl.col("bar_start").is_between(begin, end))
