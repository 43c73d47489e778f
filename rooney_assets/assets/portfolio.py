"""Stage 4: from models to equity curves and the portfolio of a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.graph.figures import equity_picture
from rooney_assets.ledger import model_alone
from rooney_assets.mandate import SelectionLimits
from rooney_assets.terms import overrides_on
from rooney_core.backtest.costs import CostModel
from rooney_core.errors import RefusedError
from rooney_core.feedback.costs import with_costs
from rooney_core.gates.report import Candidate as Judged
from rooney_core.gates.report import judge_backtest, verdict_of
from rooney_core.gates.stress import stress_gate
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.taken import taken_trades
from rooney_core.portfolio.candidates import Candidate, Standing, StandingCode
from rooney_core.portfolio.equity import equity_curve as draw_equity
from rooney_core.portfolio.equity import published_days, window_days
from rooney_core.portfolio.market import market_days
from rooney_core.portfolio.monthly import MonthlyPortfolio, select_portfolio
from rooney_core.portfolio.periods import benchmarks, by_regime, by_year
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.simulation import portfolio_trades
from rooney_core.portfolio.turnover import diff_portfolios, sizes_of
from rooney_core.validation.windows import SPLITS

MONTHLY = Partitioning.MONTH
READ = ("equity_curve", "model_evaluation", "meta_model", "training_set", "stress_report")
Tables = dict[str, pl.DataFrame]


@lake_asset(
    group="money",
    rooms=("portfolio", "modeling", "features", "backtest", "validation", "feedback.costs"),
    params=PortfolioLimits,
    plots_column="equity_usd",
)
def equity_curve(
    here: Here,
    training_set: pl.DataFrame,
    meta_model: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    session_bars: pl.DataFrame,
    cost_model: pl.DataFrame | None = None,
) -> Made:
    """Daily P&L in USD and equity of one contract of the filtered strategy, flat days included.

    Raw contracts, after all costs; a position held overnight is marked to market at every session's
    close. Beside it, day by day: the unfiltered strategy, buy-and-hold of one contract, and the
    market's regime as it was known before the session. `window` says whether a day was trained on,
    tuned on, or judged on. The test days come from `model_evaluation`, which is the only one to
    have seen them. By year and by regime: `equity_curve_years`, `equity_curve_regimes`.
    """
    version = _evaluated_version(here, meta_model, model_evaluation)
    model = MetaModel.from_row(model_alone(meta_model))
    sessions, start_usd = session_bars["session"], here.params.starting_cash_usd
    is_train, is_known = sessions <= SPLITS.train_end, sessions <= SPLITS.validation_end
    days = {"train": is_train, "validation": ~is_train & is_known}
    daily = {}
    for name, of_window in days.items():
        every = training_set.filter(pl.col("split") == name)
        daily[name] = window_days(taken_trades(model, every), every, sessions.filter(of_window))
    daily["test"] = published_days(model_evaluation)
    instrument = with_costs(here.instrument, cost_model)
    market = market_days(session_bars, CostModel.of(instrument), instrument)
    table = draw_equity(daily, market, here.symbol, version, start_usd)
    title = f"{here.symbol}{' (simulated market)' if here.instrument.is_simulated else ''}"
    beside = benchmarks(table, start_usd)
    years = by_year(table)
    return Made(
        table,
        beside={"benchmarks": beside, "years": years, "regimes": by_regime(table)},
        notes={
            "by year": years.filter(pl.col("strategy") == "filtered").drop("symbol", "strategy")
        },
        pictures={"equity": equity_picture(table, title, beside)},
    )


@lake_asset(
    group="money",
    rooms=("portfolio", "gates", "modeling", "validation"),
    partitioning=MONTHLY,
    reach=dict.fromkeys(READ, Reach.EVERY),
    params=SelectionLimits,
)
def portfolio_config(
    here: Here,
    equity_curve: Tables,
    model_evaluation: Tables,
    meta_model: Tables,
    training_set: Tables,
    stress_report: Tables,
) -> Made:
    """The strategies to trade in a month, chosen greedily on the validation window, with sizes.

    Only symbols whose model passed its verdict, gate 1 and the stress gate are candidates. Sizes
    are whole contracts for the target volatility and the margin, at the value that a contract had
    before the month. No row at all is a valid result; why each symbol is in or out is in
    `portfolio_config_reasons`. Traded together, with the limit on open positions:
    `portfolio_config_summary`; other weights: `portfolio_config_weights`; without a symbol, a year
    earlier, at double costs: `portfolio_config_sensitivity`; day by day: `portfolio_config_days`.
    """
    tables = _Tables(equity_curve, model_evaluation, meta_model, training_set, stress_report)
    before = month_before(here)
    chosen = _choose(here, tables, before)
    notes = {
        "members": chosen.members.height,
        "portfolio": chosen.summary,
        "left out": chosen.standings.filter(~pl.col("is_member")).select(
            "symbol", "code", "reason"
        ),
        "against the month before": "\n".join(
            diff_portfolios(before, chosen.members, chosen.reasons)
        )
        or "no change",
        "sensitivity": chosen.sensitivity.drop("rebalance_month"),
        "weights": chosen.weights.drop("rebalance_month"),
    }
    return Made(chosen.members, beside=chosen.beside, notes=notes, pictures=_picture(chosen))


def _picture(chosen: MonthlyPortfolio) -> dict[str, bytes]:
    if chosen.days.is_empty():
        return {}
    days = chosen.days.with_columns(pl.lit("validation").alias("window"))
    return {"traded together": equity_picture(days, "the members, with the limit on positions")}


@dataclass(frozen=True)
class _Tables:
    """What a month is chosen from, by symbol."""

    equity_curve: Tables
    model_evaluation: Tables
    meta_model: Tables
    training_set: Tables
    stress_report: Tables

    def version_of(self, asset: str, symbol: str) -> str | None:
        table = getattr(self, asset).get(symbol)
        return None if table is None else str(table["model_version"][0])

    @property
    def data_through(self) -> date:
        """The last session of any curve: the day on which an override must hold."""
        return max(one["session"].max() for one in self.equity_curve.values())  # type: ignore[type-var,return-value]


def _evaluated_version(here: Here, model: pl.DataFrame, evaluation: pl.DataFrame) -> str:
    """The model's version, when it is the one that was evaluated; a mix of two is refused."""
    version, evaluated = str(model["model_version"][0]), str(evaluation["model_version"][0])
    if version != evaluated:
        raise RefusedError(
            f"{here.symbol} has model {version}, but its evaluation is of {evaluated}. "
            "Materialize model_evaluation first."
        )
    return version


def _choose(here: Here, tables: _Tables, before: pl.DataFrame | None) -> MonthlyPortfolio:
    """The month's selection: on validation days, among symbols that every earlier gate let pass."""
    standings = {
        symbol: _refusal(here, symbol, tables)
        for symbol in here.universe.tradable
        if symbol in tables.model_evaluation
    }
    refusals = {symbol: one for symbol, one in standings.items() if one is not None}
    candidates = {
        symbol: _candidate(here, symbol, tables) for symbol in standings if symbol not in refusals
    }
    return select_portfolio(
        str(here.partition),
        candidates,
        refusals,
        here.universe,
        here.params.portfolio,
        None if before is None else sizes_of(before),
    )


def _refusal(here: Here, symbol: str, tables: _Tables) -> Standing | None:
    """Which judge stopped a symbol, the first that did; None for a candidate.

    A gate that a person overrides stops nobody as long as the override holds.
    """
    evaluated = tables.version_of("model_evaluation", symbol)
    for asset in ("meta_model", "equity_curve"):
        version = tables.version_of(asset, symbol)
        if version != evaluated:
            return _other_model(asset, version, evaluated)
    if _before_the_month(here, tables.equity_curve[symbol]).is_empty():
        return Standing(StandingCode.NO_PRICE, f"no session before {here.partition}")
    held = overrides_on(here.lake, tables.data_through)
    backtest = None if (symbol, "backtest") in held else _failed_gate(here, symbol, tables)
    if backtest is not None or (symbol, "stress") in held:
        return backtest
    return _failed_stress(here, symbol, tables, evaluated)


def _other_model(asset: str, version: str | None, evaluated: str | None) -> Standing:
    text = f"{asset} is of model {version}, model_evaluation of {evaluated}; materialize {asset}"
    return Standing(StandingCode.OTHER_MODEL, text)


def _failed_gate(here: Here, symbol: str, tables: _Tables) -> Standing | None:
    limits, evaluation = here.params, tables.model_evaluation[symbol]
    verdict = verdict_of(evaluation, limits.verdict)
    if not verdict.passed:
        failures = "; ".join(one.text for one in verdict.reasons if one.is_failure)
        return Standing(StandingCode.VERDICT_FAILED, f"model verdict fail: {failures}")
    curve = tables.equity_curve[symbol]
    tested = curve.filter(pl.col("window") == "test")["daily_pnl_usd"].to_numpy()
    judged = Judged(evaluation, tested / limits.portfolio.starting_cash_usd)
    gate = judge_backtest(judged, limits.backtest_gate, limits.verdict)
    if not gate.passed:
        failures = "; ".join(row.reason for row in gate.rows if not row.passed)
        return Standing(StandingCode.BACKTEST_GATE_FAILED, f"gate 1: {failures}")
    return None


def _failed_stress(
    here: Here, symbol: str, tables: _Tables, evaluated: str | None
) -> Standing | None:
    report = tables.stress_report.get(symbol)
    if report is None:
        text = "gate 2: not run; materialize stress_report"
        return Standing(StandingCode.STRESS_GATE_FAILED, text)
    if report.height and tables.version_of("stress_report", symbol) != evaluated:
        return _other_model("stress_report", tables.version_of("stress_report", symbol), evaluated)
    rows = stress_gate(report, here.params.stress)
    failures = "; ".join(row.reason for row in rows if not row.passed)
    return Standing(StandingCode.STRESS_GATE_FAILED, f"gate 2: {failures}") if failures else None


def _candidate(here: Here, symbol: str, tables: _Tables) -> Candidate:
    instrument = here.universe[symbol]
    model = MetaModel.from_row(model_alone(tables.meta_model[symbol]))
    known = tables.training_set[symbol].filter(pl.col("split") != "test")
    curve = tables.equity_curve[symbol]
    return Candidate(
        instrument=instrument,
        trades=portfolio_trades(taken_trades(model, known), instrument),
        sessions=curve.filter(pl.col("window") != "test")["session"],
        contract_value_usd=float(_before_the_month(here, curve)["contract_value_usd"][-1]),
        is_in_sample=model.windows == "two_way",
        overrides=tuple(
            f"{gate} gate until {one.until} by {one.who}: {one.reason}"
            for (name, gate), one in overrides_on(here.lake, tables.data_through).items()
            if name == symbol
        ),
    )


def _before_the_month(here: Here, curve: pl.DataFrame) -> pl.DataFrame:
    """Days whose close was known when the month began."""
    begins = date.fromisoformat(f"{here.partition}-01")
    return curve.filter(pl.col("session") < begins, pl.col("contract_value_usd").is_not_null())


def month_before(here: Here) -> pl.DataFrame | None:
    """The newest portfolio of an earlier month; None for the first."""
    earlier = [
        month for month in here.lake.partitions("portfolio_config") if month < str(here.partition)
    ]
    if not earlier:
        return None
    return here.lake.read("portfolio_config", ("rebalance_month", max(earlier)))
