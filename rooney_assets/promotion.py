"""What is known when a release candidate asks to be promoted, from the lake.

Belongs here: finding the facts that `rooney_core.gates.promotion` judges. Does not belong here: the
conditions themselves, or carrying a decision out (the assets of the release do).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from rooney_assets.graph.declaration import ASSETS, partition_of
from rooney_assets.lake import Lake, promotions
from rooney_assets.lake.manifest import plain_json
from rooney_assets.loosening import loosened
from rooney_assets.mandate import Mandate, limits_of
from rooney_assets.terms import approvals_given, overrides_on
from rooney_core.errors import LakeError, MissingArtifact
from rooney_core.gates.approvals import Approval
from rooney_core.gates.champion import DAYS_SCHEMA, ChampionTest, champion_test, portfolio_days
from rooney_core.gates.promotion import Decision, PromotionFacts, Traded, decide
from rooney_core.gates.report import refused_symbols
from rooney_core.portfolio.turnover import turnover_breaches
from rooney_core.release.limits import live_refusals

STOP_FILE: Final = "EMERGENCY_STOP"
"""In the lake's root; while it is there nothing is promoted. Its text is shown as the reason."""

CANDIDATE, REPORT, EVIDENCE = "release_candidate", "gate_report", "release_evidence"
RELEASE, DAYS = "production_config", "days"
JUDGED_BY_MONTH: Final = ("portfolio_config", "paper_report")
JUDGED_BY_SYMBOL: Final = ("model_evaluation", "stress_report")
"""What the gates judged; each must have been made under the limits of the mandate in force."""


@dataclass(frozen=True)
class Asking:
    """A candidate that asks: its month, its tables, and the mandate in force."""

    month: str
    candidate: pl.DataFrame
    gate_report: pl.DataFrame
    page: Mandate

    @property
    def traded(self) -> Traded:
        """What it would trade."""
        return traded_of(self.candidate)


def asking(lake: Lake, page: Mandate) -> Asking:
    """The candidate of the newest month that the gates have judged.

    Raises MissingArtifact when there is none, LakeError when the rows of one of them are not those
    that its version is the hash of.
    """
    month = newest_month(*(lake.partitions(name) for name in (CANDIDATE, REPORT, EVIDENCE)))
    partition = ("rebalance_month", month)
    candidate, report = (lake.read(name, partition, verify=True) for name in (CANDIDATE, REPORT))
    return Asking(month, candidate, report, page)


def newest_month(*made: Any) -> str:
    """The newest of the months that are in all of several collections."""
    months = set(made[0]).intersection(*made[1:])
    if not months:
        raise MissingArtifact(
            "No month has a release candidate, its gate report and its evidence; run "
            "`rooney materialize --to release_evidence` and look at what it reports."
        )
    return str(max(months))


def decision(lake: Lake, asked: Asking) -> Decision:
    """Whether the candidate may be promoted today, condition by condition."""
    return decide(facts_of(lake, asked), asked.page.promotion)


def facts_of(lake: Lake, asked: Asking) -> PromotionFacts:
    """Everything that the conditions ask about."""
    champion_table = current_release(lake)
    champion = None if champion_table is None else traded_of(champion_table)
    candidate, limits = asked.traded, asked.page.limits
    held = {} if champion is None else champion.sizes
    before = None if champion is None else limits_under(lake, champion.mandate_version)
    overrides = overrides_on(lake, day_of_judging(asked.candidate["data_through"][0]))
    return PromotionFacts(
        candidate=candidate,
        champion=champion,
        gate_report=asked.gate_report,
        mandate_version=asked.page.version,
        challenge=_challenge(lake, asked, champion, refused_symbols(asked.gate_report, overrides)),
        other_versions=_made_otherwise(lake, asked),
        turnover=turnover_breaches(held, candidate.sizes, asked.page.portfolio),
        live_refusals=live_refusals(candidate.sizes, asked.page.live),
        overrides=overrides,
        approvals=standing_approvals(lake),
        loosened=_loosened(champion, before, limits),
        lapsed=_lapsed(lake, limits),
        withdrawn=_withdrawn(lake, candidate),
        emergency_stop=emergency_stop(lake),
    )


def traded_of(release: pl.DataFrame) -> Traded:
    """What production_config rows trade; those of a release from before mandates had versions too.

    Size 0 is not traded.
    """
    rows = release.filter(pl.col("size") > 0)
    has_mandate = "mandate_version" in release.columns
    return Traded(
        str(release["release_id"][0]),
        str(release["mandate_version"][0]) if has_mandate else "",
        dict(rows.select("symbol", "size").iter_rows()),
        dict(rows.select("symbol", "model_version").iter_rows()),
    )


def current_release(lake: Lake) -> pl.DataFrame | None:
    """The rows of the release in production; None before the first."""
    return None if lake.version(RELEASE, None) is None else lake.read(RELEASE, None)


def limits_under(lake: Lake, mandate_version: str) -> Mapping[str, Any] | None:
    """The limits of an earlier mandate by its version; None where the lake does not have it."""
    try:
        return limits_of(lake.read("mandate", None, version=mandate_version, verify=True))
    except (MissingArtifact, LakeError):
        return None


def emergency_stop(lake: Lake) -> str | None:
    """What the stop file says, "(no reason given)" for an empty one; None without one.

    A file that is there and cannot be read stops too, and so does a link that leads nowhere.
    """
    path = lake.root / STOP_FILE
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "(no reason given)"
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
            return None
        return f"{path} is there and cannot be read: {error}"


def standing_approvals(lake: Lake) -> tuple[Approval, ...]:
    """Approvals in order, without those that a later rollback from their release took back."""
    log = promotions.read(lake)
    taken_back = dict(
        log.filter(pl.col("event") == promotions.Event.ROLLED_BACK)
        .group_by("earlier_release_id")
        .agg(pl.col("entry").max())
        .iter_rows()
    )
    entries = log.filter(pl.col("event") == promotions.Event.APPROVED)["entry"]
    return tuple(
        approval
        for entry, approval in zip(entries, approvals_given(lake), strict=True)
        if entry > taken_back.get(approval.release_id, 0)
    )


def published_days(equity_curves: Mapping[str, pl.DataFrame], symbols: Any) -> pl.DataFrame:
    """champion.DAYS_SCHEMA: the test days of the symbols, as their evaluation published them."""
    parts = [pl.DataFrame(schema=DAYS_SCHEMA)]
    for symbol in symbols:
        tested = equity_curves[symbol].filter(pl.col("window") == "test")
        parts.append(tested.select(tuple(DAYS_SCHEMA)))
    return pl.concat(parts)


def _loosened(
    champion: Traded | None, before: Mapping[str, Any] | None, limits: Mapping[str, Any]
) -> list[str]:
    """What is looser than when the champion was promoted; a mandate nobody knows may have been."""
    if champion is None:
        return []
    if before is None:
        return [f"mandate {champion.mandate_version or 'none'} is not in the lake"]
    return loosened(before, limits)


def _challenge(
    lake: Lake, asked: Asking, champion: Traded | None, refused: set[str]
) -> ChampionTest:
    """The paired test; the champion's days are those kept beside its release.

    What of it the gates refuse now is no choice any more, however good its old days were: the
    challenger is compared with the rest.
    """
    if champion is None or champion.is_empty or asked.traded.is_empty:
        return ChampionTest(True, "nothing to compare")
    held = {symbol: size for symbol, size in champion.sizes.items() if symbol not in refused}
    gone = ", ".join(sorted(champion.sizes.keys() - held.keys()))
    if not held:
        return ChampionTest(True, f"the gates refuse all that is traded now: {gone}")
    kept = lake.beside(RELEASE, None).get(DAYS)
    if kept is None:
        return ChampionTest(False, f"release {champion.release_id} kept no days to compare with")
    curves = {
        symbol: lake.read("equity_curve", ("symbol", symbol)) for symbol in asked.traded.sizes
    }
    other = [
        symbol
        for symbol, version in asked.traded.model_versions.items()
        if set(curves[symbol]["model_version"]) != {version}
    ]
    if other:
        reason = f"the equity curves of {', '.join(other)} are of other models than the candidate"
        return ChampionTest(False, reason)
    found = champion_test(
        portfolio_days(published_days(curves, asked.traded.sizes), asked.traded.sizes),
        portfolio_days(kept, held),
        asked.page.promotion,
    )
    without = f"; without {gone}, which the gates refuse now" if gone else ""
    return replace(found, reason=f"{found.reason}{without}")


def _made_otherwise(lake: Lake, asked: Asking) -> tuple[str, ...]:
    """What the gates judged that was made under other limits than those of the mandate in force."""
    keys = [(name, asked.month) for name in JUDGED_BY_MONTH]
    keys += [(name, symbol) for name in JUDGED_BY_SYMBOL for symbol in asked.traded.sizes]
    told = []
    for name, key in keys:
        asset = ASSETS[name]
        if asset.params is None:
            continue
        wanted = plain_json(asked.page.params_of(asset.params).model_dump(mode="json"))
        if lake.manifest(name, partition_of(asset, key)).config.get("params") != wanted:
            told.append(f"{name}[{key}] was made under other limits than the mandate's")
    return (*told, *made_of_others(lake, asked.month))


def made_of_others(lake: Lake, month: str) -> list[str]:
    """What the month's judgement read that is another version now, in words."""
    told = []
    for name in (REPORT, EVIDENCE):
        read = lake.manifest(name, ("rebalance_month", month)).inputs
        for upstream in ("mandate", CANDIDATE, "paper_report", REPORT):
            partition = None if upstream == "mandate" else ("rebalance_month", month)
            label = upstream if partition is None else f"{upstream}[{month}]"
            if label in read and read[label] != lake.version(upstream, partition):
                told.append(f"{name}[{month}] is of another {label}; materialize it")
    return told


def _lapsed(lake: Lake, limits: Mapping[str, Any]) -> dict[str, list[str]]:
    """By approved release: what is looser now than under the mandate of its newest approval."""
    told = {}
    for one in standing_approvals(lake):
        before = limits_under(lake, one.mandate_version)
        missing = [f"mandate {one.mandate_version} is not in the lake any more"]
        told[one.release_id] = missing if before is None else loosened(before, limits)
    return told


def _withdrawn(lake: Lake, candidate: Traded) -> str | None:
    """Why somebody rolled back from a release with these models and sizes, unless it came back.

    Promoted or rolled back to since, it has: a person's word was needed for either.
    """
    moves = (promotions.Event.ROLLED_BACK, promotions.Event.PROMOTED)
    log = promotions.read(lake).filter(pl.col("event").is_in(moves))
    for one in reversed(log.to_dicts()):
        is_back = one["event"] == promotions.Event.ROLLED_BACK
        left = one["earlier_release_id"] if is_back else None
        # The very release that somebody left, before what only trades the same.
        if left != candidate.release_id and _is_same(lake, one["release_id"], candidate):
            return None
        if _is_same(lake, left, candidate):
            when = one["recorded_at"].strftime("%Y-%m-%d")
            return f"{one['who']} rolled back from it on {when}: {one['reason']}"
    return None


def _is_same(lake: Lake, release_id: str | None, candidate: Traded) -> bool:
    """Whether a release trades what the candidate does; new bars alone make no other one."""
    if release_id is None or release_id == candidate.release_id:
        return release_id is not None
    known = next((rows for _, rows in releases(lake) if rows["release_id"][0] == release_id), None)
    if known is None:
        return False
    other = traded_of(known)
    return (other.sizes, other.model_versions) == (candidate.sizes, candidate.model_versions)


def releases(lake: Lake) -> list[tuple[str, pl.DataFrame]]:
    """Every release that the lake holds, the oldest first: data version and rows."""
    found = []
    for manifest in lake.versions(RELEASE, None):
        version = manifest.data_version
        found.append((version, lake.read(RELEASE, None, version=version)))
    return found


def day_of_judging(data_through: date) -> date:
    """The day on which an override must hold: today (UTC), or the data's end where that is later.

    Whatever tells or checks overrides asks here, so that all agree when one has ended.
    """
    return max(datetime.now(UTC).date(), data_through)
