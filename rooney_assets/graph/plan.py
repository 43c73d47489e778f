"""What of the graph is stale: the memory that lets a second run do no work twice.

Belongs here: which inputs a partition reads, the facts that decide its content, and whether the
lake already holds a table made from exactly these. Does not belong here: making it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rooney_assets.feedback.landing import landed
from rooney_assets.graph.code_version import code_version
from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Input,
    Partitioning,
    Reach,
    partition_keys,
    partition_of,
    upstream_closure,
)
from rooney_assets.graph.lineage import lineage_digest
from rooney_assets.lake import Lake
from rooney_assets.ledger import searches_on_record
from rooney_assets.mandate import Mandate
from rooney_assets.sources import BarSource
from rooney_assets.terms import OVERRIDABLE_ASSETS, overrides_as_config
from rooney_core.features.feeds import FeedNames
from rooney_core.market.instruments import Universe

# Where facts were read changes no result; where bars are is in the source's own fingerprint.
_NOT_CONTENT = {"sources", "fact_sources"}
# A session's bars are compared with the vendor's daily ones, which the source holds too.
_READS_WITNESSES = ("session_bars",)
EVIDENCE = "release_evidence"
JOURNAL_ROOT = "live_runs"
"""Reads the trader's journal, as the lake has it landed."""


__all__ = ["Basis", "basis_of", "default_params", "input_keys", "is_current", "upstream_closure"]


@dataclass(frozen=True)
class Basis:
    """Everything that decides a partition's content: code, inputs by version, configuration."""

    code_version: str
    inputs: Mapping[str, str]
    config: Mapping[str, Any]


def input_keys(
    own: Asset, one: Input, key: str | None, universe: Universe, lake: Lake
) -> list[str | None]:
    """The upstream partitions that a partition reads, in a stable order.

    REFERENCES, PEERS, INFORMING and EVERY name only what has been materialized: a symbol that is
    missing is unknown to the features (null), and to the rules that compare (no signal), which is
    no reason to stop every other symbol. Its own partition is always named.
    """
    upstream = ASSETS[one.asset]
    if upstream.partitioning.is_whole:
        return [None]
    if one.reach is Reach.SAME:
        return [key]
    made = set(lake.partitions(upstream.name))
    if upstream.partitioning is Partitioning.MONTH:
        return sorted(made)
    reached = _reached(one.reach, upstream, key, universe)
    own = key if one.reach is Reach.INFORMING else None
    return [symbol for symbol in reached if symbol in made or symbol == own]


def basis_of(
    asset: Asset,
    key: str | None,
    universe: Universe,
    source: BarSource,
    lake: Lake,
    params: BaseModel | None,
) -> Basis:
    """The basis a partition would be made on now. Raises MissingArtifact for an absent input."""
    inputs: dict[str, str] = {}
    for one in asset.inputs.values():
        for upstream_key in input_keys(asset, one, key, universe, lake):
            name = one.asset if upstream_key is None else f"{one.asset}[{upstream_key}]"
            inputs[name] = _version(lake, one.asset, upstream_key)
    config = _config(asset, key, universe, source, lake, params)
    if asset.name == EVIDENCE:
        # It tells of what is above its inputs, too, which may be made anew with the same content.
        config["lineage"] = lineage_digest(lake, inputs)
    return Basis(code_version(asset.rooms), inputs, config)


def is_current(asset: Asset, key: str | None, basis: Basis, lake: Lake) -> bool:
    """True when the lake holds this partition, made on exactly this basis."""
    return lake.is_current(
        asset.name,
        partition_of(asset, key),
        code_version=basis.code_version,
        inputs=basis.inputs,
        config=basis.config,
    )


def default_params(asset: Asset, mandate: Mandate) -> BaseModel | None:
    """The parameters an asset takes when the launchpad is left alone."""
    return mandate.params_of(asset.params) if asset.params is not None else None


def _reached(reach: Reach, upstream: Asset, key: str | None, universe: Universe) -> tuple[str, ...]:
    """The symbols whose partitions are wanted, whether they are there or not."""
    if reach is Reach.REFERENCES:
        return universe.reference
    if key is not None and reach is Reach.PEERS:
        return universe.peers_of(key)
    if reach is Reach.INFORMING:
        return (*universe.tradable, *universe.reference)
    return partition_keys(upstream, universe)


def _history(asset: Asset, key: str, lake: Lake) -> dict[str, Any]:
    """What an asset reads of the lake's past, beside its plain inputs."""
    if asset.name == "holdout_looks":
        return {"looks": lake.looks(key).height}
    if asset.name == "trial_ledger":
        return {"searches": searches_on_record(lake, key)}
    if asset.name == EVIDENCE:
        return {
            "looks": {one: lake.looks(one).height for one in lake.partitions("model_evaluation")}
        }
    if asset.name == "portfolio_config":
        before = [month for month in lake.partitions(asset.name) if month < key]
        months = {month: lake.version(asset.name, partition_of(asset, month)) for month in before}
        return {"month before": {key: months[key] for key in sorted(months)[-1:]}}
    return {}


def _version(lake: Lake, asset: str, key: str | None) -> str:
    upstream = ASSETS[asset]
    version = lake.version(asset, partition_of(upstream, key))
    if version is None:
        # read() words the refusal: what is missing, and the command that makes it.
        lake.read(asset, partition_of(upstream, key))
        raise AssertionError("read() must refuse a partition that has no version")
    return version


def _config(
    asset: Asset,
    key: str | None,
    universe: Universe,
    source: BarSource,
    lake: Lake,
    params: BaseModel | None,
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if params is not None:
        config["params"] = params.model_dump(mode="json")
    if asset.partitioning.column == "symbol" and key is not None:
        config["instrument"] = universe[key].model_dump(mode="json", exclude=_NOT_CONTENT)
    else:
        tradable = (universe[symbol] for symbol in universe.tradable)
        config["universe"] = {
            one.symbol: one.model_dump(mode="json", exclude=_NOT_CONTENT) for one in tradable
        }
    if key is not None and (not asset.inputs or asset.name in _READS_WITNESSES):
        config["source"] = source.fingerprint(universe[key])
    reaches = {one.reach for one in asset.inputs.values()}
    if reaches & {Reach.REFERENCES, Reach.INFORMING}:
        config["references"] = list(universe.reference)
    if key is not None and Reach.INFORMING in reaches:
        names = FeedNames.of(universe, key)
        config["informing"] = {"daily": list(names.daily), "hourly": list(names.hourly)}
    if key is not None and reaches & {Reach.PEERS, Reach.INFORMING}:
        config["peers"] = list(universe.peers_of(key))
    if key is not None:
        config |= _history(asset, key, lake)
    if asset.name == JOURNAL_ROOT:
        copy = landed(lake)
        config["journal"] = None if copy is None else copy.digest
    if asset.name in OVERRIDABLE_ASSETS:
        config["overrides"] = overrides_as_config(lake)
    return config
