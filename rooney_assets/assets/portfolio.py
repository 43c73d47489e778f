"""Stage 4: from models to equity curves and the portfolio of a month."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.graph.figures import equity_picture
from rooney_core.errors import RefusedError
from rooney_core.gates.report import verdict_of
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.taken import daily_results, taken_trades
from rooney_core.portfolio.equity import equity_curve as draw_equity
from rooney_core.portfolio.monthly import (
    MonthlyPortfolio,
    PortfolioLimits,
    diff_portfolios,
    select_portfolio,
)
from rooney_core.validation.windows import SPLITS

STARTING_EQUITY_USD = 250_000.0
MONTHLY = Partitioning.MONTH
EVERY = Reach.EVERY


@lake_asset(
    group="money",
    rooms=("portfolio", "modeling", "features", "validation"),
    plots_column="equity_usd",
)
def equity_curve(
    here: Here,
    training_set: pl.DataFrame,
    meta_model: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    session_bars: pl.DataFrame,
) -> Made:
    """Daily P&L in USD and equity of one contract of the filtered strategy, flat days included.

    A position held overnight is marked to market at every session's close. `window` says whether a
    day was trained on, tuned on, or judged on. The test days come from `model_evaluation`, which is
    the only one to have seen them.
    """
    version = _evaluated_version(here, meta_model, model_evaluation)
    model = MetaModel.from_row(meta_model)
    sessions = session_bars["session"]
    taken = taken_trades(model, training_set.filter(pl.col("split") != "test"))
    edges = {"train": SPLITS.train_end, "validation": SPLITS.validation_end}
    days = {"train": sessions <= edges["train"]}
    days["validation"] = ~days["train"] & (sessions <= edges["validation"])
    daily = {
        name: daily_results(taken.filter(pl.col("split") == name), sessions.filter(days[name]))
        for name in edges
    }
    daily["test"] = _published_test_days(model_evaluation)
    table = draw_equity(daily, here.symbol, version, STARTING_EQUITY_USD)
    title = f"{here.symbol}{' (simulated market)' if here.instrument.is_simulated else ''}"
    return Made(table, pictures={"equity": equity_picture(table, title)})


@lake_asset(
    group="money",
    rooms=("portfolio", "validation"),
    partitioning=MONTHLY,
    reach=dict.fromkeys(("equity_curve", "model_evaluation"), EVERY),
    params=PortfolioLimits,
)
def portfolio_config(
    here: Here,
    equity_curve: dict[str, pl.DataFrame],
    model_evaluation: dict[str, pl.DataFrame],
) -> Made:
    """The strategies to trade in a month, chosen greedily on the validation window.

    Only symbols whose model passed its verdict are candidates. No row at all is a valid result; the
    reason of every symbol that stayed out is in the metadata and in `gate_report`.
    """
    chosen = choose(here, equity_curve, model_evaluation)
    before = _month_before(here)
    notes = {
        "members": chosen.members.height,
        "left out": dict(chosen.reasons),
        "against the month before": diff_portfolios(before, chosen.members, chosen.reasons),
    }
    return Made(chosen.members, notes=notes)


def _evaluated_version(here: Here, model: pl.DataFrame, evaluation: pl.DataFrame) -> str:
    """The model's version, when it is the one that was evaluated; a mix of two is refused."""
    version, evaluated = str(model["model_version"][0]), str(evaluation["model_version"][0])
    if version != evaluated:
        raise RefusedError(
            f"{here.symbol} has model {version}, but its evaluation is of {evaluated}. "
            "Materialize model_evaluation first."
        )
    return version


def _published_test_days(evaluation: pl.DataFrame) -> pl.DataFrame:
    """The test days as the evaluation published them; nobody else opens that window."""
    return evaluation.select(
        pl.col("test_sessions").alias("session"),
        pl.col("test_daily_pnl_usd").alias("daily_pnl_usd"),
        pl.col("test_daily_return").alias("daily_return"),
    ).explode(pl.all())


def choose(
    here: Here, equity: dict[str, pl.DataFrame], evaluations: dict[str, pl.DataFrame]
) -> MonthlyPortfolio:
    """The month's selection: on validation days, among symbols whose verdict is a pass."""
    verdicts = {symbol: verdict_of(one) for symbol, one in evaluations.items()}
    refusals = {
        symbol: "model verdict fail: " + "; ".join(r.text for r in one.reasons if r.is_failure)
        for symbol, one in verdicts.items()
        if not one.passed
    }
    refusals |= {
        symbol: "its equity curve is of another model than its evaluation; materialize equity_curve"
        for symbol, one in equity.items()
        if symbol in evaluations
        and one["model_version"][0] != evaluations[symbol]["model_version"][0]
    }
    returns = {
        symbol: one.filter(pl.col("window") == "validation").select("session", "daily_return")
        for symbol, one in equity.items()
        if symbol in verdicts
    }
    return select_portfolio(
        str(here.partition), returns, refusals, here.universe, **here.params.model_dump()
    )


def _month_before(here: Here) -> pl.DataFrame | None:
    earlier = [
        month for month in here.lake.partitions("portfolio_config") if month < here.partition
    ]
    if not earlier:
        return None
    return here.lake.read("portfolio_config", ("rebalance_month", max(earlier)))
