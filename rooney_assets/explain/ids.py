"""What an id names: a table, a release, a model, a symbol, a run, a decision or an order.

Belongs here: finding exactly one thing, or saying what could have been meant. Does not belong here:
the steps behind it (`steps`).

How ids look:

    strategy_ranking[SIM_ES]     a table as it is now; SIM_ES/strategy_ranking is the same
    strategy_ranking[SIM_ES]@8f2 a version of it, by how that begins
    8f2a01...                    a data version, a release, a model or a run, by how it begins
    SIM_ES                       everything that the lake holds of a symbol now
    SIM_ES:ibs_filtered          a variant's result
    SIM_ES:1767106800000000      a decision, by the end of its bar; ISO time will do
    SIM_ES:1767106800000000:enter   an order of it, and its fills; `:exit:flatten` and the like too
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import polars as pl

from rooney_assets.explain import journals
from rooney_assets.explain.first_facts import symbol_facts, table_facts
from rooney_assets.explain.steps import label_of, partition_in
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.lake import Lake, layout, promotions
from rooney_core.errors import InvalidSetting, MissingArtifact, UnknownName
from rooney_core.strategies import VARIANTS

MODEL, RELEASE, CANDIDATE = "meta_model", "production_config", "release_candidate"
RANKING: Final = "strategy_ranking"
FEWEST: Final = 4
"""Characters of the beginning of a version; fewer would name half of the lake."""
MOST_SUGGESTED: Final = 8
_BEGINS: Final = re.compile(r"[0-9a-f]{4,32}|[0-9a-f]{8}-[0-9a-f-]{0,27}")
_TABLE: Final = re.compile(
    r"(?P<asset>[a-z][a-z0-9_]*)(?:[\[/](?P<key>[^\]/@]+)\]?)?(?:@(?P<at>\w+))?"
)
_TURNED: Final = re.compile(
    r"(?P<key>[A-Z0-9][A-Za-z0-9_.-]*)/(?P<asset>[a-z][a-z0-9_]*)(?:@(?P<at>\w+))?"
)


class Kind(StrEnum):
    """What was found."""

    TABLE = "table"
    RELEASE = "release"
    CANDIDATE = "release candidate"
    MODEL = "model"
    RESULT = "result"
    SYMBOL = "symbol"
    RUN = "run"
    DECISION = "decision"
    ORDER = "order"


@dataclass(frozen=True)
class Found:
    """One thing. `inputs`: where its lineage begins, label to data version. `facts`: what is told
    first. `notes`: what the reader must know of the answer."""

    kind: Kind
    id: str
    inputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Where:
    """Where ids are looked up: the lake, its symbols, and the trader's journals.

    `journals` are looked through first; the lake's own tables of the trader after them.
    """

    lake: Lake
    symbols: tuple[str, ...]
    journals: tuple[Path, ...] = ()


def find(where: Where, asked: str) -> Found:
    """The one thing that `asked` names.

    Raises UnknownName with suggestions for nothing, InvalidSetting with the ids to choose from when
    several things are named so.
    """
    text = asked.strip()
    moment = journals.parse(text)
    if moment is not None:
        # Imported here: a moment leads to a release, and this module finds it.
        from rooney_assets.explain.moments import found_moment

        return found_moment(where, moment)
    for attempt in (_symbol, _result, _table, _by_version):
        found = attempt(where, text)
        if found is not None:
            return found
    raise _unknown(where, text)


def _symbol(where: Where, text: str) -> Found | None:
    symbol = spelt(where, text)
    if symbol is None:
        return None
    inputs = {
        label_of(name, symbol): version
        for name in ASSETS
        if ASSETS[name].partitioning.column == "symbol"
        and (version := where.lake.version(name, ("symbol", symbol))) is not None
    }
    if not inputs:
        raise MissingArtifact(
            f"The lake at {where.lake.root} holds nothing of {symbol}. Run `rooney materialize "
            f"--symbols {symbol}` to make it."
        )
    is_other = symbol != text.upper()
    notes = (f"{text.upper()} is simulated here: {symbol}",) if is_other else ()
    return Found(Kind.SYMBOL, symbol, inputs, symbol_facts(where.lake, symbol, inputs), notes)


def spelt(where: Where, text: str) -> str | None:
    """The universe's spelling of a symbol; ES stands for SIM_ES where that is simulated."""
    wanted = text.upper()
    return next((one for one in (wanted, f"SIM_{wanted}") if one in where.symbols), None)


def _result(where: Where, text: str) -> Found | None:
    """A variant of a symbol: its row in the ranking, and the search behind it."""
    named, colon, variant = text.partition(":")
    if not colon:
        return None
    symbol = spelt(where, named)
    if symbol is None:
        raise UnknownName.among("symbol", named, where.symbols)
    if variant not in VARIANTS:
        raise UnknownName.among("variant (or time, or order)", variant, VARIANTS)
    partition = ("symbol", symbol)
    table, version = where.lake.read_versioned(RANKING, partition)
    rows = table.filter(pl.col("variant") == variant)
    if rows.is_empty():
        raise UnknownName.among(f"variant in {RANKING}[{symbol}]", variant, table["variant"])
    return Found(
        Kind.RESULT,
        f"{symbol}:{variant}",
        {label_of(RANKING, symbol): version},
        rows.row(0, named=True),
    )


def _table(where: Where, text: str) -> Found | None:
    found = _TURNED.fullmatch(text) or _TABLE.fullmatch(text)
    if found is None or found["asset"] not in {*ASSETS, *where.lake.assets()}:
        return None
    asset, key, begins = found["asset"], found["key"], found["at"]
    keys = where.lake.partitions(asset)
    if key is None and keys:
        raise InvalidSetting(
            f"{asset} has {len(keys)} partitions; name one: "
            f"{', '.join(label_of(asset, one) for one in keys[:MOST_SUGGESTED])}."
        )
    if key is not None and key not in keys:
        key = spelt(where, key) or key
        if key not in keys:
            raise UnknownName.among(f"partition of {asset} in the lake", key, keys)
    label = label_of(asset, key)
    partition = partition_in(where.lake, label)
    if begins is not None:
        return _of_version(where, label, _one_version(where, label, begins))
    # Without any, reading words the refusal.
    version = where.lake.version(asset, partition) or where.lake.read_versioned(asset, partition)[1]
    return _of_version(where, label, version)


def _one_version(where: Where, label: str, begins: str) -> str:
    known = [version for one, version in _versions(where.lake) if one == label]
    fitting = [one for one in known if one.startswith(begins)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnknownName.among(f"version of {label}", begins, known)
    raise InvalidSetting(f"{label}@{begins} begins {', '.join(fitting)}; write more of it.")


def _by_version(where: Where, text: str) -> Found | None:
    """Whatever has this id, or one that begins so."""
    if _BEGINS.fullmatch(text.lower()) is None:
        return None
    begins = text.lower()
    hits = _hits(where.lake, begins)
    if not hits:
        return None
    whole = [one for one in hits if one.id == begins] or hits
    if len(whole) > 1:
        told = ", ".join(_named(one) for one in whole[:MOST_SUGGESTED])
        more = f" and {len(whole) - MOST_SUGGESTED} more" if len(whole) > MOST_SUGGESTED else ""
        raise InvalidSetting(
            f"{text!r} names {len(whole)} things: {told}{more}. Write one of them."
        )
    return whole[0]


def _named(one: Found) -> str:
    """How to ask for exactly this."""
    if one.kind is Kind.TABLE:
        (label, version) = next(iter(one.inputs.items()))
        return f"{label}@{version}"
    return f"{one.id} ({one.kind})"


def _hits(lake: Lake, begins: str) -> list[Found]:
    """Everything whose id begins so: releases before candidates, then models, tables, runs."""
    found: list[Found] = []
    for hit in (*releases_of(lake, begins), *_models(lake, begins)):
        # A release and its candidate have one id; so has a model that was trained again.
        if hit.id not in {one.id for one in found}:
            found.append(hit)
    seen = {pair for one in found for pair in one.inputs.items()}
    for label, version in _versions(lake):
        if version.startswith(begins) and (label, version) not in seen:
            found.append(_of_version(Where(lake, ()), label, version))
    return [*found, *_runs(lake, begins)]


def _releases(lake: Lake, begins: str, asset: str, kind: Kind) -> Iterator[Found]:
    """Newest first: of an id that was written twice, the newest version is meant."""
    for label, folder in _folders(lake, asset):
        for manifest in reversed(lake.versions(asset, folder.partition)):
            version = manifest.data_version
            rows = lake.read(asset, folder.partition, version=version)
            if str(rows["release_id"][0]).startswith(begins):
                yield _release(lake, kind, label, version, rows)


def _release(lake: Lake, kind: Kind, label: str, version: str, rows: pl.DataFrame) -> Found:
    row = rows.row(0, named=True)
    told = (
        *("rebalance_month", "data_through", "approved_until", "is_simulated", "max_positions"),
        *("production_model_version", "mandate_version", "evidence_version"),
    )
    facts = {name: row[name] for name in told if row.get(name) is not None}
    traded = rows.filter(pl.col("size") > 0)
    sizes = dict(traded.select("symbol", "size").iter_rows())
    models = dict(traded.select("symbol", "model_version").iter_rows())
    facts |= {"sizes": sizes, "models": models, "data_version": version}
    facts["log"] = _log_of(lake, str(row["release_id"]))
    return Found(kind, str(row["release_id"]), {label: version}, facts)


def _log_of(lake: Lake, release_id: str) -> list[dict[str, Any]]:
    """What was decided about a release, and by whom: entries of the promotion log."""
    log = promotions.read(lake)
    ids = ("release_id", "earlier_release_id")
    own = log.filter(pl.any_horizontal(pl.col(name) == release_id for name in ids))
    told = ("recorded_at", "event", "who", "reason", *ids)
    return own.select(told).to_dicts()


def _models(lake: Lake, begins: str) -> Iterator[Found]:
    for label, folder in _folders(lake, MODEL):
        for manifest in reversed(lake.versions(MODEL, folder.partition)):
            version = manifest.data_version
            rows = lake.read(MODEL, folder.partition, version=version)
            if str(rows["model_version"][0]).startswith(begins):
                yield _model(lake, label, version, rows)


def _model(lake: Lake, label: str, version: str, rows: pl.DataFrame) -> Found:
    row = rows.row(0, named=True)
    told = ("symbol", "threshold", "n_trials", "cpcv_sharpe_mean", "windows", "hyperparameters")
    facts = {name: row[name] for name in told if name in row} | {"data_version": version}
    facts["released_in"] = _releases_with(lake, str(row["model_version"]))
    return Found(Kind.MODEL, str(row["model_version"]), {label: version}, facts)


def _releases_with(lake: Lake, model_version: str) -> list[str]:
    """Releases that trade by a model, the oldest first."""
    found = []
    for manifest in lake.versions(RELEASE, None):
        rows = lake.read(RELEASE, None, version=manifest.data_version)
        is_traded = (pl.col("size") > 0) & (pl.col("model_version") == model_version)
        if not rows.filter(is_traded).is_empty():
            found.append(str(rows["release_id"][0]))
    return list(dict.fromkeys(found))


def _of_version(where: Where, label: str, version: str) -> Found:
    """A version of a table; of a release or a model, what it is."""
    asset, _, _ = label.partition("[")
    partition = partition_in(where.lake, label)
    kinds = {RELEASE: Kind.RELEASE, CANDIDATE: Kind.CANDIDATE}
    if asset in kinds:
        rows = where.lake.read(asset, partition, version=version)
        return _release(where.lake, kinds[asset], label, version, rows)
    if asset == MODEL:
        return _model(
            where.lake, label, version, where.lake.read(asset, partition, version=version)
        )
    return Found(Kind.TABLE, version, {label: version}, table_facts(where.lake, label, version))


def _runs(lake: Lake, begins: str) -> list[Found]:
    """Dagster's runs by what their manifests say; a run that made nothing is not known."""
    made: dict[str, dict[str, str]] = {}
    for asset in lake.assets():
        for label, folder in _folders(lake, asset):
            for manifest in lake.versions(asset, folder.partition):
                if manifest.run_id.startswith(begins):
                    made.setdefault(manifest.run_id, {})[label] = manifest.data_version
    return [Found(Kind.RUN, run, inputs, {"made": len(inputs)}) for run, inputs in made.items()]


def _folders(lake: Lake, asset: str) -> Iterator[tuple[str, layout.Folder]]:
    for folder in layout.folders(lake.root, asset):
        yield folder.label, folder


def _versions(lake: Lake) -> Iterator[tuple[str, str]]:
    """Label and data version of everything in the lake, by the names of files alone."""
    for asset in lake.assets():
        for label, folder in _folders(lake, asset):
            for path in sorted(folder.versions.glob("*.json")):
                yield label, path.stem


def releases_of(lake: Lake, begins: str) -> list[Found]:
    """Releases, then candidates, whose id begins so; the newest first."""
    return [
        *_releases(lake, begins, RELEASE, Kind.RELEASE),
        *_releases(lake, begins, CANDIDATE, Kind.CANDIDATE),
    ]


def _unknown(where: Where, text: str) -> UnknownName:
    near = difflib.get_close_matches(text, _names(where), n=3, cutoff=0.5)
    near = near or _begun_alike(where.lake, text.lower())
    hint = f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
    fewest = f" At least {FEWEST} characters of a version are needed." if len(text) < FEWEST else ""
    return UnknownName(
        f"Unknown id {text!r}.{hint}{fewest} An id is a table (strategy_ranking[SIM_ES], "
        "production_config), a data version, release, model or run by how it begins, a symbol, "
        "a variant (SIM_ES:ibs_filtered), a decision (SIM_ES:2025-12-30T15:00) or an order "
        "(SIM_ES:BAR_END_US:enter). `rooney status` and `rooney releases` list them."
    )


def _begun_alike(lake: Lake, text: str) -> list[str]:
    """Versions that share the longest beginning with what looks like one, as they are asked for."""
    if not _BEGINS.fullmatch(text):
        return []
    for length in range(len(text) - 1, 1, -1):
        alike = [one for one in _versions(lake) if one[1].startswith(text[:length])]
        if alike:
            return [f"{label}@{version}" for label, version in alike[:3]]
    return []


def _names(where: Where) -> Iterable[str]:
    yield from where.symbols
    for asset in where.lake.assets():
        yield asset
        yield from (label for label, folder in _folders(where.lake, asset) if folder.partition)
