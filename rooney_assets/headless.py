"""Runs the graph from the command line: plans each stage, then feeds worker processes with runs.

Belongs here: which partitions were asked for and which of them are stale. Does not belong here:
printing, the worker processes (`rooney_assets.pool`), or executing a run (`rooney_assets.worker`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.feedback.landing import try_to_land
from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Partitioning,
    Reach,
    offered_names,
    partition_keys,
)
from rooney_assets.graph.plan import (
    JOURNAL_ROOT,
    basis_of,
    default_params,
    is_current,
    upstream_closure,
)
from rooney_assets.lake import Lake
from rooney_assets.mandate import Mandate, load_mandate
from rooney_assets.pool import Listener, Report, Task, work
from rooney_assets.settings import Settings
from rooney_assets.sources import BarSource
from rooney_assets.stages import STAGES, rebalance_months
from rooney_core.errors import InvalidSetting, LakeError, MissingArtifact, NotEnoughData
from rooney_core.market.instruments import Universe


@dataclass(frozen=True)
class Request:
    """What the user asked for; None means everything, or the default.

    `only`: stages to run, by name, from what the lake holds of the others. `tags`: of each run,
    such as which automation asked for it.
    """

    symbols: tuple[str, ...] | None = None
    target: str | None = None
    month: str | None = None
    processes: int | None = None
    force: bool = False
    only: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def run(
    request: Request,
    settings: Settings,
    universe: Universe,
    source: BarSource,
    lake: Lake,
    tell: Listener,
) -> Report:
    """Materialize what was asked for; failures of one symbol do not stop the others.

    `tell` hears every event as a mapping (`event`, `asset`, `key`, ...). Raises InputError before
    anything runs for a wrong name, LakeError when the lake cannot be written.
    """
    _require_month(request.month)
    wanted = upstream_closure([request.target] if request.target else everything(universe))
    mandate = load_mandate(settings)
    lake.check_writable()
    _require_state(settings)
    report = Report()
    problem = try_to_land(settings.live_journal, lake) if JOURNAL_ROOT in wanted else None
    if problem is not None:
        # Research goes on with what was landed before.
        report.failures[JOURNAL_ROOT] = problem
    for stage in STAGES:
        names = [name for name in wanted if ASSETS[name].partitioning is stage.partitioning]
        if not names or (request.only is not None and stage.job not in request.only):
            continue
        keys = keys_to_run(stage.partitioning, request, names, universe, lake, wanted)
        tasks = []
        for key in keys:
            stale = _stale(names, key, request.force, universe, source, lake, mandate)
            report.current += len(names) - len(stale)
            if stale:
                tasks.append(Task(stage.job, key, tuple(stale), request.tags))
        tell({"event": "stage", "stage": stage.job, "tasks": len(tasks), "partitions": len(keys)})
        work(tasks, settings, report, tell, processes=request.processes, force=request.force)
    return report


def everything(universe: Universe) -> list[str]:
    """What is made when nothing is named: all but what takes long and nobody waits for."""
    on_demand = Partitioning.ON_DEMAND
    return [one for one in offered_names(universe) if ASSETS[one].partitioning is not on_demand]


def _require_month(month: str | None) -> None:
    if month is not None and month not in rebalance_months():
        first, *_, last = rebalance_months()
        raise InvalidSetting(
            f"--month {month!r} arrived; write YYYY-MM, from {first} to {last}, such as 2026-01."
        )


def _require_state(settings: Settings) -> None:
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.state):
            pass
    except OSError as error:
        raise InvalidSetting(
            f"The state folder {settings.state} cannot be written: {error}. ROONEY_STATE must name "
            "a folder that this user may write."
        ) from None


def keys_to_run(
    partitioning: Partitioning,
    request: Request,
    names: list[str],
    universe: Universe,
    lake: Lake,
    wanted: list[str],
) -> list[str | None]:
    """The partitions of a stage that were asked for. Raises as `next_month` for a month's."""
    if partitioning.is_whole:
        return [None]
    if partitioning is Partitioning.MONTH:
        return [request.month or next_month(lake, universe)]
    keys = partition_keys(ASSETS[names[0]], universe)
    if request.symbols is None:
        return [key for key in keys if key not in universe.watched]
    chosen = set(request.symbols)
    if partitioning is Partitioning.SYMBOL:
        chosen |= _read_beside(chosen, wanted, universe)
    return [key for key in keys if key in chosen]


def _read_beside(chosen: set[str], wanted: list[str], universe: Universe) -> set[str]:
    """Symbols whose bars research of the chosen ones reads too: what comes out shall not depend on
    which of them happen to be in the lake."""
    reaches = {one.reach for name in wanted for one in ASSETS[name].inputs.values()}
    researched = chosen & set(universe.tradable)
    if researched and Reach.INFORMING in reaches:
        return {*universe.tradable, *universe.reference}
    references = set(universe.reference) if Reach.REFERENCES in reaches else set()
    compared = researched if Reach.PEERS in reaches else set()
    return references.union(*(universe.peers_of(symbol) for symbol in compared))


def next_month(lake: Lake, universe: Universe) -> str:
    """The month after the newest session of any tradable symbol, as YYYY-MM: the next to trade.

    Older bars than the first partition are for that first one.
    """
    newest: list[date] = []
    for symbol in universe.tradable:
        if lake.version("session_bars", ("symbol", symbol)) is not None:
            newest.append(lake.read("session_bars", ("symbol", symbol))["session"].max())  # type: ignore[arg-type]
    if not newest:
        raise MissingArtifact(
            "No tradable symbol has bars, so no month can be rebalanced; "
            "run `rooney materialize --to session_bars` and look at what it reports."
        )
    after = (max(newest).replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
    first, *_, last = rebalance_months()
    return min(max(after, first), last)


def _stale(
    names: list[str],
    key: str | None,
    force: bool,
    universe: Universe,
    source: BarSource,
    lake: Lake,
    mandate: Mandate,
) -> list[str]:
    """The assets to run: each that is not current, and whatever reads one of those."""
    stale: list[str] = []
    for name in names:
        asset = ASSETS[name]
        behind = any(one.asset in stale for one in asset.inputs.values())
        if force or behind or not _known(asset, key, universe, source, lake, mandate):
            stale.append(name)
    return stale


def _known(
    asset: Asset,
    key: str | None,
    universe: Universe,
    source: BarSource,
    lake: Lake,
    mandate: Mandate,
) -> bool:
    try:
        basis = basis_of(asset, key, universe, source, lake, default_params(asset, mandate))
        return is_current(asset, key, basis, lake)
    except (MissingArtifact, LakeError, InvalidSetting, NotEnoughData):
        # An input that is missing or unreadable: running it tells the reason, with its lineage.
        return False
