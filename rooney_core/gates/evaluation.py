"""The one evaluation of a model: three windows, the deflated test Sharpe, the verdict.

Belongs here: turning windows' trades and the ledger's counts into one row. Does not belong here:
opening the sealed window (the lake does, and records it), or the thresholds (`verdict`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from rooney_core.gates.promises import CALIBRATION_SCHEMA, RECENT_SESSIONS, Calibration
from rooney_core.gates.verdict import (
    DEFAULT_THRESHOLDS,
    LIFT_COLUMNS,
    Lift,
    Reason,
    VerdictThresholds,
    judge,
)
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import feature_matrix
from rooney_core.modeling.taken import daily_costs_usd, daily_results, taken_trades
from rooney_core.validation.lift import sharpe_lift
from rooney_core.validation.metrics import win_rate
from rooney_core.validation.sharpe import (
    DAYS_PER_YEAR,
    PSR_VERSION,
    annual_sharpe,
    deflated_sharpe,
    return_moments,
)
from rooney_core.validation.windows import SPLITS, Splits

REASON: Final = pl.Struct({"code": pl.String, "text": pl.String})
EVALUATION_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "train_sharpe": pl.Float64(),
    "validation_sharpe": pl.Float64(),
    "test_sharpe": pl.Float64(),
    "unfiltered_test_sharpe": pl.Float64(),
    "unfiltered_test_win_rate": pl.Float64(),
    "unfiltered_test_avg_profit_usd": pl.Float64(),
    "unfiltered_test_trades": pl.Int64(),
    "lift_sharpe": pl.Float64(),
    "lift_sharpe_low": pl.Float64(),
    "lift_sharpe_high": pl.Float64(),
    "lift_block_days": pl.Float64(),
    "windows": pl.String(),
    "deflated_sharpe_z": pl.Float64(),
    "deflated_sharpe_prob": pl.Float64(),
    "deflated_sharpe_z_observed": pl.Float64(),
    "sr0_annual": pl.Float64(),
    "psr_version": pl.String(),
    "n_trials_raw": pl.Int64(),
    "n_trials_effective": pl.Float64(),
    "trial_sharpe_variance": pl.Float64(),
    "trial_sharpe_variance_observed": pl.Float64(),
    "test_n_obs": pl.Int64(),
    "skewness": pl.Float64(),
    "kurtosis": pl.Float64(),
    "test_win_rate": pl.Float64(),
    "test_avg_profit_usd": pl.Float64(),
    "test_trades": pl.Int64(),
    **CALIBRATION_SCHEMA,
    "verdict": pl.String(),
    "significant": pl.Boolean(),
    "reasons": pl.List(REASON),
    "warnings": pl.List(REASON),
    "test_sessions": pl.List(pl.Date()),
    "test_daily_pnl_usd": pl.List(pl.Float64()),
    "test_daily_return": pl.List(pl.Float64()),
    "test_daily_costs_usd": pl.List(pl.Float64()),
    "test_unfiltered_daily_pnl_usd": pl.List(pl.Float64()),
    "test_unfiltered_daily_return": pl.List(pl.Float64()),
    "test_trade_profits_usd": pl.List(pl.Float64()),
}

JUDGED: Final = (
    "train_sharpe",
    "validation_sharpe",
    "test_sharpe",
    "deflated_sharpe_z",
    "deflated_sharpe_prob",
    "test_win_rate",
    "test_trades",
)


@dataclass(frozen=True)
class Trials:
    """What the ledger says: how many configurations were scored, and how their Sharpes vary.

    `count` includes every earlier look at the test window. `sharpe_variance`: of the per-day
    Sharpe ratios of all trials, were all worthless; `validation.sharpe` says why it deflates.
    `effective`: clusters of correlated trials in place of each of them (`validation.trials` has the
    method), None where not estimated; it is reported, and the deflation counts every trial.
    `observed_variance`: of the sample, NaN where not known; its z is stored beside.
    """

    count: int
    sharpe_variance: float
    effective: float | None = None
    observed_variance: float = math.nan


def evaluate(
    model_row: pl.DataFrame,
    known: pl.DataFrame,
    test: pl.DataFrame,
    sessions: pl.Series,
    trials: Trials,
    splits: Splits = SPLITS,
    thresholds: VerdictThresholds = DEFAULT_THRESHOLDS,
) -> pl.DataFrame:
    """One row of EVALUATION_SCHEMA for the model of a meta_model row.

    `known`: train and validation rows of the training set, `test`: its test rows, with outcomes.
    `sessions`: all trading sessions (Date), so that flat days count. Sharpes are annual, of daily
    returns; undefined ones (a window without a varying day) are null and fail the verdict. N of the
    deflation is the raw count. The lift is over all the primary strategy's test trades, with the
    interval of `validation.lift`. A model that was trained on the validation rows too is warned of.
    Calibration is of all the primary strategy's trades of the newest RECENT_SESSIONS test sessions,
    so that nobody has to open the window to know whether the model still keeps its promises.
    """
    model = MetaModel.from_row(model_row)
    windows = _windows(sessions, splits)
    calibration = _calibration(model, test, windows["test"])
    rows = {name: known.filter(pl.col("split") == name) for name in ("train", "validation")}
    taken = {name: taken_trades(model, table) for name, table in {**rows, "test": test}.items()}
    unfiltered = daily_results(test, windows["test"])
    # With every session that any trade was held in: the same days with the filter and without.
    windows["test"] = unfiltered["session"]
    daily = {name: daily_results(taken[name], windows[name]) for name in windows}
    facts = {f"{name}_sharpe": _sharpe(table) for name, table in daily.items()}
    facts |= _deflated(daily["test"], trials) | _trade_facts(taken["test"])
    row = facts | {
        "symbol": model_row["symbol"][0],
        "model_version": model_row["model_version"][0],
        **_lift(daily["test"], unfiltered, test),
        "windows": model.windows,
        "psr_version": PSR_VERSION,
        "n_trials_raw": trials.count,
        "n_trials_effective": trials.effective,
        "trial_sharpe_variance": trials.sharpe_variance,
        "trial_sharpe_variance_observed": trials.observed_variance,
        **calibration.row,
        **_published(daily["test"], unfiltered, taken["test"]),
    }
    table = pl.DataFrame([row | _judged(row, thresholds)], schema=EVALUATION_SCHEMA)
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _calibration(model: MetaModel, test: pl.DataFrame, sessions: pl.Series) -> Calibration:
    """Of the trades that were signalled in the newest of `sessions`, those of the test window."""
    newest = sessions.unique().sort().tail(RECENT_SESSIONS)
    if newest.is_empty():
        return Calibration()
    recent = test.filter(pl.col("label_start").dt.date() >= newest[0])
    if recent.is_empty():
        return Calibration(newest[0], newest[-1])
    promised = model.probability(feature_matrix(recent, model.features))
    return Calibration.of(promised, recent["meta_label"].to_numpy(), newest[0], newest[-1])


def _windows(sessions: pl.Series, splits: Splits) -> dict[str, pl.Series]:
    in_train = sessions <= splits.train_end
    in_test = sessions > splits.validation_end
    return {
        "train": sessions.filter(in_train),
        "validation": sessions.filter(~in_train & ~in_test),
        "test": sessions.filter(in_test),
    }


def _judged(facts: dict[str, Any], thresholds: VerdictThresholds) -> dict[str, Any]:
    judged = {name: facts[name] for name in JUDGED}
    lift = Lift(*(facts[name] for name in LIFT_COLUMNS))
    two_way = facts["windows"] == "two_way"
    verdict = judge(**judged, thresholds=thresholds, lift=lift, two_way=two_way)
    failures = _told(one for one in verdict.reasons if one.is_failure)
    return {
        "verdict": verdict.verdict,
        "significant": verdict.significant,
        "reasons": failures or [_passed(facts["test_sharpe"])],
        "warnings": _told(one for one in verdict.reasons if not one.is_failure),
    }


def _sharpe(daily: pl.DataFrame) -> float:
    return annual_sharpe(daily["daily_return"].to_numpy())


def _deflated(daily: pl.DataFrame, trials: Trials) -> dict[str, Any]:
    moments = return_moments(daily["daily_return"].to_numpy())
    deflated, observed = (
        deflated_sharpe(*moments, n_trials=trials.count, trial_sharpe_variance=variance)
        for variance in (trials.sharpe_variance, trials.observed_variance)
    )
    return {
        "deflated_sharpe_z": deflated.z,
        "deflated_sharpe_prob": deflated.prob,
        "deflated_sharpe_z_observed": observed.z,
        "sr0_annual": deflated.sr0 * DAYS_PER_YEAR**0.5,
        "test_n_obs": moments.n_obs,
        "skewness": moments.skewness,
        "kurtosis": moments.kurtosis,
    }


def _trade_facts(trades: pl.DataFrame) -> dict[str, Any]:
    profits = trades["net_profit_usd"].to_numpy()
    return {
        "test_win_rate": win_rate(profits),
        "test_avg_profit_usd": float(profits.mean()) if len(profits) else None,
        "test_trades": len(profits),
    }


def _published(
    filtered: pl.DataFrame, unfiltered: pl.DataFrame, trades: pl.DataFrame
) -> dict[str, list[Any]]:
    """The test days and trades, for those who must not open the window themselves."""
    columns = {
        "test_sessions": filtered["session"],
        "test_daily_pnl_usd": filtered["daily_pnl_usd"],
        "test_daily_return": filtered["daily_return"],
        "test_daily_costs_usd": daily_costs_usd(trades, filtered["session"]),
        "test_unfiltered_daily_pnl_usd": unfiltered["daily_pnl_usd"],
        "test_unfiltered_daily_return": unfiltered["daily_return"],
        "test_trade_profits_usd": trades["net_profit_usd"],
    }
    return {name: values.to_list() for name, values in columns.items()}


def _lift(filtered: pl.DataFrame, unfiltered: pl.DataFrame, trades: pl.DataFrame) -> dict[str, Any]:
    """What the filter added to the primary strategy, whose test trades are `trades`."""
    lift = sharpe_lift(filtered["daily_return"], unfiltered["daily_return"])
    primary = {f"unfiltered_{name}": one for name, one in _trade_facts(trades).items()}
    return primary | {
        "unfiltered_test_sharpe": _sharpe(unfiltered),
        "lift_sharpe": lift.sharpe,
        "lift_sharpe_low": lift.low,
        "lift_sharpe_high": lift.high,
        "lift_block_days": lift.block_length,
    }


def _told(reasons: Iterable[Reason]) -> list[dict[str, str]]:
    return [{"code": str(one.code), "text": one.text} for one in reasons]


def _passed(test_sharpe: float) -> dict[str, str]:
    return {"code": "passed", "text": f"every minimum is exceeded; test Sharpe {test_sharpe:.2f}"}
