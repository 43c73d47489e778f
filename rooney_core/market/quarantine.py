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


def no_quarantine() -> pl.DataFrame:
    """An empty quarantine."""
    return pl.DataFrame(schema=QUARANTINE_SCHEMA)
