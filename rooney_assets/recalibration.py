"""Recalibration: the whole chain anew on what the source tells now, and a report of it.

Belongs here: running it, and what changed by it. Does not belong here: when it runs (`schedules`),
printing (`cli.recalibrate`), or whether a candidate is promoted: the assets of the release decide
that by the mandate, as in any other run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import polars as pl

from rooney_assets.graph.declaration import ASSETS, partition_of
from rooney_assets.graph.impact import moved_inputs, settled_config
from rooney_assets.graph.plan import Basis, upstream_closure
from rooney_assets.headless import Request, run
from rooney_assets.lake import Lake, Manifest, ManifestFacts
from rooney_assets.mandate import load_mandate
from rooney_assets.pool import Listener, Report
from rooney_assets.promotion import asking, current_release, decision, traded_of
from rooney_assets.provenance import git_commit
from rooney_assets.settings import Settings
from rooney_assets.sources import BarSource
from rooney_core.errors import LakeError, MissingArtifact
from rooney_core.gates.promotion import Decision, Traded
from rooney_core.market.instruments import Universe

ASSET: Final = "recalibration_report"
COLUMN: Final = "recalibration"
"""Partition of the report: when it began, as YYYYMMDDTHHMMSSZ."""

RECALIBRATION_SCHEMA: Final = {
    COLUMN: pl.String(),
    "began_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "asked_by": pl.String(),
    "outcome": pl.String(),
    "reason": pl.String(),
    "rebalance_month": pl.String(),
    "candidate_id": pl.String(),
    "release_before": pl.String(),
    "release_after": pl.String(),
    "evidence_version": pl.String(),
    "mandate_version": pl.String(),
    "is_auto": pl.Boolean(),
    "n_made": pl.Int64(),
    "n_unchanged": pl.Int64(),
    "n_failed": pl.Int64(),
}
CHANGES_SCHEMA: Final = {
    "asset": pl.String(),
    "partition": pl.String(),
    "version_before": pl.String(),
    "version_after": pl.String(),
    "because_of": pl.String(),
}
CONDITIONS_SCHEMA: Final = {
    "condition": pl.String(),
    "holds": pl.Boolean(),
    "reason": pl.String(),
}
FAILURES_SCHEMA: Final = {"failed": pl.String(), "reason": pl.String()}
RELEASES: Final = ("production_model", "production_config")
"""Tables that stay what they are when a candidate is not promoted; that alone is no failure."""

Versions = Mapping[tuple[str, str | None], str]
"""(asset, partition key) to data version."""


class RecalibrationOutcome(StrEnum):
    """What a recalibration came to."""

    PROMOTED = "promoted"  # another release is traded now
    KEPT = "kept"  # the candidate is what is traded already
    NOT_PROMOTED = "not_promoted"  # a condition of the promotion does not hold
    FAILED = "failed"  # the chain did not reach a candidate that could be judged


@dataclass(frozen=True)
class Recalibrated:
    """The report. `row`: RECALIBRATION_SCHEMA, one row; `changes`, `conditions`, `failures`: beside
    it. `before`, `after`: what was traded, None where nothing was ever released."""

    row: pl.DataFrame
    changes: pl.DataFrame
    conditions: pl.DataFrame
    failures: pl.DataFrame
    before: Traded | None
    after: Traded | None

    @property
    def id(self) -> str:
        """Its partition."""
        return str(self.row[COLUMN][0])

    @property
    def outcome(self) -> RecalibrationOutcome:
        """What it came to."""
        return RecalibrationOutcome(self.row["outcome"][0])

    @property
    def reason(self) -> str:
        """Why, in words."""
        return str(self.row["reason"][0])

    @property
    def succeeded(self) -> bool:
        """Whether the chain ran through; a candidate that is not promoted is no failure."""
        return self.failures.is_empty() and self.outcome is not RecalibrationOutcome.FAILED


@dataclass(frozen=True)
class Workshop:
    """Where a recalibration works: the settings, and what they name."""

    settings: Settings
    universe: Universe
    source: BarSource
    lake: Lake


def recalibrate(
    shop: Workshop,
    asked_by: str,
    tell: Listener = lambda event: None,
    *,
    processes: int | None = None,
    heard: Callable[[Report], None] = lambda report: None,
    only: tuple[str, ...] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Recalibrated:
    """Run the whole chain for the month after the newest bars, and keep the report in the lake.

    `only`: stages of it, by name, from what the lake holds of the others. What was made from the
    same inputs by the same code is not made again. The promotion happens in the run when every
    condition holds; otherwise what is traded stays. `heard` is given the report of the run itself.
    `tags`: of each of its runs; one that names an automation is halted by an emergency stop, also
    in the middle. Raises InputError for wrong settings, LakeError when the lake cannot
    be written: then nothing ran, and there is no report.
    """
    began = datetime.now(UTC)
    versions, before = kept_versions(shop.lake), _traded(shop.lake)
    request = Request(processes=processes, only=only, tags=tags or {})
    report = _run(shop, tell, request)
    heard(report)
    changes = changes_since(shop.lake, versions)
    done = _report_of(shop, began, asked_by, report, changes, before)
    _keep(shop.lake, done)
    return done


def _run(shop: Workshop, tell: Listener, request: Request) -> Report:
    """The whole chain; a stage that cannot begin ends it, as a failure that is reported."""
    shop.lake.check_writable()
    try:
        return run(request, shop.settings, shop.universe, shop.source, shop.lake, tell)
    except MissingArtifact as error:
        return Report(failures={"the chain": str(error)})


def kept_versions(lake: Lake) -> Versions:
    """The current version of every partition of every asset, in the order of the graph."""
    found = {}
    for name in upstream_closure(ASSETS):
        keys: Iterable[str | None] = (None,) if ASSETS[name].partitioning.is_whole else ()
        for key in keys or lake.partitions(name):
            version = lake.version(name, partition_of(ASSETS[name], key))
            if version is not None:
                found[name, key] = version
    return found


def changes_since(lake: Lake, before: Versions) -> pl.DataFrame:
    """CHANGES_SCHEMA: each partition that has another version now, and what of its basis moved."""
    rows = []
    for (name, key), version in kept_versions(lake).items():
        earlier = before.get((name, key))
        if earlier != version:
            reason = _why(lake, name, key, earlier, version)
            rows.append((name, key or "", earlier, version, reason))
    return pl.DataFrame(rows, schema=CHANGES_SCHEMA, orient="row")


def conditions_of(decided: Decision | None) -> pl.DataFrame:
    """CONDITIONS_SCHEMA of a decision; empty for none."""
    found = () if decided is None else decided.conditions
    rows = [(str(one.code), one.passed, one.reason) for one in found]
    return pl.DataFrame(rows, schema=CONDITIONS_SCHEMA, orient="row")


def _why(lake: Lake, name: str, key: str | None, earlier: str | None, version: str) -> str:
    if earlier is None:
        return "made for the first time"
    partition = partition_of(ASSETS[name], key)
    now = lake.manifest(name, partition, version=version)
    try:
        then = lake.manifest(name, partition, version=earlier)
    except (MissingArtifact, LakeError):
        return "what it was before is not known any more"
    return ", ".join(basis_changes(then, now)) or "what it recorded"


def basis_changes(then: Manifest, now: Manifest | Basis) -> list[str]:
    """What of the basis of a table is another one: inputs by name, the code, the configuration.

    A configuration as it comes back from JSON.
    """
    told = moved_inputs(then.inputs, now.inputs)
    if then.code_version != now.code_version:
        told.append("code")
    if settled_config(then.config) != settled_config(now.config):
        told.append("configuration")
    if then.config.get("source") != now.config.get("source"):
        told.append("the source's bars")
    return told


def _report_of(
    shop: Workshop,
    began: datetime,
    asked_by: str,
    report: Report,
    changes: pl.DataFrame,
    before: Traded | None,
) -> Recalibrated:
    after, mandate = _traded(shop.lake), load_mandate(shop.settings)
    asked, decided, silent = None, None, ""
    try:
        asked = asking(shop.lake, mandate)
        decided = decision(shop.lake, asked)
    except (MissingArtifact, LakeError) as error:
        silent = str(error)
    failures = _failures(report, decided)
    outcome, reason = _outcome(before, after, decided, failures, silent)
    current = current_release(shop.lake)
    row = {
        COLUMN: began.strftime("%Y%m%dT%H%M%SZ"),
        "began_at": began,
        "ended_at": datetime.now(UTC),
        "asked_by": asked_by,
        "outcome": str(outcome),
        "reason": reason,
        "rebalance_month": None if asked is None else asked.month,
        "candidate_id": None if asked is None else asked.traded.release_id,
        "release_before": None if before is None else before.release_id,
        "release_after": None if after is None else after.release_id,
        "evidence_version": None if current is None else current["evidence_version"][0],
        "mandate_version": mandate.version,
        "is_auto": mandate.promotion.auto,
        "n_made": report.made,
        "n_unchanged": report.current + report.reused,
        "n_failed": failures.height,
    }
    table = pl.DataFrame([row], schema=RECALIBRATION_SCHEMA)
    return Recalibrated(table, changes, conditions_of(decided), failures, before, after)


def _outcome(
    before: Traded | None,
    after: Traded | None,
    decided: Decision | None,
    failures: pl.DataFrame,
    silent: str,
) -> tuple[RecalibrationOutcome, str]:
    """What it came to, and why in words."""
    earlier = None if before is None else before.release_id
    if after is not None and after.release_id != earlier:
        return RecalibrationOutcome.PROMOTED, "every condition of the promotion held"
    told = "; ".join(f"{where}: {why}" for where, why in failures.iter_rows())
    if decided is None:
        return RecalibrationOutcome.FAILED, told or silent
    if not decided.passed:
        failed = (f"{one.code}: {one.reason}" for one in decided.conditions if not one.passed)
        return RecalibrationOutcome.NOT_PROMOTED, "; ".join(failed)
    if failures.height:
        return RecalibrationOutcome.FAILED, told
    return RecalibrationOutcome.KEPT, "the candidate is what is traded already"


def _failures(report: Report, decided: Decision | None) -> pl.DataFrame:
    """What failed, without the release where its conditions are the reason."""
    refused = decided is not None and not decided.passed
    # A table of the release that fails is told by its own name and by its stage's.
    told = {"release"} if refused or set(RELEASES) & report.failures.keys() else set()
    told |= set(RELEASES) if refused else set()
    rows = [
        (where, why.removeprefix(f"{where}: "))
        for where, why in report.failures.items()
        if where not in told
    ]
    return pl.DataFrame(rows, schema=FAILURES_SCHEMA, orient="row")


def _keep(lake: Lake, done: Recalibrated) -> None:
    beside = {"changes": done.changes, "conditions": done.conditions, "failures": done.failures}
    named = pl.lit(done.id).alias(COLUMN)
    facts = ManifestFacts(run_id=done.id, code_version="", git_commit=git_commit())
    tables: dict[str, Any] = {name: one.with_columns(named) for name, one in beside.items()}
    lake.write(ASSET, (COLUMN, done.id), done.row, facts, beside=tables)


def _traded(lake: Lake) -> Traded | None:
    current = current_release(lake)
    return None if current is None else traded_of(current)
