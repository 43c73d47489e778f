"""Checks of the calibration: the error rates of the gates, and whether they are known at all."""

from __future__ import annotations

from typing import Any

import polars as pl

from rooney_assets.calibration.limits import (
    MAX_FALSE_PROMOTION_RATE,
    MAX_FALSE_REJECTION_RATE,
    STRONG_SHARPE,
)
from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.gates.calibration.rates import Rate, rate_of
from rooney_core.gates.calibration.report import (
    pooled_false_promotions,
    pooled_false_rejections,
)


@check("gate_calibration", severity=Severity.ERROR)
def noise_is_rarely_promoted(table: pl.DataFrame, here: Here) -> Outcome:
    """Of the universes without an edge, fewer than 1 % are promoted."""
    rate, facts = _rate(*pooled_false_promotions(table), MAX_FALSE_PROMOTION_RATE)
    return Outcome(rate.share < MAX_FALSE_PROMOTION_RATE, facts)


@check("gate_calibration", severity=Severity.ERROR)
def strong_edges_are_rarely_rejected(table: pl.DataFrame, here: Here) -> Outcome:
    """Of the universes whose edge has a true annual Sharpe of 3 or more, fewer than 5 % are
    rejected."""
    rate, facts = _rate(*_strong(table), MAX_FALSE_REJECTION_RATE)
    return Outcome(
        rate.share < MAX_FALSE_REJECTION_RATE,
        {**facts, "true annual Sharpe from": STRONG_SHARPE},
        sample=here.beside["rules"].filter(pl.col("true_annual_sharpe") >= STRONG_SHARPE),
    )


@check("gate_calibration")
def enough_noise_to_be_sure(table: pl.DataFrame, here: Here) -> Outcome:
    """The whole 95 % interval of the false promotions is below 1 %: 368 universes without an edge
    and none promoted show it, fewer cannot."""
    rate, facts = _rate(*pooled_false_promotions(table), MAX_FALSE_PROMOTION_RATE)
    return Outcome(rate.high < MAX_FALSE_PROMOTION_RATE, facts)


@check("gate_calibration")
def enough_strong_edges_to_be_sure(table: pl.DataFrame, here: Here) -> Outcome:
    """The whole 95 % interval of the false rejections is below 5 %: 72 universes with a strong
    edge and none rejected show it, fewer cannot."""
    rate, facts = _rate(*_strong(table), MAX_FALSE_REJECTION_RATE)
    return Outcome(rate.high < MAX_FALSE_REJECTION_RATE, facts)


@check("gate_calibration", blocking=True)
def every_universe_is_counted_once(table: pl.DataFrame, here: Here) -> Outcome:
    """As many universes of each strength as the settings say, each with its own seed."""
    universes = here.beside["universes"]
    counted = dict(table.select("reversion_edge", "n_universes").iter_rows())
    distinct = universes["seed"].n_unique()
    facts = {"universes": universes.height, "distinct seeds": distinct}
    wanted = here.params.counts
    return Outcome(counted == wanted and distinct == sum(wanted.values()), facts)


@check("gate_calibration", blocking=True)
def whoever_is_not_promoted_has_a_rule(table: pl.DataFrame, here: Here) -> Outcome:
    """Every rejection names the rules that failed, and no promotion does."""
    named = pl.col("rejected_by").list.len() > 0
    mute = here.beside["universes"].filter(named == pl.col("promoted"))
    return Outcome(mute.is_empty(), {"without a rule": mute.height}, sample=mute)


def _strong(table: pl.DataFrame) -> tuple[int, int]:
    return pooled_false_rejections(table, STRONG_SHARPE)


def _rate(n_wrong: int, n: int, limit: float) -> tuple[Rate, dict[str, Any]]:
    rate = rate_of(n_wrong, n)
    facts = {
        "wrong": n_wrong,
        "universes": n,
        "rate": str(round(rate.share, 4)),
        "95 % interval": f"{rate.low:.4f} to {rate.high:.4f}",
        "limit": limit,
    }
    return rate, facts
