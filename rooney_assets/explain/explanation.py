"""Everything that is known of one id, together: facts, steps down to the bars, looks, warnings.

Belongs here: putting it together. Does not belong here: printing it (`rooney_assets.cli.explain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from rooney_assets.explain.ids import Found, Where, find
from rooney_assets.explain.steps import BARS, Step, step_facts, steps_of
from rooney_assets.lake import Lake

SEARCHED = ("training_set", "meta_model", "model_evaluation")
"""Whose symbols' looks at the sealed test window are told."""
UNCOMMITTED = "+changes"


@dataclass(frozen=True)
class Explanation:
    """`steps`: from the bars on, what was asked for last. `looks`: of every symbol that was
    researched for it (`lake.holdout.LOOKS_SCHEMA`). `warnings`: what is missing or odd."""

    found: Found
    steps: tuple[Step, ...]
    looks: pl.DataFrame
    warnings: tuple[str, ...]

    @property
    def bars(self) -> tuple[Step, ...]:
        """Where it all begins."""
        return tuple(one for one in self.steps if one.asset == BARS)


def explain(where: Where, asked: str) -> Explanation:
    """Explain an id. Raises as `ids.find`, LakeError for a damaged manifest."""
    found = find(where, asked)
    steps = steps_of(where.lake, found.inputs)
    return Explanation(found, steps, _looks(where.lake, steps), tuple(_warnings(found, steps)))


def _looks(lake: Lake, steps: Iterable[Step]) -> pl.DataFrame:
    symbols = sorted({str(one.key) for one in steps if one.asset in SEARCHED})
    none = lake.looks("NONE").clear()
    return pl.concat([none, *(lake.looks(symbol) for symbol in symbols)])


def _warnings(found: Found, steps: tuple[Step, ...]) -> Iterable[str]:
    yield from found.notes
    for one in steps:
        if one.manifest is None:
            yield f"{one.label} {one.version} is not in the lake any more: its lineage ends there"
        elif one.failed_checks:
            yield f"{one.label} failed {', '.join(one.failed_checks)} when it was made"
    commits = {one.manifest.git_commit for one in steps if one.manifest is not None}
    if any(one.endswith(UNCOMMITTED) for one in commits):
        yield "some of it was made by code with uncommitted changes: no commit holds that code"
    if len(commits) > 1:
        yield f"it was made by {len(commits)} commits"
    twice = _of_two_versions(steps)
    if twice:
        yield f"of {', '.join(twice)} two versions are behind it: one was made anew in between"


def _of_two_versions(steps: tuple[Step, ...]) -> list[str]:
    labels = [one.label for one in steps]
    return sorted({one for one in labels if labels.count(one) > 1})


def explanation_facts(told: Explanation) -> dict[str, Any]:
    """An explanation for a program: plain values, times as ISO 8601."""
    found = told.found
    return {
        "id": found.id,
        "kind": str(found.kind),
        "of": dict(found.inputs),
        "facts": plain(found.facts),
        "bars": [one.label for one in told.bars],
        "commits": sorted({one.manifest.git_commit for one in told.steps if one.manifest}),
        "run_ids": sorted({one.manifest.run_id for one in told.steps if one.manifest}),
        "steps": [step_facts(one) for one in told.steps],
        "looks": plain(told.looks.to_dicts()),
        "warnings": list(told.warnings),
    }


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and value != value:
        return None
    return value
