"""Stage 4: the release that a month would make, and the real trader's trading of it on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
from pydantic import BaseModel, ConfigDict

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.graph.svg import Chart
from rooney_assets.ledger import model_alone
from rooney_assets.mandate import Mandate
from rooney_assets.paper_trading import PaperTrading, trade_on_paper
from rooney_assets.terms import release_terms
from rooney_core.decision.replay import decision_differences, trade_differences
from rooney_core.errors import MissingArtifact
from rooney_core.feedback.costs import universe_with_costs
from rooney_core.gates.paper import (
    EMPTY,
    SKIPPED,
    PaperLimits,
    marked_days,
    paper_facts,
    paper_row,
    untraded_row,
    win_rate_implies,
)
from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.release import Release, build_release, load_release
from rooney_core.release.replay import Decided, ReplayBars, decide_release

MONTHLY = Partitioning.MONTH
EVERY = Reach.EVERY
MONTH = "rebalance_month"
MODELS = "models"
"""The candidate's production_model, beside it; `candidate_models` takes the month off again."""

Tables = dict[str, pl.DataFrame]


class PaperParams(BaseModel):
    """The mandate's limits of paper trading, and the portfolio's, which hold the starting cash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: PaperLimits = PaperLimits()
    portfolio: PortfolioLimits = PortfolioLimits()


@lake_asset(
    group="release",
    rooms=(
        *("release", "strategies", "features", "modeling", "decision", "market"),
        *("rooney_core.gates.approvals", "rooney_assets.terms", "rooney_assets.ledger"),
        *("rooney_assets.mandate", "feedback.costs"),
    ),
    partitioning=MONTHLY,
    reach=dict.fromkeys(("meta_model", "best_strategy", "equity_curve", "cost_model"), EVERY),
)
def release_candidate(
    here: Here,
    mandate: pl.DataFrame,
    portfolio_config: pl.DataFrame,
    meta_model: Tables,
    best_strategy: Tables,
    equity_curve: Tables,
    cost_model: Tables | None = None,
) -> Made:
    """The release that this month would make, before the gates have spoken: what they judge.

    Rows as in `production_config`, one per tradable symbol, with its models beside it
    (`release_candidate_models`) as `production_model` would have them. Its `release_id` names
    exactly these sizes, parameters and models, so that a gate's answer is an answer about them and
    nothing else. The trader never reads it: it is traded on paper from a copy.
    """
    if not equity_curve:
        raise MissingArtifact(
            "No tradable symbol has an equity curve, so there is nothing to release; run "
            "`rooney materialize --to equity_curve` and look at what it reports."
        )
    page = Mandate.from_frame(mandate)
    through: date = max(one["session"].max() for one in equity_curve.values())  # type: ignore[type-var,assignment]
    reasons = here.lake.beside("portfolio_config", (MONTH, str(here.partition)))["reasons"]
    release = build_release(
        rebalance_month=str(here.partition),
        members=portfolio_config.sort("priority"),
        reasons=dict(reasons.select("symbol", "reason").iter_rows()),
        meta_models={name: model_alone(one) for name, one in meta_model.items()},
        best_strategies=best_strategy,
        universe=universe_with_costs(here.universe, cost_model or {}),
        max_positions=page.portfolio.max_positions,
        data_through=through,
        terms=release_terms(mandate, through, portfolio_config["symbol"], here.lake),
    )
    config, models = release
    return Made(
        config,
        beside={MODELS: models.with_columns(pl.lit(str(here.partition)).alias(MONTH))},
        notes={
            "candidate": config["release_id"][0],
            "models": config["production_model_version"][0],
            "why": config.select("symbol", "size", "reason"),
        },
    )


@lake_asset(
    group="release",
    rooms=(
        *("release", "decision", "strategies", "features", "modeling", "labeling", "backtest"),
        *("indicators", "market", "validation", "rooney_live", "rooney_assets.paper_trading"),
        *("rooney_core.gates.paper", "rooney_core.gates.calibration.rates"),
    ),
    partitioning=MONTHLY,
    reach=dict.fromkeys(("continuous_bars", "session_bars"), EVERY),
    params=PaperParams,
)
def paper_report(
    here: Here,
    release_candidate: pl.DataFrame,
    continuous_bars: Tables,
    session_bars: Tables,
) -> Made:
    """What the candidate came to on paper, traded by the real trader, bar by bar, with a grade.

    `rooney-live` runs as a process of its own on a copy of the candidate and rehearses the newest
    sessions; its journal is the evidence. Every decision and trade is counted again here by the
    batch path, and a difference that nothing explains is an F. Beside it: `paper_report_days`,
    `_trades`, `_decisions` (by code), `_differences`.

    The newest sessions lie in the sealed test years. This is the trader's run of a finished model,
    as it would be from tomorrow on: nothing is selected or tuned by it, how long it runs depends on
    the number of trades and never on a result, and what was run is on record here, with the
    candidate and the code that traded it.

    Only the newest month's candidate is traded. An older month keeps the report it had of the same
    candidate, or says that it was not paper traded; a candidate that trades nothing says so.
    """
    return paper_of(here, release_candidate, continuous_bars, session_bars, by_the_trader)


def by_the_trader(
    here: Here, release_candidate: pl.DataFrame, decided: Decided, sessions: pl.Series
) -> PaperTrading:
    """The real trader's trading of these last sessions, in a process of its own."""
    return trade_on_paper(
        release_candidate,
        candidate_models(here),
        here.lake.root,
        len(sessions),
        here.state_folder / "paper",
    )


def paper_of(
    here: Here,
    release_candidate: pl.DataFrame,
    continuous_bars: Tables,
    session_bars: Tables,
    trade: Callable[[Here, pl.DataFrame, Decided, pl.Series], PaperTrading],
) -> Made:
    """The report of a candidate whose sessions `trade` trades: the trader, or the batch path where
    only the gate is asked and not the trader (`rooney_assets.calibration`)."""
    candidate = {
        "rebalance_month": str(here.partition),
        "candidate_id": str(release_candidate["release_id"][0]),
        "production_model_version": str(release_candidate["production_model_version"][0]),
    }
    if release_candidate.filter(pl.col("size") > 0).is_empty():
        note = "the candidate trades no symbol: there is nothing to trade on paper"
        return Made(untraded_row(EMPTY, note, **candidate))
    newest = max(here.lake.partitions("release_candidate"))
    if str(here.partition) < newest:
        return _of_before(here, candidate, newest)
    release = load_release(release_candidate, candidate_models(here))
    decided = decide_release(release, ReplayBars(continuous_bars, continuous_bars, session_bars))
    every = pl.concat([continuous_bars[one]["session"] for one in release.bundles])
    sessions = every.unique().sort()
    n_sessions = sessions_to_trade(decided, sessions, here.params.paper)
    here.progress(f"the trader rehearses {n_sessions} sessions")
    traded = trade(here, release_candidate, decided, sessions.tail(n_sessions))
    return _report(here, candidate, release, decided, traded, continuous_bars)


def candidate_models(here: Here) -> pl.DataFrame:
    """The production_model of this month's candidate, as it is named by its hash."""
    beside = here.lake.beside("release_candidate", (MONTH, str(here.partition)))
    return beside[MODELS].drop(MONTH)


def sessions_to_trade(decided: Decided, sessions: pl.Series, limits: PaperLimits) -> int:
    """How many of the last sessions are traded: more, until enough trades end in them.

    `sessions`: all there are, ascending. Doubled from `limits.sessions` to `max_sessions`.
    """
    wanted = limits.sessions
    while wanted < limits.max_sessions:
        ended = decided.replay(sessions.tail(wanted).to_list()).trades
        if ended.height >= limits.min_trades:
            break
        wanted = min(2 * wanted, limits.max_sessions)
    return wanted


def _of_before(here: Here, candidate: dict[str, str], newest: str) -> Made:
    """The report that an older month had of the very same candidate, or that it has none."""
    partition = (MONTH, str(here.partition))
    if here.lake.version("paper_report", partition) is not None:
        before = here.lake.read("paper_report", partition)
        if before["candidate_id"][0] == candidate["candidate_id"]:
            return Made(before, beside=here.lake.beside("paper_report", partition))
    note = f"not paper traded: the newest candidate is {newest}'s, and only that one is traded"
    return Made(untraded_row(SKIPPED, note, **candidate))


def _report(
    here: Here,
    candidate: dict[str, str],
    release: Release,
    decided: Decided,
    traded: PaperTrading,
    bars: Tables,
) -> Made:
    limits: PaperLimits = here.params.paper
    sessions = traded.decisions["session"].unique().sort()
    differences = _differences(decided, traded, sessions.to_list())
    by_symbol = marked_days(
        traded.positions, bars, release.config.instruments, release.sizes, sessions
    )
    days = by_symbol.group_by("session", maintain_order=True).agg(
        pl.col("daily_pnl_usd", "buy_hold_pnl_usd").sum()
    )
    cash = here.params.portfolio.starting_cash_usd
    profits = traded.trades["net_profit_usd"].to_list()
    table = paper_row(
        paper_facts(days, profits, cash, limits.confidence),
        limits,
        n_emergency_stops=len(traded.stops),
        n_unexplained=differences.height,
        n_unexplained_by_trader=traded.n_unexplained,
        note="; ".join(traded.stops) or "traded on paper by rooney-live",
        run_id=traded.run_id,
        trader_code_version=traded.trader_code_version,
        symbols=list(release.bundles),
        first_session=sessions.min(),
        last_session=sessions.max(),
        n_decisions=traded.decisions.height,
        n_open=traded.positions["exit_time"].null_count(),
        **candidate,
    )
    codes = traded.decisions.group_by("symbol", "code", maintain_order=True).len("n_decisions")
    month = pl.lit(str(here.partition)).alias(MONTH)
    beside = {
        "days": by_symbol,
        "trades": traded.trades,
        "decisions": codes.cast({"n_decisions": pl.Int64}).sort("symbol", "code"),
        "differences": differences,
    }
    seed = limits.a.min_win_rate
    return Made(
        table,
        beside={name: one.with_columns(month) for name, one in beside.items()},
        notes={
            "grade": table["grade"][0],
            "candidate": candidate["candidate_id"],
            "decisions": beside["decisions"],
            "differences": differences.head(20),
            "grade A": "no limit" if seed is None else win_rate_implies(seed, len(profits)),
        },
        pictures={"paper": _picture(days, here)},
    )


def _differences(decided: Decided, traded: PaperTrading, sessions: list[date]) -> pl.DataFrame:
    """What the trader wrote down and the batch path's replay do not share, recounted."""
    replay = decided.replay(sessions)
    found = (
        decision_differences(traded.decisions, replay.decisions),
        trade_differences(traded.trades, replay.trades),
    )
    return pl.concat(found)


def _picture(days: pl.DataFrame, here: Here) -> str:
    earned = days["daily_pnl_usd"].cum_sum().to_list()
    held = days["buy_hold_pnl_usd"].cum_sum().to_list()
    numbers = [float(number) for number in range(1, days.height + 1)]
    simulated = any(here.universe[one].is_simulated for one in here.universe.tradable)
    title = f"Paper trading of {here.partition}{' (simulated market)' if simulated else ''}"
    chart = Chart(
        f"{title}; the line to compare with is buy and hold",
        numbers,
        earned,
        "session",
        "profit, USD",
        "line",
        curve=list(zip(numbers, held, strict=True)),
    )
    return chart.to_svg()
