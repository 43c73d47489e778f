"""Checks of stage 2: the Strategy Factory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_assets.factory_tables import LEAST_TRADES_TO_LEARN, returns_matrix
from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.strategies import VARIANTS
from rooney_core.validation.sharpe import DAYS_PER_YEAR
from rooney_core.validation.windows import SPLITS

ALARMING_PBO = 0.5
"""From here on the best in sample is more often than not in the worse half out of sample."""
TOLERANCE = 1e-4
"""Of a Sharpe that is recomputed from returns kept with 7 digits."""


@check("strategy_results", blocking=True)
def every_configuration_is_there(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per configuration of every grid: an uncounted trial would flatter the rest."""
    expected = {name: one.n_configurations for name, one in VARIANTS.items()}
    distinct = table.unique(("variant", "params"))
    found = dict(distinct.group_by("variant").len().iter_rows())
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    total = sum(expected.values())
    facts = {"expected": total, "rows": table.height, "variants off": ", ".join(wrong)}
    return Outcome(not wrong and total == table.height, facts)


@check("strategy_results", blocking=True)
def nothing_after_the_train_window_was_used(table: pl.DataFrame, here: Here) -> Outcome:
    """The last session of the returns is in the train window, and each row is of just these."""
    returns = here.beside["returns"]
    last = returns["session"].max()
    same = bool((table["n_obs"] == returns.height).all())
    in_train = returns.height > 0 and bool((returns["session"] <= SPLITS.train_end).all())
    facts = {"last session": last, "train window ends": SPLITS.train_end, "rows agree": same}
    return Outcome(in_train and same, facts)


@check("strategy_results", blocking=True)
def sharpes_follow_from_the_kept_returns(table: pl.DataFrame, here: Here) -> Outcome:
    """The Sharpe of every row, computed again from the daily returns kept beside the table."""
    again = _annual_sharpes(returns_matrix(here.beside["returns"]))
    if len(again) != table.height:
        return Outcome(False, {"rows": table.height, "configurations of returns": len(again)})
    told = table["annual_sharpe"].to_numpy()
    off = ~np.isclose(told, again, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    shown = table.select("variant", "params", "annual_sharpe").with_columns(again=again)
    facts = {"configurations": len(again), "that differ": int(off.sum())}
    return Outcome(not off.any(), facts, sample=shown.filter(off))


@check("strategy_results")
def most_configurations_trade(table: pl.DataFrame, here: Here) -> Outcome:
    """At least half of the configurations have a trade."""
    share = float((table["n_trades"] > 0).mean() or 0.0)
    return Outcome(share >= 0.5, {"share that trades": share})


@check("strategy_results")
def most_variants_trade(table: pl.DataFrame, here: Here) -> Outcome:
    """At least nine of ten variants have a trade; one that compares needs its peers' bars."""
    trades = table.group_by("variant", maintain_order=True).agg(pl.col("n_trades").max())
    silent = trades.filter(pl.col("n_trades") == 0)["variant"].to_list()
    facts = {"variants": trades.height, "without a trade": ", ".join(silent)}
    return Outcome(len(silent) <= trades.height / 10, facts)


@check("strategy_results")
def overfitting_is_not_alarming(table: pl.DataFrame, here: Here) -> Outcome:
    """The probability of backtest overfitting of the whole search is below 0.5; it is noisy."""
    pbo = table["pbo"].fill_nan(None)[0]
    told = "undefined: too few sessions" if pbo is None else float(pbo)
    calm = pbo is not None and pbo < ALARMING_PBO
    return Outcome(calm, {"pbo": told, "alarming from": ALARMING_PBO})


@check("strategy_ranking", blocking=True)
def every_variant_is_ranked_once(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per variant of the catalogue."""
    names = table["variant"].to_list()
    missing = sorted(set(VARIANTS) - set(names))
    facts = {"rows": len(names), "missing": ", ".join(missing)}
    return Outcome(not missing and len(names) == len(VARIANTS), facts)


@check("strategy_ranking", blocking=True)
def ranks_follow_merit(table: pl.DataFrame, here: Here) -> Outcome:
    """Ranks are 1, 2, 3, ...; those that meet the criteria come first, then by falling Sharpe."""
    ranks = table["rank"].to_list() == list(range(1, table.height + 1))
    merit = list(zip(table["meets_criteria"], _known_or(table["annual_sharpe"], -1e9), strict=True))
    return Outcome(ranks and merit == sorted(merit, reverse=True), {"rows": table.height})


@check("strategy_ranking", blocking=True)
def exactly_one_is_carried_on(table: pl.DataFrame, here: Here) -> Outcome:
    """One variant goes on; those ranked before it have too few trades to learn from."""
    chosen = table.filter(pl.col("is_carried_on"))
    if chosen.height != 1:
        return Outcome(False, {"carried on": chosen.height})
    rank = int(chosen["rank"][0])
    over = table.filter((pl.col("rank") < rank) & (pl.col("n_trades") >= LEAST_TRADES_TO_LEARN))
    names = table.filter(pl.col("rank") < rank)["variant"]
    return Outcome(over.is_empty(), {"rank": rank, "passed over": ", ".join(names)})


@check("strategy_ranking", blocking=True)
def deflation_counts_every_configuration(table: pl.DataFrame, here: Here) -> Outcome:
    """The deflated Sharpe ratios of the ranking are for as many trials as the grids have."""
    counted = table["n_trials_raw"].unique().to_list()
    expected = sum(one.n_configurations for one in VARIANTS.values())
    return Outcome(counted == [expected], {"counted": str(counted), "configurations": expected})


@check("strategy_ranking")
def some_variant_meets_the_criteria(table: pl.DataFrame, here: Here) -> Outcome:
    """At least one variant meets every criterion; without one, a candidate goes on all the same."""
    met = int(table["meets_criteria"].sum())
    return Outcome(met > 0, {"meeting": met, "of": table.height})


@check("strategy_ranking")
def best_beats_what_luck_would_show(table: pl.DataFrame, here: Here) -> Outcome:
    """The best Sharpe is above the best that as many configurations without skill would show."""
    best, luck = (_known_or(table[one], math.nan)[0] for one in ("annual_sharpe", "sr0_annual"))
    facts = {"best": str(round(best, 3)), "expected of luck": str(round(luck, 3))}
    return Outcome(best > luck, facts)


@check("best_strategy", blocking=True)
def one_known_variant(table: pl.DataFrame, here: Here) -> Outcome:
    """Exactly one row, of a variant and parameters that this code knows."""
    names = table["variant"].to_list()
    known = len(names) == 1 and names[0] in VARIANTS
    if known:
        VARIANTS[names[0]].parse_params(table["params"][0])
    return Outcome(known, {"variant": str(names)})


@check("best_strategy")
def it_meets_the_criteria(table: pl.DataFrame, here: Here) -> Outcome:
    """What is carried on met the mandate's criteria; else it is a candidate, and marked so."""
    row = table.row(0, named=True)
    facts = {"carried as": row["carried_as"], "refused because": row["refused_because"]}
    return Outcome(row["carried_as"] == "winner", facts)


@check("best_strategy")
def enough_trades_to_learn_from(table: pl.DataFrame, here: Here) -> Outcome:
    """At least 150 trades in the train window: fewer cannot train a model."""
    trades = int(table["n_trades"][0])
    facts = {"trades": trades, "needed": LEAST_TRADES_TO_LEARN}
    return Outcome(trades >= LEAST_TRADES_TO_LEARN, facts)


def _known_or(values: pl.Series, instead: float) -> pl.Series:
    """The values, with another for what is undefined."""
    return values.fill_nan(None).fill_null(instead)


def _annual_sharpes(returns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Of each column; NaN for one that never varies."""
    exact = returns.astype(np.float64)
    spread = exact.std(axis=0, ddof=1) if len(exact) > 1 else np.zeros(exact.shape[1])
    varies = np.ptp(returns, axis=0) > 0.0
    ratio = exact.mean(axis=0) / np.where(varies, spread, np.nan)
    annual: npt.NDArray[np.float64] = ratio * math.sqrt(DAYS_PER_YEAR)
    return annual
