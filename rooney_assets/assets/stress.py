"""Gate 2: what a symbol's strategy would have done in worse markets."""

from __future__ import annotations

import numpy as np
import polars as pl

from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.graph.figures import fan_picture
from rooney_assets.ledger import model_alone
from rooney_core.errors import RefusedError
from rooney_core.feedback.costs import universe_with_costs
from rooney_core.gates.stress import StressLimits, empty_report, stress_gate
from rooney_core.gates.stress.history import UNDISTURBED_SCHEMA, History, Strategy, Tables
from rooney_core.gates.stress.kinds import MEANING
from rooney_core.gates.stress.published import PublishedDays
from rooney_core.gates.stress.report import by_kind, fan_of
from rooney_core.gates.stress.run import run_scenarios
from rooney_core.gates.stress.trades import trade_sequence
from rooney_core.market.bars import BarArrays
from rooney_core.modeling.meta_model import MetaModel


@lake_asset(
    group="money",
    rooms=(
        *("gates.stress", "gates.rows", "decision", "modeling", "labeling", "features"),
        *("backtest", "strategies", "indicators", "market", "validation", "rooney_assets.ledger"),
        "feedback.costs",
    ),
    reach={"continuous_bars": Reach.INFORMING, "session_bars": Reach.INFORMING},
    params=StressLimits,
)
def stress_report(
    here: Here,
    equity_curve: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    meta_model: pl.DataFrame,
    best_strategy: pl.DataFrame,
    continuous_bars: dict[str, pl.DataFrame],
    session_bars: dict[str, pl.DataFrame],
    cost_model: pl.DataFrame | None = None,
) -> Made:
    """Two hundred scenarios of one contract, seeded: kind, seed, profit, Sharpe, drawdown, trades.

    Published days are drawn anew (in blocks, by regime, with positions that move as one) or taken
    as they were in a crisis; bars of the validation window, made worse, and drawn paths go through
    features, signal, model and stops as live bars do. A past that is used again is first lowered by
    the luck that may be in it (`luck_allowance_usd`). A symbol whose model failed its verdict is
    not stressed: the table is empty, and gate 2 fails. Beside it: `stress_report_fan`,
    `stress_report_kinds`, and the Monte Carlo of the trades, `stress_report_trades` and
    `stress_report_bands`.
    """
    version = _one_version(here, meta_model, model_evaluation, equity_curve)
    if model_evaluation["verdict"][0] != "pass":
        return _not_run(here)
    model = MetaModel.from_row(model_alone(meta_model))
    universe = universe_with_costs(here.universe, {here.symbol: cost_model})
    bars = BarArrays.from_frame(continuous_bars[here.symbol], universe[here.symbol])
    tables = Tables(continuous_bars, session_bars)
    strategy = Strategy.of(here.symbol, universe, best_strategy, model, tables)
    history, two_way = History.of(bars, strategy), model.windows == "two_way"
    days = PublishedDays.of(equity_curve, trained_on_validation=two_way)
    stressed = run_scenarios(here.symbol, version, days, history, here.params, here.progress)
    profits = model_evaluation["test_trade_profits_usd"][0]
    if not two_way:
        profits = pl.concat([history.trades["net_profit_usd"], profits])
    trades, bands = trade_sequence(profits.to_numpy(), days.starting_cash_usd, here.params)
    kinds, title = by_kind(stressed.report), here.symbol
    if here.instrument.is_simulated:
        title += " (simulated market)"
    return Made(
        stressed.report,
        beside=_of_symbol(
            here,
            fan=stressed.fan,
            kinds=kinds,
            trades=trades,
            bands=bands,
            undisturbed=history.beside(days.every),
        ),
        notes={
            "scenarios": stressed.report.height,
            "gate 2": "; ".join(row.reason for row in stress_gate(stressed.report, here.params)),
            "crises covered": ", ".join(one.name for one in days.crises),
            "by kind": kinds.with_columns(
                meaning=pl.col("kind").replace_strict({str(k): v for k, v in MEANING.items()})
            ),
            "trade sequence": trades,
        },
        pictures={"fan": fan_picture(stressed.fan, bands, title)},
    )


def _not_run(here: Here) -> Made:
    """Tables without rows: nothing is stressed that failed already."""
    report = empty_report()
    trades, bands = trade_sequence(np.empty(0), 0.0, here.params)
    return Made(
        report,
        beside=_of_symbol(
            here,
            fan=fan_of([], 0.0),
            kinds=by_kind(report),
            trades=trades,
            bands=bands,
            undisturbed=pl.DataFrame(schema=UNDISTURBED_SCHEMA),
        ),
        notes={"gate 2": "; ".join(row.reason for row in stress_gate(report, here.params))},
    )


def _of_symbol(here: Here, **tables: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables with their partition's symbol in front."""
    return {
        name: one.select(pl.Series("symbol", [here.symbol] * one.height, pl.String), pl.all())
        for name, one in tables.items()
    }


def _one_version(here: Here, *tables: pl.DataFrame) -> str:
    versions = [str(one["model_version"][0]) for one in tables]
    if len(set(versions)) > 1:
        raise RefusedError(
            f"{here.symbol}: meta_model, model_evaluation and equity_curve are of the models "
            f"{', '.join(versions)}; one model is needed. Materialize equity_curve first."
        )
    return versions[0]
