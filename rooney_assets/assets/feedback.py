"""What live trading teaches of one symbol: its costs, how it goes, and why it differed."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from rooney_assets.feedback.followed import find_release, model_versions, newest_of, of_mode
from rooney_assets.feedback.replaying import Recorded, Replayed, compare
from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.graph.svg import Chart
from rooney_assets.lake import Lake
from rooney_core.feedback.causes import DIFFERENCES_SCHEMA, USD_COLUMNS
from rooney_core.feedback.costs import FILLS_SCHEMA, learnt_costs, measured_fills
from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.feedback.parity import DAYS_SCHEMA, days_table, differences_table
from rooney_core.feedback.performance import PERFORMANCE_SCHEMA, Traded, compared
from rooney_core.portfolio.settings import PortfolioLimits

Tables = dict[str, pl.DataFrame]
EVALUATION = "model_evaluation"
RUNS_SCHEMA: dict[str, Any] = {
    "symbol": pl.String(),
    "run_id": pl.String(),
    "mode": pl.String(),
    "release_id": pl.String(),
    "is_replayed": pl.Boolean(),
    "why_not": pl.String(),
}


class PerformanceParams(BaseModel):
    """The mandate's limits of feedback, and the portfolio's, which hold the starting cash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feedback: FeedbackLimits = FeedbackLimits()
    portfolio: PortfolioLimits = PortfolioLimits()


@lake_asset(
    group="live",
    rooms=("feedback.costs", "feedback.limits", "rooney_assets.feedback.followed"),
    params=FeedbackLimits,
)
def cost_model(here: Here, live_fills: pl.DataFrame, live_runs: pl.DataFrame) -> Made:
    """What a contract costs to trade, for every backtest, training, stress test and release.

    As universe.yaml assumes, until the broker reported enough fills of our own; then as these say:
    the upper end of the mean slippage, in quarters of a tick, and the median commission. It changes
    with every so many fills (mandate: feedback), and whatever was counted at other costs is counted
    anew. Real symbols learn from live fills alone. Each fill as it was measured:
    `cost_model_fills`.
    """
    fills = _reported(here, live_fills, live_runs)
    measured = measured_fills(fills, here.instrument, here.params.max_fill_delay_seconds)
    learnt = learnt_costs(measured, here.instrument, here.params)
    row = learnt.costs.row(0, named=True)
    notes = {
        "basis": row["cost_basis"],
        "why": row["cost_reason"],
        "reported fills": measured.height,
        "usable fills": int(measured["is_usable"].sum()),
        "assumed slippage, ticks": here.instrument.slippage_ticks,
        "assumed commission, USD": here.instrument.commission_per_contract_usd,
        "statistics": dict(learnt.statistics),
    }
    symbol = pl.lit(here.symbol).alias("symbol")
    return Made(learnt.costs, beside={"fills": measured.select(symbol, pl.all())}, notes=notes)


@lake_asset(
    group="live",
    rooms=("feedback.performance", "feedback.limits", "rooney_assets.feedback.followed"),
    params=PerformanceParams,
)
def live_performance(
    here: Here,
    live_trades: pl.DataFrame,
    live_fills: pl.DataFrame,
    live_runs: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    cost_model: pl.DataFrame,
) -> Made:
    """How the model that was traded last goes, beside what its evaluation expected of it.

    Win rate and average profit with the intervals that so many trades allow, the drawdown beside
    that of simulated histories, slippage beside the costs in force. At the broker's prices where
    both ends were reported, else at the paper account's. Null is not known. Beside it, trade by
    trade: `live_performance_trades`.
    """
    limits: FeedbackLimits = here.params.feedback
    trades = newest_of(of_mode(live_trades, live_runs, here.instrument), "signal_time")
    trades, model_version = _of_newest_model(here.lake, trades, here.symbol)
    net = pl.coalesce("reported_net_profit_usd", "net_profit_usd").alias("live_net_profit_usd")
    trades = trades.sort("exit_time").with_columns(net)
    slippage = _slippage(here, live_fills, live_runs)
    traded = Traded(
        trades["live_net_profit_usd"].to_numpy(),
        trades["size"].to_numpy(),
        slippage,
        float(cost_model["slippage_ticks"][0]),
    )
    cash = here.params.portfolio.starting_cash_usd
    expected = _expected(here, model_evaluation, model_version)
    row = compared(traded, expected, cash, limits) | {
        "symbol": here.symbol,
        "mode": trades["mode"][0] if trades.height else None,
        "model_version": model_version,
        "first_exit_time": trades["exit_time"].min(),
        "last_exit_time": trades["exit_time"].max(),
        "n_reported": trades["reported_net_profit_usd"].count(),
    }
    table = pl.DataFrame([row], schema=PERFORMANCE_SCHEMA)
    shown = ("symbol", "run_id", "signal_time", "exit_time", "side", "size", "live_net_profit_usd")
    return Made(
        table,
        beside={"trades": trades.select(shown)},
        notes={"status": str(row["live_status"]), "words": row["words"], "trades": row["n_trades"]},
        pictures=_picture(here, traded, expected),
    )


@lake_asset(
    group="live",
    rooms=(
        *("feedback", "release", "decision", "strategies", "features", "modeling", "backtest"),
        *("indicators", "market", "rooney_assets.feedback.followed"),
        "rooney_assets.feedback.replaying",
    ),
    params=FeedbackLimits,
    reach={"continuous_bars": Reach.INFORMING, "session_bars": Reach.INFORMING},
)
def parity_report(
    here: Here,
    live_runs: pl.DataFrame,
    live_decisions: pl.DataFrame,
    live_orders: pl.DataFrame,
    live_fills: pl.DataFrame,
    live_trades: pl.DataFrame,
    continuous_bars: Tables,
    session_bars: Tables,
) -> Made:
    """Each live day on the backtest's path, and every difference put down to its cause, in USD.

    A row per session and run: replayed and live P&L, and between them data, signal, model, sizing,
    timing, fill and cost; `unexplained` is what nothing on record says. Each difference with its
    proof: `parity_report_differences`. Runs that could not be replayed: `parity_report_runs`.
    """
    rows = {"decisions": live_decisions, "orders": live_orders, "fills": live_fills}
    found = _Compared(here, live_runs, rows | {"trades": live_trades})
    for run in found.runs():
        found.take(run, continuous_bars, session_bars)
    days, differences, runs = found.tables()
    unexplained = int(days["n_unexplained"].sum())
    notes = {
        "sessions": days.height,
        "unexplained": unexplained,
        "by cause, USD": {name: float(days[name].sum()) for name in USD_COLUMNS},
        "differences": differences.tail(20),
    }
    return Made(days, beside={"differences": differences, "runs": runs}, notes=notes)


class _Compared:
    """The runs of one symbol, compared one after another."""

    def __init__(self, here: Here, runs: pl.DataFrame, tables: Tables) -> None:
        self._here, self._runs, self._tables = here, runs, tables
        self._days = [pl.DataFrame(schema=DAYS_SCHEMA)]
        self._differences = [pl.DataFrame(schema=DIFFERENCES_SCHEMA)]
        self._told: list[tuple[Any, ...]] = []
        self._replayed: dict[str, Replayed] = {}

    def runs(self) -> list[dict[str, Any]]:
        """The runs in which the trader decided on the symbol, in order."""
        decisions = self._tables["decisions"]
        mine = decisions.filter(pl.col("symbol") == self._here.symbol)["run_id"].unique()
        return self._runs.filter(pl.col("run_id").is_in(mine.implode())).to_dicts()

    def take(self, run: dict[str, Any], continuous_bars: Tables, session_bars: Tables) -> None:
        """Compare one run, or say why it cannot be."""
        name, symbol = str(run["release_id"]), self._here.symbol
        replayed, why_not = self._replay(name, continuous_bars, session_bars)
        facts = (symbol, run["run_id"], run["mode"], name)
        self._told.append((*facts, replayed is not None, why_not))
        if replayed is None:
            return
        recorded = self._recorded(run)
        book, found = compare(recorded, replayed, symbol, self._here.params)
        mine = recorded.decisions.filter(pl.col("symbol") == symbol)
        days = days_table(book, found, mine, mine["session"].unique().to_list())
        named = {"mode": run["mode"], "release_id": name}
        columns = [pl.lit(value, pl.String).alias(one) for one, value in named.items()]
        self._days.append(days.with_columns(columns))
        self._differences.append(differences_table(book, found))

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Days, differences, runs."""
        days = pl.concat(self._days).sort("session", "run_id")
        runs = pl.DataFrame(self._told, schema=RUNS_SCHEMA, orient="row")
        return days, pl.concat(self._differences), runs

    def _replay(
        self, name: str, continuous_bars: Tables, session_bars: Tables
    ) -> tuple[Replayed | None, str]:
        if name not in self._replayed:
            found = find_release(self._here.lake, name)
            if found.release is None:
                return None, found.why_not
            missing = sorted(set(found.release.bundles) - set(continuous_bars))
            if self._here.symbol not in found.release.bundles or missing:
                return None, f"release {name} trades {', '.join(missing) or 'it not'}: no bars"
            self._replayed[name] = Replayed.of(found.release, continuous_bars, session_bars)
        return self._replayed[name], ""

    def _recorded(self, run: dict[str, Any]) -> Recorded:
        of_run = pl.col("run_id") == run["run_id"]
        mine = {name: one.filter(of_run) for name, one in self._tables.items()}
        fills, orders = self._tables["fills"], self._tables["orders"]
        begun = pl.col("order_id").is_in(mine["trades"]["entry_order_id"].implode())
        first = mine["decisions"]["bar_end"].min()
        earlier = orders.filter(~of_run & (pl.col("intent") == "enter"))
        return Recorded(
            run_id=run["run_id"],
            trader_code_version=run["trader_code_version"],
            earlier_entries=earlier.filter(pl.col("decided_at") < first),
            **mine | {"fills": fills.filter(of_run | begun)},
        )


def _reported(here: Here, live_fills: pl.DataFrame, live_runs: pl.DataFrame) -> pl.DataFrame:
    """FILLS_SCHEMA of the symbol, with the slippage that the run's release assumed."""
    rows = of_mode(live_fills, live_runs, here.instrument).filter(
        pl.col("fill_source") == "reported"
    )
    assumed = {
        name: _assumed_slippage(here, name)
        for name in rows["release_id"].drop_nulls().unique().sort()
    }
    is_entry, is_long = pl.col("intent") == "enter", pl.col("side") > 0
    rows = newest_of(rows, "order_id").with_columns(
        is_buy=is_entry == is_long,
        assumed_slippage_ticks=pl.col("release_id").replace_strict(
            assumed, default=None, return_dtype=pl.Float64
        ),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in FILLS_SCHEMA.items())


def _assumed_slippage(here: Here, release_id: str) -> float | None:
    """Ticks that a release assumed of this symbol; None where the lake does not have it."""
    rows = find_release(here.lake, release_id).rows
    if rows is None:
        return None
    mine = rows.filter(pl.col("symbol") == here.symbol)
    return None if mine.is_empty() else float(mine["slippage_ticks"][0])


def _slippage(here: Here, live_fills: pl.DataFrame, live_runs: pl.DataFrame) -> Any:
    fills = _reported(here, live_fills, live_runs)
    delay = here.params.feedback.max_fill_delay_seconds
    measured = measured_fills(fills, here.instrument, delay)
    return measured.filter("is_usable")["fill_slippage_ticks"].to_numpy()


def _of_newest_model(
    lake: Lake, trades: pl.DataFrame, symbol: str
) -> tuple[pl.DataFrame, str | None]:
    """The trades of the model that traded last, and its version."""
    if trades.is_empty():
        return trades, None
    models = model_versions(lake, trades["release_id"], symbol)
    newest = models[trades["release_id"][-1]]
    same = [name for name, model in models.items() if model == newest]
    return trades.filter(pl.col("release_id").is_in(same)), newest


def _expected(here: Here, evaluation: pl.DataFrame, model_version: str | None) -> Any:
    """Net profits of the model's test trades, USD of one contract; None where nobody knows them.

    Of its own evaluation, whether it is the newest one or an earlier version of the lake.
    """
    if model_version is None:
        return None
    tables = [evaluation]
    partition = ("symbol", here.symbol)
    for manifest in reversed(here.lake.versions(EVALUATION, partition)):
        tables.append(here.lake.read(EVALUATION, partition, version=manifest.data_version))
    for table in tables:
        if table["model_version"][0] == model_version:
            return table["test_trade_profits_usd"][0].to_numpy()
    return None


def _picture(here: Here, traded: Traded, expected: Any) -> dict[str, str]:
    """Cumulative profit, trade by trade, beside the expected mean."""
    if not len(traded.profits_usd):
        return {}
    numbers = [float(number) for number in range(1, len(traded.profits_usd) + 1)]
    curve = []
    if expected is not None and len(expected):
        line = np.cumsum(float(expected.mean()) * traded.sizes)
        curve = list(zip(numbers, line.tolist(), strict=True))
    simulated = " (simulated market)" if here.instrument.is_simulated else ""
    title = f"{here.symbol}{simulated}: live, beside what was expected"
    earned = np.cumsum(traded.profits_usd).tolist()
    chart = Chart(title, numbers, earned, "trade", "profit, USD", "line", curve=curve)
    return {"live": chart.to_svg()}
