"""Makes a result anew from its recorded inputs, in a scratch lake, and compares content hashes.

Belongs here: one step after the other, each from the versions that its manifest names, until one
comes out otherwise. Does not belong here: the scratch lake (`workbench`), or printing.

A step is made from what is recorded, and not from what came out before it: so a step that comes out
otherwise is the first that does, and says nothing about the ones after it. The code is the running
one; where a step's code is not what made it, that is said.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import polars as pl
from pydantic import BaseModel, ValidationError

from rooney_assets.explain.steps import BARS, Step, steps_of
from rooney_assets.explain.workbench import scratch_for
from rooney_assets.graph.code_version import code_version
from rooney_assets.graph.declaration import ASSETS, Asset, Here, Made, Partitioning, Reach
from rooney_assets.lake import Lake
from rooney_assets.lake.manifest import plain_json
from rooney_assets.sources import BarSource
from rooney_core.errors import InvalidSetting, RefusedError, RooneyError
from rooney_core.lineage import Stamp, content_version
from rooney_core.market.instruments import Universe

PREFIX: Final = "reproduce-"
LEFT_BEHIND: Final = timedelta(days=1)
NOT_A_FACT: Final = ("sources", "fact_sources")
"""Fields of an instrument that its manifests do not record, as no result hangs on them."""


class Sameness(StrEnum):
    """What became of a step."""

    SAME = "same"  # the very content, to the last bit
    OTHER = "other"  # another content: here it diverges
    REFUSED = "refused"  # it could not be made: here it ends
    GONE = "gone"  # the lake does not have it, or what it was made of, any more
    GIVEN = "given"  # a record of what happened once: taken as it is


STOPS: Final = frozenset({Sameness.OTHER, Sameness.REFUSED, Sameness.GONE})


@dataclass(frozen=True)
class Redone:
    """One step, made anew. `remade`: the version that came out; None where nothing did."""

    step: Step
    sameness: Sameness
    remade: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """With what steps are made anew. `state`: a folder for temporary files."""

    lake: Lake
    universe: Universe
    source: BarSource
    state: Path


def reproduce(
    bench: Bench,
    inputs: Mapping[str, str],
    *,
    is_shallow: bool = False,
    goes_on: bool = False,
    tell: Callable[[Step, str], None] = lambda step, text: None,
) -> Iterator[Redone]:
    """Make each step behind `inputs` anew, from the bars on; ends with the first that diverges.

    `is_shallow`: only `inputs` themselves, from the versions that they were made of. `goes_on`:
    past what diverges, to see what else does. Nothing is written into the lake.
    """
    steps = steps_of(bench.lake, inputs)
    wanted = [one for one in steps if not is_shallow or inputs.get(one.label) == one.version]
    bench.state.mkdir(parents=True, exist_ok=True)
    _sweep(bench.state)
    for step in wanted:
        redone = _redo(step, bench, lambda text, step=step: tell(step, text))
        yield redone
        if redone.sameness in STOPS and not goes_on:
            return


def _sweep(state: Path) -> None:
    """Remove scratch lakes that a killed process left a day ago or longer."""
    before = time.time() - LEFT_BEHIND.total_seconds()
    for path in state.glob(f"{PREFIX}*"):
        if path.stat().st_mtime < before:
            shutil.rmtree(path, ignore_errors=True)


def _redo(step: Step, bench: Bench, tell: Callable[[str], None]) -> Redone:
    if step.manifest is None:
        return Redone(step, Sameness.GONE, None, ("the lake does not have it any more",))
    if step.asset not in ASSETS or ASSETS[step.asset].partitioning is Partitioning.JOURNAL:
        return Redone(step, Sameness.GIVEN, None, ("a record: what happened is not computed",))
    gone = [label for label, version in step.inputs.items() if not _is_there(bench, label, version)]
    if gone:
        told = f"it was made of {', '.join(gone)}, which the lake does not have any more"
        return Redone(step, Sameness.GONE, None, (told,))
    notes = list(_code_notes(step))
    try:
        with tempfile.TemporaryDirectory(dir=bench.state, prefix=PREFIX) as folder:
            made, here = _make(step, bench, Path(folder), notes, tell)
            return _compared(step, made, here, bench, notes)
    except (RooneyError, ValidationError) as error:
        return Redone(step, Sameness.REFUSED, None, (*notes, str(error)))


def _is_there(bench: Bench, label: str, version: str) -> bool:
    from rooney_assets.explain.steps import partition_in
    from rooney_assets.lake.layout import Folder

    folder = Folder(bench.lake.root, label.partition("[")[0], partition_in(bench.lake, label))
    return folder.version_file(version).is_file()


def _code_notes(step: Step) -> Iterator[str]:
    assert step.manifest is not None
    now = code_version(ASSETS[step.asset].rooms)
    if now != step.manifest.code_version:
        commit = step.manifest.git_commit[:10]
        yield f"code {step.manifest.code_version} of commit {commit} made it; {now} runs now"


def _make(
    step: Step, bench: Bench, folder: Path, notes: list[str], tell: Callable[[str], None]
) -> tuple[Made, Here]:
    assert step.manifest is not None
    asset, config = ASSETS[step.asset], step.manifest.config
    scratch = scratch_for(step, steps_of(bench.lake, step.inputs), bench.lake, folder / "lake")
    universe = _universe_of(config, bench.universe, notes)
    _compare_source(step, bench, universe, notes)
    here = Here(
        asset=step.asset,
        partition=step.key,
        universe=universe,
        source=bench.source,
        lake=scratch,
        params=_params_of(asset, config),
        run_id="reproduce",
        code_version=code_version(asset.rooms),
        state_folder=folder / "state",
        input_versions=dict(step.inputs),
        progress=tell,
        milestone=tell,
    )
    answer = asset.body(here, **_tables(asset, step, bench.lake))
    return (answer if isinstance(answer, Made) else Made(answer)), here


def _params_of(asset: Asset, config: Mapping[str, Any]) -> BaseModel | None:
    """The parameters that are recorded. Raises ValidationError for those of another code."""
    if asset.params is None or "params" not in config:
        return None
    return asset.params.model_validate(config["params"])


def _tables(asset: Asset, step: Step, lake: Lake) -> dict[str, Any]:
    """What the body is handed: the recorded versions, by argument, in the recorded order."""
    handed: dict[str, Any] = {}
    for name, one in asset.inputs.items():
        named = {
            label: version
            for label, version in step.inputs.items()
            if label.partition("[")[0] == one.asset
        }
        tables = {_key(label): _read(lake, label, version) for label, version in named.items()}
        is_one = one.reach is Reach.SAME or ASSETS[one.asset].partitioning.is_whole
        if is_one and not tables:
            raise RefusedError(f"the running code reads {one.asset}, which it was not made of")
        handed[name] = next(iter(tables.values())) if is_one else tables
    return handed


def _read(lake: Lake, label: str, version: str) -> pl.DataFrame:
    from rooney_assets.explain.steps import partition_in

    asset, _, _ = label.partition("[")
    return lake.read(asset, partition_in(lake, label), version=version, verify=True)


def _key(label: str) -> str:
    return label.partition("[")[2].removesuffix("]")


def _universe_of(config: Mapping[str, Any], now: Universe, notes: list[str]) -> Universe:
    """The universe with the facts that are recorded; what differs from now is noted.

    Raises InvalidSetting for a symbol that the universe file does not have any more.
    """
    recorded: dict[str, Any] = dict(config.get("universe", {}))
    if "instrument" in config:
        recorded[config["instrument"]["symbol"]] = config["instrument"]
    instruments = []
    for one in now.instruments:
        facts = recorded.pop(one.symbol, None)
        present = one.model_dump(mode="json", exclude=set(NOT_A_FACT))
        if facts is None or facts == plain_json(present):
            instruments.append(one)
            continue
        names = sorted(name for name in facts if facts[name] != present.get(name))
        notes.append(f"universe.yaml says another {', '.join(names)} of {one.symbol} now")
        kept = one.model_dump(mode="json", include=set(NOT_A_FACT))
        instruments.append(type(one).model_validate(kept | facts))
    if recorded:
        raise InvalidSetting(
            f"{', '.join(recorded)} was in the universe then and is not now; ROONEY_UNIVERSE must "
            "name a file that has it."
        )
    return Universe(instruments=tuple(instruments))


def _compare_source(step: Step, bench: Bench, universe: Universe, notes: list[str]) -> None:
    assert step.manifest is not None
    recorded = step.manifest.config.get("source")
    if recorded is not None and recorded != bench.source.fingerprint(universe[str(step.key)]):
        notes.append(f"the source ({bench.source.name}) is not what was read then")


def _compared(step: Step, made: Made, here: Here, bench: Bench, notes: list[str]) -> Redone:
    assert step.manifest is not None
    table = made.table
    if step.asset == BARS:
        table = _up_to(table, step, bench, notes)
    version = Stamp.of(table, made.sealed).data_version
    other = [
        name
        for name, content in step.manifest.beside.items()
        if name not in made.beside or content_version(made.beside[name]) != content
    ]
    if other:
        notes.append(f"what is kept beside it came out otherwise: {', '.join(other)}")
    if version == step.version:
        damage = _damage(step, bench)
        sameness = Sameness.OTHER if damage else Sameness.SAME
        return Redone(step, sameness, version, (*notes, *damage))
    notes += differences(_read(bench.lake, step.label, step.version), table)
    return Redone(step, Sameness.OTHER, version, tuple(notes))


def _damage(step: Step, bench: Bench) -> tuple[str, ...]:
    """Why the lake's own file of a version cannot be read; nothing where it can."""
    try:
        _read(bench.lake, step.label, step.version)
    except RooneyError as error:
        return (f"it comes out as recorded, and the lake's file of it does not: {error}",)
    return ()


def _up_to(table: pl.DataFrame, step: Step, bench: Bench, notes: list[str]) -> pl.DataFrame:
    """The source's bars as far as the recorded ones go: a source that grew is no other source."""
    recorded = _read(bench.lake, step.label, step.version)
    if recorded.is_empty():
        return table
    kept = table.filter(pl.col("bar_start") <= recorded["bar_start"].max())
    if kept.height < table.height:
        notes.append(f"the source has {table.height - kept.height} newer bars, left aside")
    return kept


def differences(recorded: pl.DataFrame, remade: pl.DataFrame) -> list[str]:
    """In which way two tables differ, in words; no value of them is told."""
    missing = [name for name in recorded.columns if name not in remade.columns]
    surplus = [name for name in remade.columns if name not in recorded.columns]
    told = [f"no column {', '.join(missing)}"] if missing else []
    told += [f"new columns {', '.join(surplus)}"] if surplus else []
    if recorded.height != remade.height:
        return [*told, f"{recorded.height} rows then, {remade.height} now"]
    shared = [name for name in recorded.columns if name in remade.columns]
    for name in shared:
        if recorded[name].dtype != remade[name].dtype:
            told.append(f"{name} was {recorded[name].dtype} and is {remade[name].dtype}")
        elif (n_rows := _n_other(recorded[name], remade[name])) > 0:
            told.append(f"{name} differs in {n_rows} of {recorded.height} rows")
    return told or ["the same values in another order of columns"]


def _n_other(one: pl.Series, other: pl.Series) -> int:
    if one.dtype.is_nested():
        return sum(a != b for a, b in zip(one.to_list(), other.to_list(), strict=True))
    return int(one.ne_missing(other).sum())
