"""Turns declarations into Dagster assets: the only place where a body meets the orchestrator.

One step does, in this order: the memory test, the body, every check, and only then the write, so
that a table that fails a blocking check never becomes `current`. Check results travel in the same
step because a step of their own costs more than most of the checks.
"""

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from rooney_assets.automation import FRESHNESS, condition_of
from rooney_assets.config import launchpad_for, params_from
from rooney_assets.feedback.landing import try_to_land
from rooney_assets.graph.code_version import code_version
from rooney_assets.graph.columns import describe
from rooney_assets.graph.deadline import deadline
from rooney_assets.graph.declaration import (
    ASSETS,
    CHECKS,
    Asset,
    Check,
    Here,
    Made,
    Outcome,
    Partitioning,
    Reach,
    partition_keys,
    partition_of,
)
from rooney_assets.graph.inputs import load_inputs
from rooney_assets.graph.plan import JOURNAL_ROOT, Basis, basis_of, default_params, is_current
from rooney_assets.graph.sparkline import sparkline
from rooney_assets.halting import refusal_of_a_run
from rooney_assets.lake import ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_assets.provenance import git_commit
from rooney_assets.run_control import pool_of, step_seconds
from rooney_assets.settings import Settings
from rooney_assets.stages import rebalance_months
from rooney_core.errors import RefusedError, RooneyError
from rooney_core.market.instruments import Universe

FORCE_TAG = "rooney/force"

# Dagster resolves the types of this record at its first use, and keeps the local variables of
# whoever that is for ever: here there are none, in a step there is a whole table.
dg.TableSchema([dg.TableColumn("none")])
SAMPLE_ROWS = 20
"""Offending rows that the UI shows of a check; its numbers count all of them."""


def partitions_definition(
    partitioning: Partitioning, universe: Universe
) -> dg.PartitionsDefinition | None:
    """The Dagster partitions of a way to split, for this universe."""
    if partitioning.is_whole:
        return None
    if partitioning is Partitioning.MONTH:
        # Static, so that a portfolio for next month exists before the clock says so.
        return dg.StaticPartitionsDefinition(rebalance_months())
    some = next(one for one in ASSETS.values() if one.partitioning is partitioning)
    return dg.StaticPartitionsDefinition(list(partition_keys(some, universe)))


def to_dagster(
    asset: Asset, universe: Universe, mandate: Mandate, settings: Settings
) -> dg.AssetsDefinition:
    """One declaration as a Dagster asset with its checks; the launchpad begins at the mandate."""
    keys = {"lake", "bars", "progress", "duckdb"} | ({"mlflow"} if asset.uses_tracking else set())
    default = default_params(asset, mandate)
    launchpad = launchpad_for(default)

    @dg.asset(
        name=asset.name,
        description=asset.description,
        group_name=asset.group,
        owners=["team:research" if asset.group != "release" else "team:trading"],
        kinds=set(asset.kinds),
        code_version=code_version(asset.rooms),
        partitions_def=partitions_definition(asset.partitioning, universe),
        deps=[
            dg.AssetDep(
                one.asset, partition_mapping=_mapping(asset, one.reach, one.asset, universe)
            )
            for one in asset.inputs.values()
        ],
        check_specs=[
            dg.AssetCheckSpec(
                name=one.name, asset=asset.name, description=one.description, blocking=one.blocking
            )
            for one in CHECKS.get(asset.name, ())
        ],
        config_schema=launchpad.to_config_schema() if launchpad else None,
        required_resource_keys=keys,
        automation_condition=condition_of(asset, settings, universe),
        freshness_policy=FRESHNESS.get(asset.name),
        pool=pool_of(asset.name),
    )
    def body(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if asset.name == JOURNAL_ROOT:
            # First: whether there is anything new decides whether anything is made.
            try_to_land(settings.live_journal, context.resources.lake)
        params = default
        if launchpad is not None and default is not None:
            params = params_from(launchpad(**context.op_execution_context.op_config), default)
        yield from _run(asset, context, universe, params)

    return body


def _run(asset: Asset, context: Any, universe: Universe, params: BaseModel | None) -> Iterator[Any]:
    resources = context.resources
    key = context.partition_key if context.has_partition_key else None
    began = time.monotonic()
    resources.progress.began(asset.name, key)
    status = "failed"
    try:
        refused = refusal_of_a_run(context.run.tags, resources.lake)
        if refused is not None:
            raise RefusedError(refused)
        basis = basis_of(asset, key, universe, resources.bars, resources.lake, params)
        here = _here(asset, key, universe, params, context, basis)
        known = FORCE_TAG not in context.run.tags and is_current(asset, key, basis, here.lake)
        with deadline(step_seconds(asset.name), _label(asset.name, key)):
            made = _reuse(asset, here) if known else _make(asset, here)
        looking = replace(here, beside=made.beside)
        outcomes = [(one, _look(one, made.table, looking)) for one in CHECKS.get(asset.name, ())]
        yield from (_check_result(one, outcome, key) for one, outcome in outcomes)
        refused = [(one, out) for one, out in outcomes if one.blocking and not out.passed]
        if refused:
            raise RefusedByCheck(asset.name, key, refused)
        checks = {one.name: outcome.passed for one, outcome in outcomes}
        yield _materialize(asset, here, made, basis, checks, known, began)
        status = "reused" if known else "made"
    except RooneyError as error:
        resources.progress.failed(asset.name, key, str(error))
        raise dg.Failure(description=str(error), allow_retries=False) from error
    finally:
        resources.progress.ended(asset.name, key, status, time.monotonic() - began)
        # What a step has read through Arrow is not kept for the next one.
        pa.default_memory_pool().release_unused()


class RefusedByCheck(RefusedError):
    """A blocking check failed before the write; the lake keeps the version it had."""

    def __init__(self, asset: str, key: str | None, refused: list[tuple[Check, Outcome]]) -> None:
        where = _label(asset, key)
        why = "; ".join(f"{one.name}: {dict(outcome.facts)}" for one, outcome in refused)
        super().__init__(f"{where} was not written, because a blocking check failed: {why}")


def _label(asset: str, key: str | None) -> str:
    return asset if key is None else f"{asset}[{key}]"


def _here(
    asset: Asset,
    key: str | None,
    universe: Universe,
    params: BaseModel | None,
    context: Any,
    basis: Basis,
) -> Here:
    resources = context.resources
    return Here(
        asset=asset.name,
        partition=key,
        universe=universe,
        source=resources.bars,
        lake=resources.lake,
        params=params,
        run_id=context.run.run_id,
        code_version=basis.code_version,
        state_folder=resources.progress.state_folder,
        input_versions=basis.inputs,
        progress=lambda text: resources.progress.note(asset.name, key, text),
        milestone=lambda text: _tell_milestone(asset.name, key, text, context),
        tracking=resources.mlflow if asset.uses_tracking else None,
        duckdb=resources.duckdb,
    )


def _tell_milestone(name: str, key: str | None, text: str, context: Any) -> None:
    context.log.info(f"{name}[{key or ''}] {text}")
    context.resources.progress.milestone(name, key, text)


def _make(asset: Asset, here: Here) -> Made:
    made = asset.body(here, **load_inputs(asset, here))
    return made if isinstance(made, Made) else Made(made)


def _reuse(asset: Asset, here: Here) -> Made:
    partition = partition_of(asset, here.partition)
    table = here.lake.read(asset.name, partition)
    return Made(table, beside=here.lake.beside(asset.name, partition))


def _look(one: Check, table: pl.DataFrame, here: Here) -> Outcome:
    try:
        return one.look(table, here)
    except RooneyError as refused:
        return Outcome(False, {"reason": str(refused)})


def _materialize(
    asset: Asset,
    here: Here,
    made: Made,
    basis: Basis,
    checks: Mapping[str, bool],
    known: bool,
    began: float,
) -> dg.MaterializeResult:
    partition = partition_of(asset, here.partition)
    if known:
        version = here.lake.version(asset.name, partition)
    else:
        facts = ManifestFacts(
            run_id=here.run_id,
            code_version=basis.code_version,
            git_commit=git_commit(),
            inputs=dict(basis.inputs),
            config=dict(basis.config),
            extra={"checks": dict(checks)},
        )
        written = here.lake.write(
            asset.name, partition, made.table, facts, sealed=made.sealed, beside=made.beside
        )
        version = written.data_version
    announced = {} if known or made.announce is None else made.announce(version)
    notes = {**made.notes, **announced}
    metadata = {
        "dagster/row_count": made.table.height,
        "dagster/column_schema": _column_schema(made.table),
        "data_version": version,
        "reused": known,
        "inputs": dict(basis.inputs),
        "seconds": round(time.monotonic() - began, 3),
        **{name: _metadata_value(value) for name, value in notes.items()},
        **{name: _picture(drawn) for name, drawn in made.pictures.items()},
    }
    if asset.plots_column is not None and asset.plots_column in made.table.columns:
        metadata["sparkline"] = dg.MetadataValue.text(sparkline(made.table[asset.plots_column]))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(str(version)))


def _check_result(one: Check, outcome: Outcome, key: str | None) -> dg.AssetCheckResult:
    facts = {name: _metadata_value(value) for name, value in outcome.facts.items()}
    if outcome.sample is not None and not outcome.sample.is_empty():
        facts["sample"] = dg.MetadataValue.md(_markdown_table(outcome.sample.head(SAMPLE_ROWS)))
    if outcome.picture is not None:
        facts["plot"] = _picture(outcome.picture)
    return dg.AssetCheckResult(
        check_name=one.name,
        passed=bool(outcome.passed),
        severity=dg.AssetCheckSeverity[one.severity.name],
        metadata={"partition": key or "(whole table)", **facts},
    )


def _mapping(
    asset: Asset, reach: Reach, upstream_name: str, universe: Universe
) -> dg.PartitionMapping | None:
    upstream = ASSETS[upstream_name].partitioning
    if upstream.is_whole or (asset.partitioning is upstream and reach is Reach.SAME):
        return None
    if reach is Reach.REFERENCES:
        return dg.SpecificPartitionsPartitionMapping(list(universe.reference))
    if reach in (Reach.PEERS, Reach.INFORMING):
        informing = (*universe.tradable, *universe.reference)
        always = informing if reach is Reach.INFORMING else ()
        return dg.StaticPartitionMapping(_readers(asset, universe, always))
    if reach is Reach.EVERY:
        return dg.AllPartitionMapping()
    return dg.IdentityPartitionMapping()


def _readers(asset: Asset, universe: Universe, always: tuple[str, ...]) -> dict[str, list[str]]:
    """Each symbol that somebody reads, with those that do: all of `always`, or else its peers."""
    if always:
        return {symbol: list(partition_keys(asset, universe)) for symbol in always}
    readers: dict[str, list[str]] = {}
    for own in partition_keys(asset, universe):
        for peer in universe.peers_of(own):
            readers.setdefault(peer, []).append(own)
    return readers


def _column_schema(table: pl.DataFrame) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(name, type=str(dtype), description=describe(name))
            for name, dtype in table.schema.items()
        ]
    )


def _metadata_value(value: Any) -> Any:
    if isinstance(value, pl.DataFrame):
        return dg.MetadataValue.md(_markdown_table(value))
    if isinstance(value, Mapping):
        return dg.MetadataValue.json(dict(value))
    if isinstance(value, str):
        # Dagster writes no enum down, not even one of strings.
        return str(value)
    if isinstance(value, bool | int | float):
        return value
    return str(value)


def _markdown_table(table: pl.DataFrame) -> str:
    rows = [table.columns, ["---"] * table.width, *(map(_cell, row) for row in table.rows())]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def _picture(drawn: bytes | str) -> dg.MetadataValue:
    """PNG bytes or an SVG document."""
    data, kind = (drawn.encode(), "svg+xml") if isinstance(drawn, str) else (drawn, "png")
    # The web UI's markdown lets data URIs through as images, and its policy names no image source.
    return dg.MetadataValue.md(f"![](data:image/{kind};base64,{base64.b64encode(data).decode()})")
