"""Stage 5: the two tables that the trader reads, and nothing else does he read."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.ledger import model_alone
from rooney_core.errors import MissingArtifact
from rooney_core.release.build import ReleaseTables, build_release

EVERY = Reach.EVERY
ROOMS = ("release", "strategies", "features", "modeling", "decision", "market")


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=dict.fromkeys(
        ("portfolio_config", "gate_report", "meta_model", "best_strategy", "equity_curve"), EVERY
    ),
)
def production_model(
    here: Here,
    portfolio_config: dict[str, pl.DataFrame],
    gate_report: dict[str, pl.DataFrame],
    meta_model: dict[str, pl.DataFrame],
    best_strategy: dict[str, pl.DataFrame],
    equity_curve: dict[str, pl.DataFrame],
) -> Made:
    """The models of the released symbols, as rows: booster text and forest arrays, no code.

    Its content hash is named by `production_config`; the trader refuses any other.
    """
    release = _release(here, portfolio_config, gate_report, meta_model, best_strategy, equity_curve)
    return Made(release.production_model, notes={"models": release.production_model.height})


@lake_asset(
    group="release",
    rooms=ROOMS,
    partitioning=Partitioning.NONE,
    reach=dict.fromkeys(
        ("portfolio_config", "gate_report", "meta_model", "best_strategy", "equity_curve"), EVERY
    ),
)
def production_config(
    here: Here,
    production_model: pl.DataFrame,
    portfolio_config: dict[str, pl.DataFrame],
    gate_report: dict[str, pl.DataFrame],
    meta_model: dict[str, pl.DataFrame],
    best_strategy: dict[str, pl.DataFrame],
    equity_curve: dict[str, pl.DataFrame],
) -> Made:
    """What the trader may trade: a row per tradable symbol with its size, and why that size.

    Size 0 means not traded. Names the exact `production_model` by content hash. An empty portfolio
    is a valid release: the trader starts, says why, and sends nothing.
    """
    release = _release(here, portfolio_config, gate_report, meta_model, best_strategy, equity_curve)
    config = release.production_config
    reasons = config.select("symbol", "size", "reason")
    return Made(config, notes={"release": config["release_id"][0], "why": reasons})


def _release(
    here: Here,
    portfolio_config: dict[str, pl.DataFrame],
    gate_report: dict[str, pl.DataFrame],
    meta_model: dict[str, pl.DataFrame],
    best_strategy: dict[str, pl.DataFrame],
    equity_curve: dict[str, pl.DataFrame],
) -> ReleaseTables:
    months = sorted(set(portfolio_config) & set(gate_report))
    if not months:
        raise MissingArtifact(
            "No month has both a portfolio and its gate report; materialize gate_report first."
        )
    if not equity_curve:
        raise MissingArtifact(
            "No tradable symbol has an equity curve, so there is nothing to release; run "
            "`rooney materialize --to equity_curve` and look at what it reports."
        )
    gates = gate_report[months[-1]]
    failed = gates.filter(~pl.col("passed"))["symbol"].unique().to_list()
    return build_release(
        rebalance_month=months[-1],
        members=portfolio_config[months[-1]].filter(~pl.col("symbol").is_in(failed)),
        reasons=_reasons(here, gates),
        meta_models={name: model_alone(one) for name, one in meta_model.items()},
        best_strategies=best_strategy,
        universe=here.universe,
        max_positions=int(gates["max_positions"][0]),
        data_through=max(one["session"].max() for one in equity_curve.values()),
    )


def _reasons(here: Here, gates: pl.DataFrame) -> dict[str, str]:
    """Why the selection left a symbol out, which gate stopped a chosen one, or why it is in."""
    selection = gates.filter(pl.col("gate") == "selection")
    reasons = dict(selection.select("symbol", "reason").iter_rows())
    chosen = selection.filter(pl.col("passed"))["symbol"].to_list()
    stopped = gates.filter(~pl.col("passed") & pl.col("symbol").is_in(chosen))
    told = stopped.group_by("symbol").agg(pl.col("reason").unique(maintain_order=True))
    reasons |= {symbol: "; ".join(texts) for symbol, texts in told.iter_rows()}
    return {symbol: reasons.get(symbol, "never evaluated") for symbol in here.universe.tradable}
