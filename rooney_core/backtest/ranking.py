"""Which variant is best, and does it deserve to go on?

Belongs here: comparing rows of a sweep and saying why one is refused. Does not belong here:
backtests, or statistics that correct for the search (`rooney_core.validation`, `gates`).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.errors import NotEnoughData

REPORTED = (
    "variant",
    "params",
    "annual_sharpe",
    "walk_forward_sharpe",
    "n_trades",
    "trades_per_year",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "net_profit_usd",
    "is_robust",
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


def rank(results: pl.DataFrame, criteria: RankingCriteria) -> pl.DataFrame:
    """One row per variant, its best configuration by annual_sharpe; `rank` first, 1 the best.

    Those that meet the criteria come first, then by annual_sharpe, an undefined one last; ties by
    name. A column `symbol` is kept, after rank. `refused_because` lists the criteria missed, empty
    when `meets_criteria`. Rank 1 is carried on as a candidate even when it misses them.

    Raises NotEnoughData for no results.
    """
    if results.is_empty():
        raise NotEnoughData("No results to rank arrived; sweep at least one variant first.")
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
        .select("rank", *symbol, *REPORTED, "meets_criteria", "refused_because")
    )


def best(ranking: pl.DataFrame) -> pl.DataFrame:
    """The row of rank 1. Raises NotEnoughData for an empty ranking."""
    if ranking.is_empty():
        raise NotEnoughData("An empty ranking has no best variant; rank at least one result.")
    return ranking.filter(pl.col("rank") == 1)


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
