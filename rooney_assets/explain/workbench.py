"""A scratch lake for one step: what it was made of is current there, and nothing else is.

Belongs here: putting recorded versions into a folder that is thrown away, as hard links where the
disk allows it. Does not belong here: making anything of them (`reproduce`). The real lake is only
read: nothing is written below its root.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rooney_assets.explain.steps import Step, label_of, partition_in
from rooney_assets.feedback.followed import CANDIDATE, MODELS, RELEASE
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.lake import Lake, durable, promotions
from rooney_assets.lake.layout import Folder, beside_names
from rooney_assets.ledger import SEARCHING

LOOKS, BY_HAND, LEDGER = "holdout_looks", "trials_by_hand", "trial_ledger"
FOLLOWED: Final = "rooney_assets.feedback.followed"
"""The room of those who look up what a run of the trader traded."""
PERFORMANCE, EVALUATION = "live_performance", "model_evaluation"
LOGS: Final = {LOOKS: "looks", BY_HAND: "trials"}
"""Folders of entries below a symbol's partition, which are no tables."""


class ScratchLake(Lake):
    """A lake that nobody asks in SQL."""

    def refresh_views(self) -> None:
        """Nothing: the views would be thrown away with the folder."""


def scratch_for(step: Step, behind: Iterable[Step], lake: Lake, root: Path) -> Lake:
    """A lake at `root` in which `step` can be made as it was.

    `behind`: every step of its lineage. Current are its own inputs; of the tables further up, the
    versions that they were made of. Of the logs (looks, overrides, searches) it holds what the
    step's manifest says was there.
    """
    scratch = ScratchLake(root)
    for one in behind:
        if one.manifest is not None and (one.label, one.version) != (step.label, step.version):
            _place(one.label, one.version, lake, scratch, is_current=one.label not in step.inputs)
    for label, version in step.inputs.items():
        _place(label, version, lake, scratch, is_current=True)
    _place_history(step, lake, scratch)
    return scratch


def _place(label: str, version: str, lake: Lake, scratch: Lake, *, is_current: bool) -> None:
    """Every file of a version; a beside table under its stable name too where it is current."""
    theirs, ours = _folders(label, lake, scratch)
    files = [(theirs.version_file(version), ours.version_file(version))]
    files += [(theirs.manifest_file(version), ours.manifest_file(version))]
    files += [(theirs.sealed_file(version), ours.sealed_file(version))]
    files += [
        (theirs.beside_file(name, version), ours.beside_file(name, version))
        for name in beside_names(lake.root, theirs.asset)
    ]
    for source, target in files:
        if source.is_file() and not target.exists():
            durable.make_folder(target.parent)
            durable.link_over(source, target)
    if is_current and ours.version_file(version).exists():
        durable.link_over(ours.version_file(version), ours.current)


def _folders(label: str, lake: Lake, scratch: Lake) -> tuple[Folder, Folder]:
    asset, _, _ = label.partition("[")
    partition = partition_in(lake, label)
    return Folder(lake.root, asset, partition), Folder(scratch.root, asset, partition)


def _place_history(step: Step, lake: Lake, scratch: Lake) -> None:
    """What a step reads beside its inputs: logs up to where they were, earlier versions."""
    assert step.manifest is not None
    config = step.manifest.config
    if "overrides" in config:
        _place_overrides(len(config["overrides"]), lake, scratch)
    for month, version in config.get("month before", {}).items():
        _place(f"{step.asset}[{month}]", version, lake, scratch, is_current=True)
    if step.asset == LEDGER:
        _place_searches(step, lake, scratch)
    if FOLLOWED in ASSETS[step.asset].rooms:
        _place_releases(lake, scratch)
    if step.asset == PERFORMANCE:
        _place_evaluations(step, lake, scratch)
    for symbol, count in _looks_seen(step, lake).items():
        _place_entries(LOOKS, symbol, count, lake, scratch)


def _place_releases(lake: Lake, scratch: Lake) -> None:
    """Every release and candidate with its models: the trader's runs name them by their ids."""
    for asset in (MODELS, RELEASE, CANDIDATE):
        keys = lake.partitions(CANDIDATE) if asset == CANDIDATE else [None]
        for key in keys:
            label = label_of(asset, key)
            for one in lake.versions(asset, partition_in(lake, label)):
                _place(label, one.data_version, lake, scratch, is_current=True)


def _place_evaluations(step: Step, lake: Lake, scratch: Lake) -> None:
    """Those of before: what was traded may be a model that the newest one is not of."""
    assert step.manifest is not None
    label = label_of(EVALUATION, step.key)
    for one in lake.versions(EVALUATION, partition_in(lake, label)):
        if one.created_at < step.manifest.created_at:
            is_current = label not in step.inputs
            _place(label, one.data_version, lake, scratch, is_current=is_current)


def _place_overrides(count: int, lake: Lake, scratch: Lake) -> None:
    """The promotion log up to and with so many overrides."""
    source = Folder(lake.root, promotions.ASSET, None).path / "entries"
    target = Folder(scratch.root, promotions.ASSET, None).path / "entries"
    durable.make_folder(target)
    seen = 0
    for path in sorted(source.glob("*.json")):
        is_override = json.loads(path.read_bytes()).get("event") == promotions.Event.OVERRIDDEN
        if is_override and seen == count:
            break
        seen += is_override
        shutil.copy2(path, target)


def _place_searches(step: Step, lake: Lake, scratch: Lake) -> None:
    """The searches that were on record, and the ledger that this one was added to."""
    assert step.manifest is not None
    key = str(step.key)
    wanted = set(step.manifest.config.get("searches", ()))
    for asset in SEARCHING:
        for one in lake.versions(asset, ("symbol", key)):
            if one.data_version in wanted:
                label = f"{asset}[{key}]"
                is_current = label not in step.inputs
                _place(label, one.data_version, lake, scratch, is_current=is_current)
    source = Folder(lake.root, BY_HAND, ("symbol", key)).path / LOGS[BY_HAND]
    target = Folder(scratch.root, BY_HAND, ("symbol", key)).path / LOGS[BY_HAND]
    for path in sorted(source.glob("*.json")):
        if path.stem in wanted:
            durable.make_folder(target)
            shutil.copy2(path, target)
    made = step.manifest.created_at
    before = [one for one in lake.versions(LEDGER, ("symbol", key)) if one.created_at < made]
    if before:
        _place(step.label, before[-1].data_version, lake, scratch, is_current=True)


def _looks_seen(step: Step, lake: Lake) -> dict[str, int]:
    """How many looks at each symbol's test window were on record before the step was made."""
    assert step.manifest is not None
    recorded: Any = step.manifest.config.get("looks")
    if isinstance(recorded, int):
        return {str(step.key): recorded}
    if recorded is not None:
        return dict(recorded)
    if step.asset != EVALUATION:
        return {}
    looks = lake.looks(str(step.key))
    own = looks.filter(looks["who"] == f"{EVALUATION}, run {step.manifest.run_id}")
    if not own.is_empty():
        return {str(step.key): int(own["look"][0]) - 1}
    made: datetime = step.manifest.created_at
    return {str(step.key): int((looks["looked_at"] < made).sum())}


def _place_entries(asset: str, symbol: str, count: int, lake: Lake, scratch: Lake) -> None:
    source = Folder(lake.root, asset, ("symbol", symbol)).path / LOGS[asset]
    target = Folder(scratch.root, asset, ("symbol", symbol)).path / LOGS[asset]
    durable.make_folder(target)
    for path in sorted(source.glob("*.json"))[:count]:
        shutil.copy2(path, target)
