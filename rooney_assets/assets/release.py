"""Stage 5: the two tables that the trader reads, and nothing else does he read."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.ledger import model_alone
from rooney_assets.mandate import Mandate
from rooney_core.errors import MissingArtifact
from rooney_core.gates.approvals import approved_until
from rooney_core.release.build import ReleaseTables, build_release
from rooney_core.release.terms import ReleaseTerms

EVERY = Reach.EVERY
READ = (
    "portfolio_config",
    "gate_report",
    "meta_model",
    "model_evaluation",
    "best_strategy",
    "equity_curve",
)
ROOMS = (
    "rooney_assets.ledger",
    "release",
    "strategies",
    "features",
    "modeling",
    "decision",
    "market",
)


@dataclass(frozen=True)
class Tables:
    """Everything a release is made of, by month or by symbol."""

    portfolio_config: dict[str, pl.DataFrame]
    gate_report: dict[str, pl.DataFrame]
    meta_model: dict[str, pl.DataFrame]
    model_evaluation: dict[str, pl.DataFrame]
    best_strategy: dict[str, pl.DataFrame]
    equity_curve: dict[str, pl.DataFrame]


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=dict.fromkeys(READ, EVERY),
)
def production_model(
    here: Here,
    mandate: pl.DataFrame,
    portfolio_config: dict[str, pl.DataFrame],
    gate_report: dict[str, pl.DataFrame],
    meta_model: dict[str, pl.DataFrame],
    model_evaluation: dict[str, pl.DataFrame],
    best_strategy: dict[str, pl.DataFrame],
    equity_curve: dict[str, pl.DataFrame],
) -> Made:
    """The models of the released symbols, as rows: booster text and forest arrays, no code.

    Its content hash is named by `production_config`; the trader refuses any other.
    """
    tables = Tables(
        portfolio_config, gate_report, meta_model, model_evaluation, best_strategy, equity_curve
    )
    release = _release(here, mandate, tables)
    return Made(release.production_model, notes={"models": release.production_model.height})


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=dict.fromkeys(READ, EVERY),
)
def production_config(
    here: Here,
    production_model: pl.DataFrame,
    mandate: pl.DataFrame,
    portfolio_config: dict[str, pl.DataFrame],
    gate_report: dict[str, pl.DataFrame],
    meta_model: dict[str, pl.DataFrame],
    model_evaluation: dict[str, pl.DataFrame],
    best_strategy: dict[str, pl.DataFrame],
    equity_curve: dict[str, pl.DataFrame],
) -> Made:
    """What the trader may trade: a row per tradable symbol with its size, and why that size.

    Size 0 means not traded. Names the exact `production_model` by content hash. An empty portfolio
    is a valid release: the trader starts, says why, and sends nothing.
    """
    tables = Tables(
        portfolio_config, gate_report, meta_model, model_evaluation, best_strategy, equity_curve
    )
    release = _release(here, mandate, tables)
    config = release.production_config
    reasons = config.select("symbol", "size", "reason")
    return Made(config, notes={"release": config["release_id"][0], "why": reasons})


def _release(here: Here, mandate: pl.DataFrame, tables: Tables) -> ReleaseTables:
    months = sorted(set(tables.portfolio_config) & set(tables.gate_report))
    if not months:
        raise MissingArtifact(
            "No month has both a portfolio and its gate report; materialize gate_report first."
        )
    if not tables.equity_curve:
        raise MissingArtifact(
            "No tradable symbol has an equity curve, so there is nothing to release; run "
            "`rooney materialize --to equity_curve` and look at what it reports."
        )
    portfolio = tables.portfolio_config[months[-1]]
    gates = tables.gate_report[months[-1]]
    reasons = _reasons(here, gates) | not_evaluated(tables)
    failed = set(gates.filter(~pl.col("passed"))["symbol"]) | set(not_evaluated(tables))
    page = Mandate.from_frame(mandate)
    data_through = max(one["session"].max() for one in tables.equity_curve.values())
    terms = ReleaseTerms(
        approved_until=approved_until(data_through, page.promotion.approval_days),
        mandate_version=page.version,
        live_limits=page.live,
    )
    return build_release(
        rebalance_month=months[-1],
        members=portfolio.filter(~pl.col("symbol").is_in(sorted(failed))),
        reasons=reasons,
        meta_models={name: model_alone(one) for name, one in tables.meta_model.items()},
        best_strategies=tables.best_strategy,
        universe=here.universe,
        max_positions=int(gates["max_positions"][0]),
        data_through=data_through,
        terms=terms,
    )


def not_evaluated(tables: Tables) -> dict[str, str]:
    """Symbols whose newest model is not the one that was evaluated: no verdict speaks for it."""
    versions = {name: one["model_version"][0] for name, one in tables.meta_model.items()}
    judged = {name: one["model_version"][0] for name, one in tables.model_evaluation.items()}
    return {
        name: f"model {version} is not evaluated; the evaluation is of {judged.get(name, 'none')}"
        for name, version in versions.items()
        if version != judged.get(name)
    }


def _reasons(here: Here, gates: pl.DataFrame) -> dict[str, str]:
    """Why the selection left a symbol out, which gate stopped a chosen one, or why it is in."""
    selection = gates.filter(pl.col("gate") == "selection")
    reasons = dict(selection.select("symbol", "reason").iter_rows())
    chosen = selection.filter(pl.col("passed"))["symbol"].to_list()
    stopped = gates.filter(~pl.col("passed") & pl.col("symbol").is_in(chosen))
    told = stopped.group_by("symbol").agg(pl.col("reason").unique(maintain_order=True))
    reasons |= {symbol: "; ".join(texts) for symbol, texts in told.iter_rows()}
    return {symbol: reasons.get(symbol, "never evaluated") for symbol in here.universe.tradable}
