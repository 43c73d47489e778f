"""Judges a release before anything trades on it: it is exactly what it claims to be, or refused.

Belongs here: verification of the two hand-off tables and the decision bundles they make. Does not
belong here: files (the trader's release store reads those), or the age of a release (a clock).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from pydantic import ValidationError

from rooney_core.backtest.costs import CostModel
from rooney_core.decision import DecisionBundle
from rooney_core.errors import InputError, ReleaseRejected, RooneyError
from rooney_core.features import FeedNames, feature_names
from rooney_core.lineage import content_version
from rooney_core.modeling import MetaModel
from rooney_core.release.config import (
    PRODUCTION_CONFIG_SCHEMA,
    RELEASE_COLUMNS,
    ProductionConfig,
    ReleaseRow,
    release_id,
)
from rooney_core.strategies import Variant, VariantParams, find_variant


@dataclass(frozen=True)
class Release:
    """A verified release: the config, and what `decide` needs for each traded symbol.

    `bundles` holds the traded symbols only, in order of priority; it is empty for an empty
    portfolio, which is a valid release.
    """

    config: ProductionConfig
    bundles: Mapping[str, DecisionBundle]

    @property
    def sizes(self) -> dict[str, int]:
        """Contracts per entry of every traded symbol, in order of priority."""
        return {row.symbol: row.size for row in self.config.traded}


def load_release(production_config: pl.DataFrame, production_model: pl.DataFrame) -> Release:
    """Verify both tables of a release and build its decision bundles.

    Raises ReleaseRejected, naming what is wrong: a column or type that is not in
    PRODUCTION_CONFIG_SCHEMA, rows of more than one release, a release_id or a
    production_model_version that the content does not have, a value out of range, a missing,
    second or surplus model, an unknown variant, parameters the variant refuses, peers or feeds
    that are missing or not of this release, a threshold or a feature list that differs between
    config, model and this code.
    """
    _check_schema(production_config)
    _check_one_release(production_config)
    try:
        config = ProductionConfig.from_frame(production_config)
    except (ValidationError, ValueError) as error:
        raise ReleaseRejected(
            f"production_config holds a value that is not allowed: {error}. "
            "Materialize production_config again."
        ) from None
    check_models_version(config.production_model_version, production_model)
    _check_models_match(config, production_model)
    bundles = {row.symbol: _bundle(row, config, production_model) for row in config.traded}
    return Release(config, bundles)


def check_models_version(expected: str, production_model: pl.DataFrame) -> None:
    """Raise ReleaseRejected unless the content of the table has the version that the config names.

    One changed bit in one threshold, tree or name is enough.
    """
    arrived = content_version(production_model)
    if arrived != expected:
        raise ReleaseRejected(
            f"production_model has the wrong hash: the config names {expected}, the content is "
            f"{arrived}. It was changed or damaged after the release; synchronize the lake again, "
            "or materialize production_model and production_config."
        )


def _check_schema(frame: pl.DataFrame) -> None:
    wanted = dict(PRODUCTION_CONFIG_SCHEMA)
    arrived = dict(frame.schema)
    if arrived == wanted and list(arrived) == list(wanted):
        return
    missing = [name for name in wanted if name not in arrived]
    surplus = [name for name in arrived if name not in wanted]
    other = [
        f"{name} is {arrived[name]} instead of {wanted[name]}"
        for name in wanted
        if name in arrived and arrived[name] != wanted[name]
    ]
    raise ReleaseRejected(
        "production_config has the wrong schema: "
        f"missing {missing or 'nothing'}, unknown {surplus or 'nothing'}, "
        f"{'; '.join(other) or 'no wrong type, but perhaps another order'}. "
        "Factory and trader must run the same version of Rooney."
    )


def _check_one_release(frame: pl.DataFrame) -> None:
    if frame.is_empty():
        raise ReleaseRejected(
            "production_config has no rows; even an empty portfolio has one per tradable symbol."
        )
    if frame.select(RELEASE_COLUMNS).unique().height != 1:
        raise ReleaseRejected("production_config mixes rows of more than one release.")
    claimed, actual = frame["release_id"][0], release_id(frame)
    if claimed != actual:
        raise ReleaseRejected(
            f"production_config has the wrong hash: it calls itself {claimed}, the content is "
            f"{actual}. It was changed after the release; materialize production_config again."
        )
    if frame["symbol"].n_unique() != frame.height:
        raise ReleaseRejected("production_config names a symbol twice.")


def _check_models_match(config: ProductionConfig, production_model: pl.DataFrame) -> None:
    if "symbol" not in production_model.columns:
        raise ReleaseRejected("production_model has the wrong schema: no column `symbol`.")
    arrived = sorted(production_model["symbol"].to_list())
    wanted = sorted(row.symbol for row in config.traded)
    if arrived != wanted:
        missing = sorted(set(wanted) - set(arrived))
        raise ReleaseRejected(
            f"production_model does not hold one model per traded symbol: missing model for "
            f"{missing or 'none'}, models arrived for {arrived}, wanted {wanted}."
        )


def _bundle(
    row: ReleaseRow, config: ProductionConfig, production_model: pl.DataFrame
) -> DecisionBundle:
    stored = production_model.filter(pl.col("symbol") == row.symbol)
    model = _model(row, stored)
    variant, params = _strategy(row)
    _check_features(row, model, feature_names(row.feed_names))
    return DecisionBundle(
        instrument=row.instrument,
        variant=variant,
        params=params,
        costs=_costs(row),
        model=model,
        threshold=model.threshold,
        feed_names=_feed_names(row, config),
        peer_symbols=_peers(row, variant, config),
    )


def _costs(row: ReleaseRow) -> CostModel:
    """The instrument's costs, by the hour where it has them, at the release's numbers."""
    return CostModel.of(row.instrument).model_copy(
        update={
            "commission_per_contract_usd": row.commission_per_contract_usd,
            "slippage_ticks": row.slippage_ticks,
        }
    )


def _peers(row: ReleaseRow, variant: Variant, config: ProductionConfig) -> tuple[str, ...]:
    """The row's peers. A variant without any would never trade, and nobody would know why."""
    unknown = sorted(set(row.peers) - {one.symbol for one in config.rows})
    if unknown or (variant.peers != "none") != bool(row.peers):
        raise ReleaseRejected(
            f"{row.symbol}: {variant.name} compares with {variant.peers}; the config names peers "
            f"{list(row.peers)}, of which {unknown or 'none'} are no symbols of this release. "
            "Materialize production_config again."
        )
    return row.peers


def _feed_names(row: ReleaseRow, config: ProductionConfig) -> FeedNames:
    """The row's feeds. One that nobody describes would never arrive: its features were unknown."""
    unknown = sorted(set(row.feed_names.symbols) - config.instruments.keys())
    if unknown or row.symbol in row.feed_names.symbols:
        raise ReleaseRejected(
            f"{row.symbol}: its features need bars of {', '.join(unknown) or 'its own symbol'}, "
            "which is no other symbol and no reference of this release. Materialize "
            "production_config again."
        )
    return row.feed_names


def _model(row: ReleaseRow, stored: pl.DataFrame) -> MetaModel:
    try:
        model = MetaModel.from_row(stored)
    except RooneyError as error:
        raise ReleaseRejected(f"{row.symbol}: its model cannot be rebuilt: {error}") from None
    if stored["model_version"][0] != row.model_version:
        raise ReleaseRejected(
            f"{row.symbol}: the config names model_version {row.model_version}, "
            f"production_model holds {stored['model_version'][0]}."
        )
    if model.threshold != row.threshold:
        raise ReleaseRejected(
            f"{row.symbol}: the config's threshold {row.threshold} is not the model's "
            f"{model.threshold}."
        )
    return model


def _strategy(row: ReleaseRow) -> tuple[Variant, VariantParams]:
    try:
        variant = find_variant(str(row.variant))
        return variant, variant.parse_params(row.params)
    except InputError as error:
        raise ReleaseRejected(f"{row.symbol}: its strategy is not one of ours: {error}") from None


def _check_features(row: ReleaseRow, model: MetaModel, computed: tuple[str, ...]) -> None:
    for whose, names in (("the config", row.features), ("the model", model.features)):
        if tuple(names or ()) != computed:
            raise ReleaseRejected(
                f"{row.symbol}: the feature list of {whose} is {list(names or ())}, this code "
                f"computes {list(computed)}. Train again with this version of Rooney."
            )
