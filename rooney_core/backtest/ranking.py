"""Which variant is best, and does it deserve to go on?

Belongs here: comparing rows of a sweep, what the search makes of their Sharpes, and saying why one
is refused. Does not belong here: backtests, the formulas of the deflation
(`rooney_core.validation`), or promotion (`rooney_core.gates`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.errors import NotEnoughData
from rooney_core.validation.sharpe import (
    DAYS_PER_YEAR,
    DeflatedSharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    null_sharpe_variance,
    trial_sharpe_variance,
)

REPORTED = (
    "variant",
    "params",
    "annual_sharpe",
    "walk_forward_sharpe",
    "sharpe_at_double_costs",
    "sharpe_at_five_costs",
    "n_trades",
    "trades_per_year",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "net_profit_usd",
    "is_robust",
)
DEFLATION = (
    "deflated_sharpe_z",
    "deflated_sharpe_prob",
    "deflated_sharpe_z_observed",
    "sr0_annual",
    "n_trials_raw",
    "n_trials_effective",
)


class RankingCriteria(BaseModel):
    """What a variant must show on the train window to meet the ranking's criteria.

    Sharpe above `min_annual_sharpe`; trades per 252 sessions within the two bounds, inclusive;
    drawdown shallower than `max_drawdown`, a fraction; robust, when `must_be_robust`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_annual_sharpe: float = 1.5
    min_trades_per_year: Annotated[float, Field(ge=0)] = 100
    max_trades_per_year: Annotated[float, Field(gt=0)] = 400
    max_drawdown: Annotated[float, Field(gt=0, le=1)] = 0.2
    must_be_robust: bool = True


@dataclass(frozen=True)
class SearchTrials:
    """How much was tried: `n_raw` trials; `variance` of their per-day Sharpes, were all worthless.

    `n_effective`: clusters of correlated trials (`validation.trials`), None where not estimated. It
    is reported; the deflation counts every trial. `observed_variance`: of the sample, NaN where
    not known.
    """

    n_raw: int
    variance: float
    n_effective: int | None = None
    observed_variance: float = math.nan

    @classmethod
    def of(cls, results: pl.DataFrame, n_effective: int | None = None) -> SearchTrials:
        """Every row of a sweep is a trial; one that never traded has no say in the variances."""
        traded = results.filter(pl.col("sharpe_per_day").is_finite())
        return cls(
            results.height,
            null_sharpe_variance(traded["n_obs"]),
            n_effective,
            trial_sharpe_variance(traded["sharpe_per_day"]),
        )

    @property
    def annual_hurdle(self) -> float:
        """The best annual Sharpe that so many worthless trials are expected to show; NaN: none."""
        return expected_maximum_sharpe(self.n_raw, self.variance) * math.sqrt(DAYS_PER_YEAR)


def rank(
    results: pl.DataFrame, criteria: RankingCriteria, trials: SearchTrials | None = None
) -> pl.DataFrame:
    """One row per variant, its best configuration by annual_sharpe; `rank` first, 1 the best.

    Those that meet the criteria come first, then by annual_sharpe, an undefined one last; ties by
    name. A column `symbol` is kept, after rank. `refused_because` lists the criteria missed, empty
    when `meets_criteria`. Rank 1 is carried on as a candidate even when it misses them.

    deflated_sharpe_z and deflated_sharpe_prob: of each row's Sharpe against the best of `trials`
    worthless ones (None: the rows of `results`); sr0_annual is that hurdle.
    deflated_sharpe_z_observed: the same with the sample variance of the trials' Sharpes. They
    inform: on the window of the search they refuse nothing, the gates do that on another one.

    Undefined numbers are NaN; a null, which a lake holds in place of one, is taken for it.

    Raises NotEnoughData for no results.
    """
    if results.is_empty():
        raise NotEnoughData("No results to rank arrived; sweep at least one variant first.")
    results = results.with_columns(pl.col(pl.Float64).fill_null(math.nan))
    searched = SearchTrials.of(results) if trials is None else trials
    symbol = ["symbol"] if "symbol" in results.columns else []
    sharpe = pl.col("annual_sharpe").fill_nan(None)
    best_of_each = (
        results.sort(sharpe, descending=True, nulls_last=True, maintain_order=True)
        .unique([*symbol, "variant"], keep="first", maintain_order=True)
        .with_columns(refused_because=_refusals(criteria))
        .with_columns(meets_criteria=pl.col("refused_because") == "")
    )
    return (
        best_of_each.sort([~pl.col("meets_criteria"), -sharpe, pl.col("variant")], nulls_last=True)
        .with_row_index("rank", offset=1)
        .with_columns(pl.col("rank").cast(pl.Int64))
        .with_columns(_deflated(searched), sr0_annual=pl.lit(searched.annual_hurdle))
        .with_columns(
            n_trials_raw=pl.lit(searched.n_raw, pl.Int64),
            n_trials_effective=pl.lit(searched.n_effective, pl.Int64),
        )
        .select("rank", *symbol, *REPORTED, *DEFLATION, "meets_criteria", "refused_because")
    )


def best(ranking: pl.DataFrame) -> pl.DataFrame:
    """The row of rank 1. Raises NotEnoughData for an empty ranking."""
    if ranking.is_empty():
        raise NotEnoughData("An empty ranking has no best variant; rank at least one result.")
    return ranking.filter(pl.col("rank") == 1)


def _deflated(trials: SearchTrials) -> pl.Expr:
    """deflated_sharpe_z and _prob, and _z_observed; NaN where undefined."""

    def against(row: dict[str, float], variance: float) -> DeflatedSharpe:
        return deflated_sharpe(
            row["sharpe_per_day"],
            int(row["n_obs"]),
            row["skewness"],
            row["kurtosis"],
            trials.n_raw,
            variance,
        )

    def one(row: dict[str, float]) -> dict[str, float]:
        found = against(row, trials.variance)
        observed = against(row, trials.observed_variance)
        return dict(zip(names, (found.z, found.prob, observed.z), strict=True))

    names = ("deflated_sharpe_z", "deflated_sharpe_prob", "deflated_sharpe_z_observed")
    moments = pl.struct("sharpe_per_day", "n_obs", "skewness", "kurtosis")
    kind = pl.Struct(dict.fromkeys(names, pl.Float64))
    return moments.map_elements(one, return_dtype=kind).struct.unnest()


def _refusals(criteria: RankingCriteria) -> pl.Expr:
    """Reasons in words, joined by '; '; an undefined number never satisfies a criterion."""
    sharpe, trades = pl.col("annual_sharpe"), pl.col("trades_per_year")
    drawdown = pl.col("max_drawdown")
    met = {
        f"annual Sharpe {{}} is not above {criteria.min_annual_sharpe:g}": (
            sharpe.is_not_nan() & (sharpe > criteria.min_annual_sharpe),
            sharpe.round(2),
        ),
        f"{{}} trades a year are not within {criteria.min_trades_per_year:g} to "
        f"{criteria.max_trades_per_year:g}": (
            trades.is_between(criteria.min_trades_per_year, criteria.max_trades_per_year),
            trades.round(0).cast(pl.Int64),
        ),
        f"drawdown {{}} is not below {criteria.max_drawdown:g}": (
            drawdown.is_not_nan() & (-drawdown < criteria.max_drawdown),
            (-drawdown).round(3),
        ),
    }
    reasons = [
        pl.when(~is_met.fill_null(False)).then(pl.format(text, shown))
        for text, (is_met, shown) in met.items()
    ]
    if criteria.must_be_robust:
        reasons.append(pl.when(~pl.col("is_robust")).then(pl.lit("not robust")))
    return pl.concat_str(reasons, separator="; ", ignore_nulls=True)
