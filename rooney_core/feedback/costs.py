"""What trading one symbol really cost, by the fills that the broker reported.

Belongs here: measuring each fill, and the costs that follow from enough of them. Does not belong
here: what a cost does to a backtest (`rooney_core.backtest.costs`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import polars as pl
from scipy.special import ndtri

from rooney_core.backtest.costs import EXCHANGE_ZONE
from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.market.instruments import Instrument, Universe

SLIPPAGE_STEP: Final = 0.25
"""Ticks; slippage in force is a multiple of it, rounded up, so that it does not follow noise."""
CENT: Final = 0.01

FILLS_SCHEMA: Final[dict[str, Any]] = {
    "order_id": pl.String(),
    "intent": pl.String(),
    "order_kind": pl.String(),
    "is_buy": pl.Boolean(),
    "size": pl.Int64(),
    "filled_at": pl.Datetime("us", "UTC"),
    "fill_price": pl.Float64(),
    "fill_commission_usd": pl.Float64(),
    "expected_at": pl.Datetime("us", "UTC"),
    "expected_price": pl.Float64(),
    "assumed_slippage_ticks": pl.Float64(),
}
"""Fills that a broker reported, beside what the paper account expected of the same order; the
expectation holds `assumed_slippage_ticks` at factor 1, and is null where there was none."""

MEASURED_SCHEMA: Final[dict[str, Any]] = {
    **FILLS_SCHEMA,
    "slippage_factor": pl.Float64(),
    "fill_slippage_ticks": pl.Float64(),
    "commission_each_usd": pl.Float64(),
    "fill_delay_seconds": pl.Float64(),
    "is_usable": pl.Boolean(),
}
"""`fill_slippage_ticks`: all of it, above 0 against us. `commission_each_usd`: of one contract."""

COSTS_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "cost_basis": pl.String(),
    "commission_per_contract_usd": pl.Float64(),
    "slippage_ticks": pl.Float64(),
    "n_fills_used": pl.Int64(),
    "cost_reason": pl.String(),
}


class CostBasis(StrEnum):
    """Where costs come from: ASSUMED of universe.yaml, or OWN_FILLS."""

    ASSUMED = "assumed"
    OWN_FILLS = "own_fills"


class Learnt(NamedTuple):
    """`costs`: COSTS_SCHEMA, one row: what backtests and gates count with. `statistics`: how the
    fills in use came to it, by name; none where they are too few."""

    costs: pl.DataFrame
    statistics: Mapping[str, float]


def measured_fills(fills: pl.DataFrame, instrument: Instrument, max_delay_s: float) -> pl.DataFrame:
    """MEASURED_SCHEMA of FILLS_SCHEMA, in order of time.

    The reference of a fill is what the paper account expected, without the slippage that it
    assumed. Not usable: no expectation, a limit order (it names its price), and a fill later or
    earlier than `max_delay_s`, which also holds what the market did meanwhile.
    """
    hour = pl.col("expected_at").dt.convert_time_zone(EXCHANGE_ZONE).dt.hour()
    factor = pl.lit(1.0)
    if instrument.slippage_by_hour is not None:
        by_hour = dict(enumerate(instrument.slippage_by_hour))
        factor = hour.replace_strict(by_hour, default=None, return_dtype=pl.Float64)
    against = pl.when(pl.col("is_buy")).then(1.0).otherwise(-1.0)
    beyond = against * (pl.col("fill_price") - pl.col("expected_price")) / instrument.tick_size
    table = fills.sort("filled_at", "order_id").with_columns(
        slippage_factor=pl.when(pl.col("expected_at").is_not_null()).then(factor),
        commission_each_usd=pl.col("fill_commission_usd") / pl.col("size"),
        fill_delay_seconds=(pl.col("filled_at") - pl.col("expected_at")).dt.total_microseconds()
        / 1e6,
    )
    table = table.with_columns(
        fill_slippage_ticks=beyond + pl.col("assumed_slippage_ticks") * pl.col("slippage_factor")
    )
    usable = (
        pl.col("fill_slippage_ticks").is_finite()
        & (pl.col("order_kind") != "limit")
        & (pl.col("fill_delay_seconds").abs() <= max_delay_s)
    )
    return table.with_columns(is_usable=usable.fill_null(False)).select(
        pl.col(name).cast(dtype) for name, dtype in MEASURED_SCHEMA.items()
    )


def learnt_costs(measured: pl.DataFrame, instrument: Instrument, limits: FeedbackLimits) -> Learnt:
    """The costs that the fills (MEASURED_SCHEMA) support, or the assumed ones while they are few.

    Slippage: mean over mean factor, plus z standard errors (one-sided), rounded up to
    SLIPPAGE_STEP; at least `least_cost_share` of the assumed. Commission: the median, rounded up to
    a cent. What is in force changes with every `refresh_fills` usable fills, and not in between.
    """
    usable = measured.filter("is_usable")
    n_used = usable.height // limits.refresh_fills * limits.refresh_fills
    if n_used < limits.min_fills:
        words = f"fewer than {limits.min_fills} usable fills: as universe.yaml assumes"
        assumed = (instrument.commission_per_contract_usd, instrument.slippage_ticks)
        return Learnt(_row(instrument, CostBasis.ASSUMED, *assumed, 0, words), {})
    taken = usable.head(n_used).tail(limits.max_fills)
    ticks, factors = taken["fill_slippage_ticks"], taken["slippage_factor"]
    spread = float(factors.mean() or 0.0) or 1.0  # type: ignore[arg-type]
    mean, deviation = float(ticks.mean()), float(ticks.std(ddof=1))  # type: ignore[arg-type]
    error = deviation / math.sqrt(taken.height)
    upper = (mean + float(ndtri(limits.cost_confidence)) * error) / spread
    least = limits.least_cost_share * instrument.slippage_ticks
    slippage = max(_up(max(upper, 0.0), SLIPPAGE_STEP), least)
    commission = _up(float(taken["commission_each_usd"].median()), CENT)  # type: ignore[arg-type]
    words = f"of {taken.height} own fills: {mean:.2f} ticks on average, {upper:.2f} at most"
    row = _row(instrument, CostBasis.OWN_FILLS, commission, slippage, n_used, words)
    statistics = {
        "mean_ticks": mean,
        "standard_error_ticks": error,
        "upper_ticks": upper,
        "mean_factor": spread,
        "median_commission_usd": float(taken["commission_each_usd"].median()),  # type: ignore[arg-type]
    }
    return Learnt(row, statistics)


def with_costs(instrument: Instrument, costs: pl.DataFrame | None) -> Instrument:
    """The instrument at the costs in force (COSTS_SCHEMA, one row); None: as it is assumed."""
    if costs is None:
        return instrument
    row = costs.row(0, named=True)
    names = ("commission_per_contract_usd", "slippage_ticks")
    return instrument.model_copy(update={name: row[name] for name in names})


def universe_with_costs(universe: Universe, costs: Mapping[str, pl.DataFrame | None]) -> Universe:
    """The universe with each instrument at its costs in force, as far as there are any."""
    priced = tuple(with_costs(one, costs.get(one.symbol)) for one in universe.instruments)
    return universe.model_copy(update={"instruments": priced})


def _row(
    instrument: Instrument,
    basis: CostBasis,
    commission: float,
    slippage: float,
    n_used: int,
    words: str,
) -> pl.DataFrame:
    row = (instrument.symbol, str(basis), commission, slippage, n_used, words)
    return pl.DataFrame([row], schema=COSTS_SCHEMA, orient="row")


def _up(value: float, step: float) -> float:
    """The next multiple of the step; a value that is one, but for rounding, stays."""
    return round(math.ceil(round(value / step, 9)) * step, 9)
