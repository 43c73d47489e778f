"""What every column of the lake means, in one place: unit, zone, boundary.

Belongs here: a sentence per column name; the same name means the same thing in every asset. Does
not belong here: features, which carry their own meaning in their declarations.
"""

from __future__ import annotations

from rooney_core.features import FEATURES, PAIR_FEATURES, PRIOR_TRADE_FEATURES
from rooney_core.features.hourly import hourly_feature
from rooney_core.features.references import daily_feature

MEANINGS = {
    "symbol": "partition: the instrument of universe.yaml; SIM_ symbols are simulated",
    "contract": "dated contract, root + month code + 2-digit year; the symbol itself where undated",
    "bar_start": "inclusive start of the bar, UTC",
    "bar_end": "exclusive end of the bar, UTC; the bar may be used from here on",
    "open": "first raw price of the bar, quote units",
    "high": "highest raw price of the bar, quote units",
    "low": "lowest raw price of the bar, quote units",
    "close": "last raw price of the bar, quote units",
    "volume": "contracts (or shares) traded in the bar",
    "session": "exchange session, a date; a CME session opens the evening before",
    "adjustment": "quote units to add to a raw price for the backward-spread adjusted price",
    "adjustment_ratio": "factor on a raw price for the backward-ratio adjusted price; null "
    "before a roll at a price at or below zero",
    "open_interest": "contracts open at the session's end, where the source knows them",
    "roll_session": "first session on the new contract",
    "roll_time": "first bar_start from which on the new contract is in front, UTC",
    "roll_from": "contract before the roll",
    "roll_to": "contract after the roll",
    "gap": "new contract's price minus the old one's at the roll, quote units",
    "method": "what decided the roll: volume, calendar, open_interest; expiry where the old "
    "contract had ended; front_change where a file holds one contract at a time; delivered where "
    "the vendor chooses",
    "ratio": "new contract's price over the old one's at the roll; null at or below zero",
    "old_price": "price of the contract before the roll that the gap is measured from, quote units",
    "new_price": "price of the contract after the roll at that time, quote units",
    "gap_basis": "common_bar: closes of one bar; last_closes: last closes before the roll; "
    "first_open and adjacent_bars: the new contract's first open over the old one's last close",
    "rolls": "times that the position moved to the next contract, each at the cost of two fills",
    "n_bars": "bars in the session",
    "session_close": "scheduled end of the session, UTC; features know the session from here on",
    "seed": "seed of the simulated market",
    "edge": "what is planted: mean_reversion or none",
    "reversion_edge": "strength of the planted mean reversion; 0 plants nothing",
    "annual_volatility": "standard deviation of a year's returns, fraction; of a portfolio: of its "
    "results over the starting cash; of the simulated truth: what was drawn with",
    "market_beta": "correlation with the simulated common factor",
    "first_session": "first session simulated",
    "last_session": "last session simulated",
    "note": "remark in words",
    "variant": "strategy variant, a key of rooney_core.strategies.VARIANTS",
    "params": "parameters of the variant, JSON with sorted keys",
    "annual_sharpe": "Sharpe ratio of daily returns, flat days included, times sqrt(252)",
    "sharpe_per_day": "Sharpe ratio of daily returns, flat days included, not annualised",
    "n_trades": "round trips",
    "trades_per_year": "round trips a year of 252 sessions",
    "max_drawdown": "deepest fall of compounded daily returns, fraction <= 0",
    "win_rate": "share of trades with a net profit above 0",
    "profit_factor": "net gains over net losses; infinite without a loss",
    "net_profit_usd": "profit after commission and slippage, USD, one contract",
    "sharpe_at_double_costs": "annual Sharpe had commission and slippage been twice as high",
    "sharpe_at_five_costs": "annual Sharpe had commission and slippage been five times as high",
    "annual_return_on_margin": "net profit a year of 252 sessions over one contract's margin; null "
    "where the margin is not stated",
    "trial": "place in the search, from 1; in strategy_results_returns, place in daily_returns",
    "cluster": "cluster of configurations whose returns are correlated; 0 for one that never "
    "varies; how many there are is the effective number of trials",
    "pbo": "probability of backtest overfitting of the symbol's whole search (CSCV, 16 blocks)",
    "daily_returns": "return of the session of every configuration, in order of `trial`",
    "year": "calendar year of the walk-forward fold; params were chosen on all sessions before it",
    "is_carried_on": "true for the best ranked variant with at least 150 trades, which goes on to "
    "the model; for rank 1 where none has so many",
    "carried_as": "winner: meets every criterion; candidate: the best that there is, but does not",
    "walk_forward_sharpe": "annual Sharpe of the variant's out-of-sample folds, concatenated",
    "is_robust": "walk-forward folds, grid neighbours and doubled costs all hold up",
    "n_obs": "daily returns behind the Sharpe ratio",
    "skewness": "population skewness of the daily returns",
    "kurtosis": "population kurtosis of the daily returns, normal = 3",
    "rank": "1 is the best",
    "meets_criteria": "true when every ranking criterion holds",
    "refused_because": "criteria that fail, in words; empty when none does",
    "entry_time": "time of the entry fill, UTC",
    "exit_time": "time of the exit fill, UTC",
    "signal_time": "end of the bar that gave the entry signal, UTC",
    "label_start": "start of the label's span (inclusive), UTC",
    "label_end": "end of the label's span (inclusive), UTC",
    "side": "+1 long, -1 short",
    "entry_price": "raw entry fill price, slippage included, quote units",
    "exit_session": "session of the exit",
    "held_sessions": "sessions from the entry's to the exit's",
    "held_pnl_usd": "net profit of each session held, marked to market, USD, one contract",
    "held_return": "held_pnl_usd over the entry notional, fraction",
    "exit_price": "raw exit fill price, slippage included, quote units",
    "return": "net profit over the entry notional, fraction",
    "meta_label": "1 where the trade, or its barrier, had a net profit; null while sealed",
    "barrier": "which barrier ended the label: profit, stop, vertical, deadline; or own_exit",
    "split": "train, validation or test window",
    "uniqueness_weight": "average uniqueness of the label's span among concurrent ones",
    "exit_reason": "why the trade ended",
    "model_version": "content hash of the model row",
    "features": "names of the features, in the model's order",
    "peers": "symbols whose sessions the variant compares with",
    "threshold": "probability from which on a trade is taken",
    "threshold_reason": "how the threshold was chosen",
    "lightgbm_text": "LightGBM booster in its own text format",
    "random_forest": "forest as flat node arrays",
    "hyperparameters": "chosen hyper-parameters, JSON",
    "n_trials": "tuning trials behind this model",
    "forest_weight": "the forest's part of the blended probability; the booster has the rest",
    "windows": "three_way: threshold chosen on a validation window that did not train; two_way: "
    "validation rows trained too, threshold chosen out of fold",
    "calibration_slope": "factor on the logit of the blend (Platt); 0 says the base rate of all",
    "calibration_intercept": "added to the scaled logit of the blend (Platt)",
    "reliability": "calibrated probability against share of wins, by bins of about as many trades "
    "of the validation window",
    "cpcv_sharpe_mean": "mean annual Sharpe of the cross-validation paths",
    "cpcv_sharpe_sd": "standard deviation of the paths' annual Sharpe",
    "trials": "every tuning trial with its score",
    "thresholds": "every threshold tried on the validation window with its score",
    "search": "which search scored the trial: strategy_sweep, meta_tuning, threshold",
    "basis": "data version of the search's result",
    "configuration": "the configuration that was scored",
    "train_sharpe": "annual Sharpe in the train window, in sample",
    "validation_sharpe": "annual Sharpe in the validation window, threshold chosen there",
    "test_sharpe": "annual Sharpe in the sealed test window",
    "deflated_sharpe_z": "argument of Phi in the deflated Sharpe ratio (Bailey & Lopez de Prado)",
    "deflated_sharpe_z_observed": "deflated_sharpe_z with the trials' sample variance; it falls as "
    "the trials' own edge grows",
    "deflated_sharpe_prob": "deflated Sharpe ratio, a probability",
    "sr0_annual": "expected maximum Sharpe of that many trials without skill, annual",
    "n_trials_raw": "every configuration and look that the deflation counts",
    "n_trials_effective": "clusters of correlated trials of sweeps, and every other trial; null "
    "where it was not estimated",
    "trial_sharpe_variance": "variance of the per-day Sharpe ratios of all trials, were all "
    "worthless: the deflation's V",
    "trial_sharpe_variance_observed": "sample variance of the per-day Sharpe ratios of all trials",
    "test_win_rate": "share of test trades with a net profit",
    "test_avg_profit_usd": "mean net profit of a test trade, USD",
    "test_trades": "trades taken in the test window",
    "test_n_obs": "sessions in the test window",
    "unfiltered_test_sharpe": "annual Sharpe of all the strategy's test trades, unfiltered",
    "unfiltered_test_win_rate": "share of all the strategy's test trades with a net profit",
    "unfiltered_test_avg_profit_usd": "mean net profit of all the strategy's test trades, USD",
    "unfiltered_test_trades": "all trades of the strategy in the test window, unfiltered",
    "lift_sharpe": "test_sharpe minus unfiltered_test_sharpe, annual",
    "lift_sharpe_low": "lower end of the lift's 90 % interval, by a paired stationary bootstrap of "
    "days; null where it is unknown",
    "lift_sharpe_high": "upper end of the lift's 90 % interval",
    "lift_block_days": "mean length of that bootstrap's blocks, sessions",
    "psr_version": "which version of the probabilistic Sharpe ratio's variance",
    "test_daily_return": "sum of the returns of the trades held in each test session, marked to "
    "market",
    "test_sessions": "sessions of the test window",
    "test_daily_costs_usd": "costs of all fills of the trades that ended in each test session, "
    "USD, one contract",
    "test_unfiltered_daily_pnl_usd": "test_daily_pnl_usd of all the strategy's trades, unfiltered",
    "test_unfiltered_daily_return": "test_daily_return of all the strategy's trades, unfiltered",
    "test_trade_profits_usd": "net profit of each test trade taken, in order, USD, one contract",
    "costs_usd": "commission and slippage of all fills of the trade, USD, one contract",
    "test_daily_pnl_usd": "net P&L of each test session, USD, one contract",
    "verdict": "pass or fail",
    "significant": "deflated_sharpe_prob >= 0.95",
    "reasons": "codes and words behind the verdict",
    "warnings": "what does not fail the model but wants attention",
    "look": "running number of the look",
    "looked_at": "when the window was opened, UTC",
    "who": "what opened the window",
    "code_version": "digest of the code that looked",
    "training_set_version": "data version of the training set looked at",
    "last_test_entry": "entry time of the newest sealed trade that was handed out, UTC",
    "window_end": "last session of the test window when it was looked at",
    "is_repeat": "the same model, code and data had been looked at before",
    "window": "train, validation or test; of a look: the number of the test window, from 1",
    "daily_costs_usd": "commission and slippage of the trades that ended in the session, USD, one "
    "contract",
    "unfiltered_daily_pnl_usd": "daily_pnl_usd of all the strategy's trades, unfiltered",
    "unfiltered_daily_return": "daily_return of all the strategy's trades, unfiltered",
    "buy_and_hold_daily_pnl_usd": "net P&L of one contract held all the time and rolled, USD",
    "buy_and_hold_daily_return": "the same over the contract's value at the close before, fraction",
    "contract_value_usd": "price times multiplier of one contract at the close, USD; in a "
    "portfolio, of the last session before the month",
    "volatility_regime": "tercile (low, middle, high) of the volatility of the 21 sessions before, "
    "among all known by then; null in the first year",
    "trend_regime": "tercile (low, middle, high) of the return of the 63 sessions before, among "
    "all known by then; null in the first year",
    "strategy": "filtered: the model's trades; unfiltered: all the strategy's; buy_and_hold: one "
    "contract held all the time",
    "measure": "what the terciles are of: volatility or trend",
    "regime": "tercile: low, middle, high",
    "n_sessions": "sessions, flat ones included",
    "equity_usd": "starting cash plus P&L of one contract, USD",
    "daily_pnl_usd": "net P&L of the session, USD, one contract",
    "daily_return": "sum of the returns of the trades that ended in the session, fraction",
    "drawdown": "fall from the highest equity so far, fraction <= 0",
    "rebalance_month": "partition: the month the portfolio is for, YYYY-MM",
    "size": "contracts per entry; 0 is not traded",
    "sharpe": "annual Sharpe in the selection window",
    "marginal_sharpe": "what the member added to the portfolio's annual Sharpe",
    "correlation": "highest correlation with the members chosen before it",
    "max_positions": "positions held at one time, over all symbols",
    "priority": "1 goes first where more entries are signalled at one moment than places are free",
    "marginal_contribution": "annual Sharpe of the members traded together minus that without this "
    "one, sizes kept, with the limit on open positions",
    "annual_volatility_usd": "standard deviation of a year's results of one contract, USD, at its "
    "value of now",
    "margin_per_contract_usd": "initial margin of one contract, USD",
    "is_margin_assumed": "true where the instrument states no margin: a share of its value is "
    "taken",
    "starting_cash_usd": "cash that sizes are made for, USD",
    "is_member": "true for a symbol that is traded in the month",
    "n_members": "symbols traded",
    "average_correlation": "mean correlation of all pairs of members' daily returns",
    "n_denied": "signals that found every place occupied",
    "margin_at_once_usd": "the most margin that the open positions can ask for, USD",
    "scheme": "greedy: the portfolio; equal_weight, hierarchical_risk_parity: of all candidates "
    "with the least Sharpe",
    "weight": "share of the symbol, 1 in sum over a scheme",
    "scheme_annual_sharpe": "annual Sharpe of the weighted daily returns, every trade taken",
    "scheme_max_drawdown": "deepest fall of the weighted daily returns, compounded, fraction <= 0",
    "case": "base: as it is; without X, a year earlier, double costs: chosen anew in that case",
    "members": "symbols and contracts, in order of priority",
    "sharpe_of_same_sizes": "annual Sharpe of the portfolio's own members and sizes in that case",
    "commission_per_contract_usd": "commission per contract and side, USD",
    "slippage_ticks": "slippage per side, ticks",
    "gate": "which gate answered",
    "code": "reason code",
    "value": "what the gate measured; in the mandate, a limit's value as JSON",
    "limit": "what it needed; in the mandate, the dotted name of a limit",
    "passed": "true when the gate let the symbol through",
    "reason": "why, in words",
    "release_id": "content hash of the release",
    "approved_until": "last day (inclusive) on which the release may open a trade; then only exits",
    "mandate_version": "content version of the mandate that was in force",
    "evidence_version": "data version of the release's evidence; empty where none was made",
    "overrides": "failed gates that a person lets symbols pass until a day, JSON list",
    "live_limits": "what the trader keeps to, whatever it decides, JSON",
    "section": "section of the mandate",
    "production_model_version": "content hash of the production_model table",
    "instrument": "facts of the instrument, JSON",
    "daily_symbols": "symbols whose daily closes the model's features read",
    "hourly_symbols": "symbols whose hourly closes the model's features read",
    "partner": "the symbol whose internal bar strength the pair's features compare with; or null",
    "reference_symbols": "reference symbols of the universe that was released",
    "reference_instruments": "their facts, JSON",
    "data_through": "last session behind the release",
    "is_simulated": "true when any symbol is of the simulated market",
}


_FEATURES = {**FEATURES, **{one.name: one for one in (*PRIOR_TRADE_FEATURES, *PAIR_FEATURES)}}
_OF_ANOTHER = {"_daily_z_score": daily_feature, "_hourly_z_score": hourly_feature}


def describe(column: str) -> str | None:
    """The meaning of a column; features answer from their declarations. None: undocumented."""
    if column in MEANINGS:
        return MEANINGS[column]
    feature = _FEATURES.get(column)
    for ending, feature_of in _OF_ANOTHER.items():
        if column.endswith(ending):
            feature = feature_of(column.removesuffix(ending).upper())
    return None if feature is None else f"feature: {feature.meaning}; null: {feature.null_means}"
