"""From what became of every universe to error rates, and which rule made them.

Belongs here: tables. Does not belong here: running the chain, or which rate is too large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from rooney_core.gates.calibration.oracle import TrueSharpe
from rooney_core.gates.calibration.rates import Rate, rate_of
from rooney_core.gates.calibration.universes import NULL, PLANTED

UNIVERSES_SCHEMA: Final[dict[str, Any]] = {
    "kind": pl.String(),
    "reversion_edge": pl.Float64(),
    "number": pl.Int64(),
    "seed": pl.Int64(),
    "promoted": pl.Boolean(),
    "rejected_by": pl.List(pl.String()),
    "refusal": pl.String(),
    "variant": pl.String(),
    "params": pl.String(),
    "n_trials_raw": pl.Int64(),
    "train_sharpe": pl.Float64(),
    "validation_sharpe": pl.Float64(),
    "test_sharpe": pl.Float64(),
    "unfiltered_test_sharpe": pl.Float64(),
    "deflated_sharpe_z": pl.Float64(),
    "test_win_rate": pl.Float64(),
    "test_trades": pl.Int64(),
}
"""One row per universe. `rejected_by`: every rule that failed, as `gate.code`, sorted; empty where
it was promoted. `refusal`: why the chain ended before the gates, in words; null where it did not,
and then the numbers are those of model_evaluation. What was not reached is null."""

RATES_SCHEMA: Final[dict[str, Any]] = {
    "kind": pl.String(),
    "reversion_edge": pl.Float64(),
    "true_annual_sharpe": pl.Float64(),
    "true_sharpe_standard_error": pl.Float64(),
    "n_universes": pl.Int64(),
    "n_promoted": pl.Int64(),
    "false_promotion_rate": pl.Float64(),
    "false_promotion_rate_low": pl.Float64(),
    "false_promotion_rate_high": pl.Float64(),
    "false_rejection_rate": pl.Float64(),
    "false_rejection_rate_low": pl.Float64(),
    "false_rejection_rate_high": pl.Float64(),
    "rejected_by": pl.String(),
}
"""One row per strength, the null first. A rate's ends are of its 95 % Clopper-Pearson interval;
false promotions are of the null, false rejections of what is planted, and null elsewhere. The null
has a true Sharpe of 0 before costs. `rejected_by`: rules and how many universes failed them."""

RULES_SCHEMA: Final[dict[str, Any]] = {
    "kind": pl.String(),
    "reversion_edge": pl.Float64(),
    "true_annual_sharpe": pl.Float64(),
    "rule": pl.String(),
    "n_universes": pl.Int64(),
    "n_failed": pl.Int64(),
    "n_failed_alone": pl.Int64(),
}
"""One row per strength and rule that failed anything; `n_failed_alone`: universes that nothing else
stopped, which a milder rule would promote."""

STRENGTH: Final = ("kind", "reversion_edge")


def rates_table(universes: pl.DataFrame, truth: Mapping[float, TrueSharpe]) -> pl.DataFrame:
    """RATES_SCHEMA of rows of UNIVERSES_SCHEMA; `truth` by reversion_edge, the null left out."""
    rows = []
    for (kind, edge), part in universes.group_by(STRENGTH, maintain_order=True):
        n, promoted = part.height, int(part["promoted"].sum())
        row = {
            "kind": kind,
            "reversion_edge": edge,
            **_truth_of(truth, float(str(edge))),
            "n_universes": n,
            "n_promoted": promoted,
            "rejected_by": _told(part),
        }
        if kind == NULL:
            row |= _named("false_promotion_rate", rate_of(promoted, n))
        else:
            row |= _named("false_rejection_rate", rate_of(n - promoted, n))
        rows.append(row)
    return pl.DataFrame(rows, schema=RATES_SCHEMA).sort("reversion_edge")


def rules_table(universes: pl.DataFrame, truth: Mapping[float, TrueSharpe]) -> pl.DataFrame:
    """RULES_SCHEMA of rows of UNIVERSES_SCHEMA, the rule that fails most first."""
    sizes = universes.group_by(STRENGTH).agg(pl.len().cast(pl.Int64).alias("n_universes"))
    sharpes = {edge: one.annual for edge, one in truth.items()} | {0.0: 0.0}
    failed = universes.select(
        *STRENGTH,
        pl.col("rejected_by").alias("rule"),
        (pl.col("rejected_by").list.len() == 1).alias("alone"),
    )
    return (
        failed.filter(pl.col("rule").list.len() > 0)
        .explode("rule")
        .group_by(*STRENGTH, "rule")
        .agg(
            pl.len().cast(pl.Int64).alias("n_failed"),
            pl.col("alone").sum().cast(pl.Int64).alias("n_failed_alone"),
        )
        .join(sizes, on=STRENGTH)
        .with_columns(
            pl.col("reversion_edge")
            .replace_strict(sharpes, default=math.nan, return_dtype=pl.Float64)
            .alias("true_annual_sharpe")
        )
        .sort("reversion_edge", "n_failed", "rule", descending=[False, True, False])
        .select(pl.col(name).cast(kind) for name, kind in RULES_SCHEMA.items())
    )


def pooled_false_promotions(rates: pl.DataFrame) -> tuple[int, int]:
    """Promoted universes without an edge, and how many of them there are."""
    rows = rates.filter(pl.col("kind") == NULL)
    return int(rows["n_promoted"].sum()), int(rows["n_universes"].sum())


def pooled_false_rejections(rates: pl.DataFrame, min_true_sharpe: float) -> tuple[int, int]:
    """Rejected universes of the strengths whose true Sharpe is at least this, and all of those."""
    strong = (pl.col("kind") == PLANTED) & (pl.col("true_annual_sharpe") >= min_true_sharpe)
    rows = rates.filter(strong)
    n = int(rows["n_universes"].sum())
    return n - int(rows["n_promoted"].sum()), n


def _truth_of(truth: Mapping[float, TrueSharpe], edge: float) -> dict[str, float | None]:
    if edge == 0.0:
        return {"true_annual_sharpe": 0.0, "true_sharpe_standard_error": None}
    known = truth[edge]
    return {
        "true_annual_sharpe": known.annual,
        "true_sharpe_standard_error": known.standard_error,
    }


def _named(name: str, rate: Rate) -> dict[str, float]:
    return {name: rate.share, f"{name}_low": rate.low, f"{name}_high": rate.high}


def _told(universes: pl.DataFrame) -> str:
    """`rule: n, of them n alone; ...`, the rule that fails most first."""
    failed = [sorted(one) for one in universes["rejected_by"].to_list()]
    rules = sorted({rule for one in failed for rule in one})
    counts = [
        (sum(rule in one for one in failed), rule, sum(one == [rule] for one in failed))
        for rule in rules
    ]
    counts.sort(key=lambda one: (-one[0], one[1]))
    return "; ".join(
        f"{rule}: {n}" + (f", of them {alone} alone" if alone else "") for n, rule, alone in counts
    )
