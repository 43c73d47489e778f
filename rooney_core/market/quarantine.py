"""Rows that were refused one by one: kept with the reason, instead of dropped or believed.

Belongs here: what makes a single row unusable, and the table that keeps it. Does not belong here:
faults of a whole file, such as a wrong zone (`rooney_assets.sources` refuses those), or how many
refused rows are too many (a check's threshold).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_core.market.calendar import UTC_MICROSECONDS

QUARANTINE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "reason": pl.String(),
    "detail": pl.String(),
    "origin": pl.String(),
    "row": pl.Int64(),
    "contract": pl.String(),
    "bar_start": UTC_MICROSECONDS,
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
    "original": pl.String(),
}
"""Columns of the quarantine beside raw_bars. `reason` is a code of `REASONS`; `detail` says what
arrived; `origin` and `row` find it again (file or download, row from 0); cells that could not be
read are null and stand in `original`, the whole row as JSON."""

REASONS: Final[dict[str, str]] = {
    "unreadable": "a cell is no number, no whole number of contracts, or no time",
    "null": "a required cell is empty",
    "not_finite": "a price is NaN or infinite",
    "high_below_low": "high is below low",
    "outside_range": "open or close lies outside [low, high]",
    "negative_volume": "volume is negative",
    "no_length": "the bar does not end after it starts",
    "repeated": "the same bar came more than once; one of the equal rows is kept",
    "contradicting": "several different bars of one contract and time; none of them is kept",
}
"""Every reason code, and what it means."""

_PRICES: Final = ("open", "high", "low", "close")
_KEY: Final = ("bar_start", "contract")
_ABOUT_THE_ROW: Final = ("row", "origin", "original", "unreadable")


def no_quarantine() -> pl.DataFrame:
    """An empty quarantine."""
    return pl.DataFrame(schema=QUARANTINE_SCHEMA)


def set_aside(bars: pl.DataFrame, symbol: str, origin: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good rows of `bars`, in their order, and the others as a quarantine with their reasons.

    `bars` has contract, bar_start, open, high, low, close (Float64) and volume, any of them null
    in a row, and may have bar_end; other columns stay with the good rows. Four columns about the
    row itself are optional, and leave the good rows: `row` (Int64), `origin` (instead of the
    argument) and `original` (String) go to the quarantine, and where `unreadable` (String) is not
    null, it is the detail of that reason.
    A row has one reason: the first of `REASONS` that fits. Rows with a reason of their own are
    out before equal times are compared, so that a bar survives a broken copy of itself. Rows that
    are equal in every column but those about the row are `repeated`; the first is kept.
    """
    codes = bars.select(_own_fault(bars.columns)).to_series()
    faulty = bars.filter(codes > 0).with_columns(_code=codes.filter(codes > 0))
    good = bars if faulty.is_empty() else bars.filter(codes == 0)
    kept, extra = _part_equal_times(good)
    parts = [_as_quarantine(part, symbol, origin) for part in (faulty, extra) if part.height]
    return kept.drop(_ABOUT_THE_ROW, strict=False), pl.concat([no_quarantine(), *parts])


def is_in_order(bars: pl.DataFrame) -> bool:
    """True when (bar_start, contract) rises strictly: sorted, and no bar twice. Needs no sort."""
    start, contract = pl.col("bar_start"), pl.col("contract")
    if bars.select((contract == contract.first()).all()).item():
        return bool(bars.select((start > start.shift()).all()).item())
    later = (start > start.shift()) | ((start == start.shift()) & (contract > contract.shift()))
    return bool(bars.select(later.all()).item())


_CODES: Final = {reason: code for code, reason in enumerate(REASONS, start=1)}


def _own_fault(columns: list[str]) -> pl.Expr:
    """The code of the row's own fault, 0 for none (UInt8)."""
    low, high = pl.col("low"), pl.col("high")
    required = [name for name in (*_KEY, "bar_end", *_PRICES, "volume") if name in columns]
    tests = {
        "null": pl.any_horizontal(pl.col(required).is_null()),
        "not_finite": pl.any_horizontal(~pl.col(_PRICES).is_finite()),
        "high_below_low": high < low,
        "outside_range": pl.any_horizontal(
            ~pl.col(name).is_between(low, high) for name in ("open", "close")
        ),
        "negative_volume": pl.col("volume") < 0,
    }
    if "unreadable" in columns:
        tests = {"unreadable": pl.col("unreadable").is_not_null(), **tests}
    if "bar_end" in columns:
        tests["no_length"] = pl.col("bar_end") <= pl.col("bar_start")
    code = pl.lit(0, pl.UInt8)
    for reason, fits in reversed(tests.items()):
        code = pl.when(fits).then(pl.lit(_CODES[reason], pl.UInt8)).otherwise(code)
    return code.alias("code")


def _part_equal_times(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars of which each (bar_start, contract) is there once, and the rest with their `_code`."""
    if bars.is_empty() or is_in_order(bars):
        return bars, bars.clear()
    twice = bars.select(pl.struct(_KEY).is_duplicated()).to_series()
    if not twice.any():
        return bars, bars.clear()
    values = [name for name in bars.columns if name not in _ABOUT_THE_ROW]
    several = bars.filter(twice).with_columns(
        _kinds=pl.struct(values).n_unique().over(_KEY),
        _rank=pl.int_range(pl.len()).over(_KEY),
    )
    code = pl.when(pl.col("_kinds") > 1).then(_CODES["contradicting"]).otherwise(_CODES["repeated"])
    out = (pl.col("_kinds") > 1) | (pl.col("_rank") > 0)
    keep = ~twice
    keep = keep.scatter(twice.arg_true(), several.select(~out).to_series())
    return bars.filter(keep), several.filter(out).with_columns(_code=code)


def _as_quarantine(rows: pl.DataFrame, symbol: str, origin: str) -> pl.DataFrame:
    absent = [name for name in _ABOUT_THE_ROW if name not in rows.columns]
    names = pl.Series(list(_CODES))
    reason = names.gather(rows["_code"].cast(pl.Int64) - 1)
    return (
        rows.with_columns(pl.lit(None).alias(name) for name in absent)
        .with_columns(
            symbol=pl.lit(symbol),
            origin=pl.col("origin").cast(pl.String).fill_null(origin),
            reason=reason,
        )
        .with_columns(detail=_detail(rows.columns))
        .select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE_SCHEMA.items())
    )


def _detail(columns: list[str]) -> pl.Expr:
    """What arrived, in words, by reason."""
    required = [name for name in (*_KEY, "bar_end", *_PRICES, "volume") if name in columns]
    empty = pl.concat_str(
        *(pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in required),
        separator=", ",
        ignore_nulls=True,
    )
    prices = pl.format("open {} high {} low {} close {}", *_PRICES)
    end = pl.col("bar_end") if "bar_end" in columns else pl.lit("")
    words = {
        "unreadable": pl.col("unreadable").cast(pl.String),
        "null": pl.format("empty: {}", empty),
        "negative_volume": pl.format("volume {}", "volume"),
        "no_length": pl.format("ends {}", end),
        "repeated": pl.lit("equal to an earlier row"),
        "contradicting": pl.format("{} different bars", pl.col("_kinds"))
        if "_kinds" in columns
        else pl.lit(""),
    }
    detail = prices
    for reason, said in words.items():
        detail = pl.when(pl.col("reason") == reason).then(said).otherwise(detail)
    return detail
