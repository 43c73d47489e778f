"""Builds a release: the two tables that are all the trader ever sees of the factory.

Belongs here: putting chosen symbols, strategies and models into the hand-off tables. Does not
belong here: choosing them, reading or writing the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from rooney_core.errors import MissingArtifact
from rooney_core.features import FeedNames
from rooney_core.lineage import content_version
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.modeling import META_MODEL_SCHEMA
from rooney_core.release.config import ProductionConfig, ReleaseRow
from rooney_core.release.terms import ReleaseTerms
from rooney_core.strategies import find_variant


class ReleaseTables(NamedTuple):
    """What build_release returns: both tables of one release, ready for the lake."""

    production_config: pl.DataFrame
    production_model: pl.DataFrame


def build_release(
    *,
    rebalance_month: str,
    members: pl.DataFrame,
    reasons: Mapping[str, str],
    meta_models: Mapping[str, pl.DataFrame],
    best_strategies: Mapping[str, pl.DataFrame],
    universe: Universe,
    max_positions: int,
    data_through: date,
    terms: ReleaseTerms,
) -> ReleaseTables:
    """Put one month's portfolio into the production_config and production_model tables.

    rebalance_month: `2026-01`. members: frame with symbol (String) and size (Int64, contracts), in
    order of priority; rows of size 0 count as not traded; empty is a valid portfolio. reasons: why
    each tradable symbol is in or out. meta_models: symbol -> its one-row meta_model frame; needed
    for members, others are ignored. best_strategies: symbol -> one-row frame with variant and
    params (JSON); needed for members, shown for others. universe: the instruments of the source in
    use. max_positions: positions open at once, over all symbols. data_through: last session
    (inclusive) of the bars behind the decision. terms: for how long, under what.

    production_model holds the members' meta_model rows in order of priority; with no member it is
    the empty table of META_MODEL_SCHEMA.

    Raises MissingArtifact for a member without a model or a strategy, or a symbol without reason,
    UnknownName for a member that the universe does not trade.
    """
    sizes = {
        symbol: size
        for symbol, size in members.select("symbol", "size").iter_rows()
        if size is not None and size > 0
    }
    models = _production_model(tuple(sizes), meta_models)
    ordered = [*sizes, *(symbol for symbol in universe.tradable if symbol not in sizes)]
    rows = tuple(
        _row(
            universe[symbol],
            sizes.get(symbol, 0),
            _reason(symbol, reasons),
            best_strategies.get(symbol),
            meta_models[symbol] if symbol in sizes else None,
            universe,
        )
        for symbol in ordered
    )
    config = ProductionConfig(
        release_id="",
        rebalance_month=rebalance_month,
        production_model_version=content_version(models),
        max_positions=max_positions,
        reference_symbols=universe.reference,
        reference_instruments=tuple(universe[symbol] for symbol in universe.reference),
        data_through=data_through,
        is_simulated=any(universe[symbol].is_simulated for symbol in universe.tradable),
        rows=rows,
        **dict(terms),
    )
    return ReleaseTables(config.named().to_frame(), models)


def _production_model(
    symbols: tuple[str, ...], meta_models: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    missing = [symbol for symbol in symbols if symbol not in meta_models]
    if missing:
        raise MissingArtifact(
            f"The portfolio holds {', '.join(missing)} without a trained model; "
            "materialize meta_model for it first."
        )
    if symbols:
        return pl.concat([meta_models[symbol] for symbol in symbols])
    return pl.DataFrame(schema=META_MODEL_SCHEMA)


def _reason(symbol: str, reasons: Mapping[str, str]) -> str:
    if not reasons.get(symbol):
        raise MissingArtifact(
            f"No reason says why {symbol} is in or out of the portfolio; "
            f"reasons arrived for: {', '.join(sorted(reasons)) or '(none)'}."
        )
    return reasons[symbol]


def _row(
    instrument: Instrument,
    size: int,
    reason: str,
    best_strategy: pl.DataFrame | None,
    meta_model: pl.DataFrame | None,
    universe: Universe,
) -> ReleaseRow:
    if size > 0 and best_strategy is None:
        raise MissingArtifact(
            f"The portfolio holds {instrument.symbol} without a strategy; "
            "materialize best_strategy for it first."
        )
    strategy = {} if best_strategy is None else best_strategy.row(0, named=True)
    model = {} if meta_model is None else meta_model.row(0, named=True)
    feeds = FeedNames.of(universe, instrument.symbol)
    return ReleaseRow(
        symbol=instrument.symbol,
        size=size,
        reason=reason,
        variant=strategy.get("variant"),
        params=strategy.get("params"),
        model_version=model.get("model_version"),
        threshold=model.get("threshold"),
        features=model.get("features"),
        peers=_peers(strategy.get("variant"), instrument, universe),
        daily_symbols=feeds.daily,
        hourly_symbols=feeds.hourly,
        partner=feeds.partner,
        commission_per_contract_usd=instrument.commission_per_contract_usd,
        slippage_ticks=instrument.slippage_ticks,
        instrument=instrument,
    )


def _peers(variant: str | None, instrument: Instrument, universe: Universe) -> tuple[str, ...]:
    """Whose sessions the variant compares with: what its backtest was handed, if it looks at it."""
    if variant is None or find_variant(variant).peers == "none":
        return ()
    others = universe.peers_of(instrument.symbol)
    if find_variant(variant).peers == "partner":
        return tuple(symbol for symbol in others if symbol == instrument.partner)
    return others
