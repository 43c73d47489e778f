"""The shape of a bar: one schema for frames, one for arrays, and the refusal of anything else.

Belongs here: columns, types and order of bars, and what makes them unusable. Does not belong here:
where bars come from (`rooney_assets.sources`), or which contract is in front (`rolls.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rooney_core.errors import BarsRejected
from rooney_core.market.calendar import (
    UTC_MICROSECONDS,
    flat_deadlines,
    outside_hours,
    session_hours,
)
from rooney_core.market.expiry import last_safe_days
from rooney_core.market.hours import HOURS
from rooney_core.market.instruments import Instrument
from rooney_core.market.quarantine import is_in_order

BARS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "contract": pl.String(),
    "bar_start": UTC_MICROSECONDS,
    "bar_end": UTC_MICROSECONDS,
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
    "session": pl.Date(),
    "adjustment": pl.Float64(),
}
"""Columns of raw_bars and continuous_bars, in order. bar_start inclusive, bar_end exclusive, both
UTC; prices in quote units; adjusted price = price + adjustment (0.0 in raw_bars)."""

MAX_OUTSIDE_HOURS: Final = 0.005
"""Share of bars that may start outside the session hours. Measured on eleven real futures: below
0.0001 in the right zone, above 0.033 when shifted by five or six hours."""
MAX_STRAYS: Final = 3
"""As many bars may lie outside in a short series too, whose share a single one already exceeds."""
MAX_OUTSIDE_HOURS_OF_FEW: Final = 0.03
"""Share that `MAX_STRAYS` may be at most: below that of a shifted series, however short it is."""

Number = TypeVar("Number", bound=np.generic)
_PRICES: Final = ("open", "high", "low", "close")
_SHOWN = 3
_SLICE: Final = 500_000
_LEFT_OUT: Final = np.empty(0)


def validate_bars(frame: pl.DataFrame, instrument: Instrument) -> None:
    """Return nothing when `frame` is good raw_bars of `instrument`; otherwise refuse it.

    Raises BarsRejected, naming column and first rows, for: a missing column, a wrong type or time
    zone, no rows, a null, a NaN or infinite price, high < low, open or close outside [low, high],
    a bar that does not end after it starts, negative volume, a foreign symbol, a duplicate
    (contract, bar_start), an order other than (bar_start, contract), or more than a few bars
    outside the session hours (`are_few_strays`), which means a wrong zone. Negative prices are
    legal, and so are columns that the schema does not know.
    """
    _require_schema(frame, instrument.symbol)
    _require_sound_rows(frame, instrument)
    _require_order(frame, instrument.symbol)
    _require_session_hours(frame, instrument)


def are_few_strays(n_outside: int, n_bars: int) -> bool:
    """True when so few bars lie outside the session hours that they are strays, no wrong zone.

    That is a share of `MAX_OUTSIDE_HOURS`, or `MAX_STRAYS` bars of a short series.
    """
    share = n_outside / max(1, n_bars)
    few = n_outside <= MAX_STRAYS and share <= MAX_OUTSIDE_HOURS_OF_FEW
    return few or share <= MAX_OUTSIDE_HOURS


def in_slices(series: pl.Series, compute: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`compute` of a series, row by row in effect, slice by slice in fact.

    What it needs in between stays small, which counts for millions of rows.
    """
    if len(series) <= _SLICE:
        return compute(series)
    return pl.concat(compute(series.slice(at, _SLICE)) for at in range(0, len(series), _SLICE))


@dataclass(frozen=True)
class BarArrays:
    """Continuous bars as numpy arrays of one length, oldest first: what compiled kernels read.

    Times are microseconds since 1970 UTC (int64). open, high, low, close are raw prices; adjusted
    price = price + adjustment. `session` counts days since 1970-01-01 (int32).
    `session_open_us` and `session_close_us` are the scheduled hours of the bar's session. A
    position is flat by `flat_deadline_us`, which belongs to the calendar day of the bar's start:
    the session after a bank holiday holds two of them, the holiday's own first. Each value of a bar
    depends on that bar alone, never on its neighbours.

    `exchange_hour`: 0 to 23, the exchange's clock at the bar's start. `last_safe_day`: days since
    1970-01-01 of the last day on which the bar's contract trades and nobody can be asked to
    deliver, which is known when it is listed. Both NaN where unknown; left out, all is unknown.
    """

    bar_start_us: NDArray[np.int64]
    bar_end_us: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    adjustment: NDArray[np.float64]
    volume: NDArray[np.float64]
    session: NDArray[np.int32]
    flat_deadline_us: NDArray[np.int64]
    session_open_us: NDArray[np.int64]
    session_close_us: NDArray[np.int64]
    exchange_hour: NDArray[np.float64] = field(default_factory=lambda: _LEFT_OUT)
    last_safe_day: NDArray[np.float64] = field(default_factory=lambda: _LEFT_OUT)

    def __post_init__(self) -> None:
        for name in ("exchange_hour", "last_safe_day"):
            if getattr(self, name) is _LEFT_OUT:
                object.__setattr__(self, name, np.full(len(self), np.nan))

    @classmethod
    def from_frame(cls, frame: pl.DataFrame, instrument: Instrument) -> BarArrays:
        """Build from continuous_bars of `instrument`; the arrays are copies.

        Raises BarsRejected for a missing column or type, or when bar_start does not rise strictly
        (several contracts at one time are raw_bars: stitch them first).
        """
        _require_columns(frame, instrument.symbol)
        if not frame["bar_start"].is_sorted() or frame["bar_start"].is_duplicated().any():
            raise BarsRejected(
                f"{instrument.symbol}: bar_start must rise strictly, one bar per time. These look "
                "like raw_bars: pass the frame through rolls.stitch first."
            )
        sessions = frame["session"]
        days = session_hours(sessions.unique(), instrument.product_group)
        hours = sessions.to_frame().join(days, on="session", maintain_order="left")
        return cls(
            bar_start_us=_microseconds(frame["bar_start"]),
            bar_end_us=_microseconds(frame["bar_end"]),
            **{name: _copy(frame[name], np.float64) for name in (*_PRICES, "adjustment", "volume")},
            session=_copy(sessions.to_physical(), np.int32),
            flat_deadline_us=_microseconds(flat_deadlines(frame["bar_start"], instrument)),
            session_open_us=_microseconds(hours["session_open"]),
            session_close_us=_microseconds(hours["session_close"]),
            exchange_hour=_exchange_hours(frame["bar_start"], instrument),
            last_safe_day=_copy(
                last_safe_days(frame["contract"], instrument).to_physical(), np.float64
            ),
        )

    def __len__(self) -> int:
        return len(self.bar_start_us)

    def window(self, first: int, last: int) -> BarArrays:
        """Bars [first, last) as views of the same memory; clipped like a slice, 0 <= first."""
        return BarArrays(*[column[first:last] for column in _COLUMNS(self)])


# Once, not at every bar: a decision looks at several windows.
_COLUMNS = attrgetter(*(one.name for one in fields(BarArrays)))


def _copy(series: pl.Series, dtype: type[Number]) -> NDArray[Number]:
    # Always a writable copy: numba takes a read-only view for another type and compiles it anew.
    return np.array(series.to_numpy(), dtype=dtype)


def _exchange_hours(starts: pl.Series, instrument: Instrument) -> NDArray[np.float64]:
    zone = HOURS[instrument.product_group].zone
    hours = in_slices(starts, lambda part: part.dt.convert_time_zone(zone).dt.hour())
    return _copy(hours, np.float64)


def _microseconds(times: pl.Series) -> NDArray[np.int64]:
    return _copy(times.dt.timestamp("us"), np.int64)


def _require_schema(frame: pl.DataFrame, symbol: str) -> None:
    _require_columns(frame, symbol)
    if frame.is_empty():
        raise BarsRejected(f"{symbol}: no bars arrived; at least one is needed. Check the source.")


def _require_columns(frame: pl.DataFrame, symbol: str) -> None:
    missing = [name for name in BARS_SCHEMA if name not in frame.columns]
    if missing:
        raise BarsRejected(
            f"{symbol}: column(s) {', '.join(missing)} missing; {', '.join(frame.columns)} "
            "arrived. Map the file's names in `columns` of universe.yaml."
        )
    for name, expected in BARS_SCHEMA.items():
        if frame.schema[name] != expected:
            raise BarsRejected(
                f"{symbol}: column {name} has type {frame.schema[name]}; {expected} is needed. "
                "Convert it where the bars are read (times to UTC, prices to float, volume to int)."
            )


def _require_sound_rows(frame: pl.DataFrame, instrument: Instrument) -> None:
    faults = _row_faults(instrument)
    # All faults in one pass over good bars; only bad ones are looked at row by row.
    found = frame.select(rows.any().alias(str(i)) for i, (_, rows, _) in enumerate(faults)).row(0)
    for there, (fault, rows, advice) in zip(found, faults, strict=True):
        if there:
            _refuse(frame.with_row_index("row").filter(rows), fault, advice, instrument.symbol)


def _row_faults(instrument: Instrument) -> list[tuple[str, pl.Expr, str]]:
    """(what is wrong, which rows, what to do), in the order in which they are checked."""
    low, high = pl.col("low"), pl.col("high")
    body_out = pl.any_horizontal(*(~pl.col(name).is_between(low, high) for name in _PRICES))
    return [
        ("null in a required column", pl.any_horizontal(pl.col(*BARS_SCHEMA).is_null()), _DROP),
        ("NaN or infinite price", pl.any_horizontal(~_finite()), _DROP),
        ("high below low", high < low, _SOURCE),
        ("open or close outside [low, high]", body_out, _SOURCE),
        ("bar_end not after bar_start", pl.col("bar_end") <= pl.col("bar_start"), _SOURCE),
        ("negative volume", pl.col("volume") < 0, _SOURCE),
        ("symbol of another instrument", pl.col("symbol") != instrument.symbol, _SOURCE),
    ]


def _require_order(frame: pl.DataFrame, symbol: str) -> None:
    if is_in_order(frame):
        return
    key = pl.struct("bar_start", "contract")
    rows = frame.with_row_index("row")
    twice = rows.filter(key.is_duplicated())
    _refuse(twice, "duplicate (contract, bar_start)", "Keep one bar of each time.", symbol)
    falls = rows.filter(_falls(key.shift()))
    _refuse(falls, "rows out of order", "Sort by bar_start, then contract.", symbol)


_DROP = "Drop or repair those rows where the bars are read."
_SOURCE = "Repair them at the source; corrupt bars are worse than none."


def _finite() -> pl.Expr:
    return pl.col(*_PRICES, "adjustment").is_finite()


def _falls(before: pl.Expr) -> pl.Expr:
    start, contract = before.struct.field("bar_start"), before.struct.field("contract")
    same_time = pl.col("bar_start") == start
    falls = (pl.col("bar_start") < start) | (same_time & (pl.col("contract") < contract))
    return falls.fill_null(False)


def _refuse(bad: pl.DataFrame, fault: str, advice: str, symbol: str) -> None:
    if bad.is_empty():
        return
    shown = "; ".join(
        f"row {row['row']}: {row['contract']} {row['bar_start']} open {row['open']} high "
        f"{row['high']} low {row['low']} close {row['close']} volume {row['volume']}"
        for row in bad.head(_SHOWN).iter_rows(named=True)
    )
    raise BarsRejected(f"{symbol}: {fault} in {bad.height} row(s): {shown}. {advice}")


def _require_session_hours(frame: pl.DataFrame, instrument: Instrument) -> None:
    group = instrument.product_group
    outside = in_slices(frame["bar_start"], lambda starts: outside_hours(starts, group))
    n_outside = int(outside.sum() or 0)
    if not are_few_strays(n_outside, frame.height):
        first = frame.filter(outside)["bar_start"].head(_SHOWN).to_list()
        raise BarsRejected(
            f"{instrument.symbol}: {n_outside} of {frame.height} bars "
            f"({n_outside / frame.height:.1%}) start outside the session hours of {group} (first: "
            f"{', '.join(map(str, first))}); at most {MAX_OUTSIDE_HOURS:.1%} may, or {MAX_STRAYS} "
            f"bars that are no more than {MAX_OUTSIDE_HOURS_OF_FEW:.0%}. The time zone is probably "
            "wrong: set `time_zone` and `bar_edge` of the file in universe.yaml. If it is right, "
            "keep the bars of the regular session only."
        )
