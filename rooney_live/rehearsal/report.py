"""What a rehearsal came to, read back from its journal; and the name of a run.

Belongs here: the report's fields and where each is read. Does not belong here: running anything
(`rehearse.py`, `harness.py`) or printing it (`cli`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from rooney_core.lineage import combined_version
from rooney_core.release import Release
from rooney_core.release.standing import lapsed, overrides_shown
from rooney_live.code_version import code_version
from rooney_live.journal import Journal, Row, Run
from rooney_live.journal_reading import run_summary
from rooney_live.rehearsal.bars import RehearsalMarket
from rooney_live.rehearsal.parity import Parity
from rooney_live.rehearsal.plan import NO_FAULTS, FaultPlan

SHOWN_DIFFERENCES: Final = 20
_NAME_LENGTH: Final = 16


@dataclass(frozen=True)
class RehearsalReport:
    """What a rehearsal came to; money in USD, for all contracts.

    `n_new_decisions` is 0 when the journal knew the whole run already: everything was decided
    again, or is there, and is equal. `reasons`: why each tradable symbol is in or out of the
    release. `parity`: n_decisions and n_trades that were held to the batch path's replay,
    n_explained (decisions that are other ones because of a recorded fault), n_unexplained
    differences, and the first of them. `n_emergency_stops`: times the trader stopped by itself.
    `lapsed`: approvals and overrides that had ended by the last session, so that it was REDUCING;
    `overrides`: those in force on that day. `mandate_version`, `approved_until`: of the release.

    `invariants`: a row for each (`Invariant.as_row`); none of a replay without a venue. `faults`:
    the plan (`FaultPlan.as_row`). `n_starts`: processes of the trader that it took, 0 of a replay.
    """

    run_id: str
    release_id: str
    rebalance_month: str
    is_simulated: bool
    sessions: tuple[str, ...]
    symbols: tuple[str, ...]
    decisions_by_code: Mapping[str, int]
    trades: tuple[Row, ...]
    net_profit_usd: float
    open_positions: tuple[str, ...]
    n_decisions: int
    n_new_decisions: int
    reasons: Mapping[str, str]
    notes: tuple[str, ...]
    parity: Mapping[str, Any]
    n_emergency_stops: int
    approved_until: str
    mandate_version: str
    overrides: tuple[str, ...]
    lapsed: tuple[str, ...]
    bars_version: str
    trader_code_version: str
    invariants: tuple[Row, ...] = ()
    faults: Mapping[str, Any] | None = None
    n_starts: int = 0

    @property
    def holds(self) -> bool:
        """True when nothing differs without a reason, and every invariant holds."""
        return not self.parity["n_unexplained"] and all(one["holds"] for one in self.invariants)


def name_run(
    release: Release, market: RehearsalMarket, mode: str, plan: FaultPlan = NO_FAULTS
) -> Run:
    """A release on a market; the same release, bars, sessions, faults and code are one run."""
    parts = {
        "release": release.config.release_id,
        "bars": market.version,
        "code": code_version(),
        "sessions": " ".join(day.isoformat() for day in market.sessions),
    }
    if plan != NO_FAULTS:
        parts["faults"] = json.dumps(plan.as_row())
    return Run(
        run_id=combined_version(parts)[:_NAME_LENGTH],
        release_id=release.config.release_id,
        rebalance_month=release.config.rebalance_month,
        code_version=parts["code"],
        bars_version=parts["bars"],
        symbols=tuple(release.bundles),
        first_session=market.sessions[0] if market.sessions else None,
        last_session=market.sessions[-1] if market.sessions else None,
        mode=mode,
    )


def report_of(
    release: Release,
    market: RehearsalMarket,
    journal: Journal,
    run: Run,
    found: Parity,
    open_positions: tuple[str, ...],
    n_new_decisions: int,
) -> RehearsalReport:
    """The report of a run; what only a venue can tell is left empty."""
    summary = run_summary(journal, run.run_id)
    config, last = release.config, market.sessions[-1] if market.sessions else date.min
    return RehearsalReport(
        run_id=run.run_id,
        release_id=config.release_id,
        rebalance_month=config.rebalance_month,
        is_simulated=config.is_simulated,
        sessions=tuple(day.isoformat() for day in market.sessions),
        symbols=run.symbols,
        decisions_by_code=summary.decisions_by_code,
        trades=summary.trades,
        net_profit_usd=summary.net_profit_usd,
        open_positions=open_positions,
        n_decisions=sum(summary.decisions_by_code.values()),
        n_new_decisions=n_new_decisions,
        reasons=config.reasons,
        notes=_notes(release, market),
        parity=_as_row(found),
        n_emergency_stops=summary.n_emergency_stops,
        approved_until=config.approved_until.isoformat(),
        mandate_version=config.mandate_version,
        overrides=overrides_shown(config, last),
        lapsed=lapsed(config, release.bundles, last),
        bars_version=run.bars_version,
        trader_code_version=run.code_version,
    )


def now() -> str:
    """The host's present, for people."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _as_row(found: Parity) -> dict[str, Any]:
    return {
        "n_decisions": found.n_decisions,
        "n_trades": found.n_trades,
        "n_explained": found.n_explained,
        "n_unexplained": found.differences.height,
        "differences": [
            one | {"at": one["at"].isoformat()}
            for one in found.differences.head(SHOWN_DIFFERENCES).to_dicts()
        ],
    }


def _notes(release: Release, market: RehearsalMarket) -> tuple[str, ...]:
    notes = []
    through = release.config.data_through
    if market.sessions and market.sessions[-1] != through:
        notes.append(
            f"the bars end with session {market.sessions[-1]}, the release was made from bars "
            f"through {through}"
        )
    if market.symbols:
        notes += [
            f"{symbol} has no bars: the features made of it are unknown"
            for symbol in market.lacking(release.config.feed_names)
        ]
    for symbol in (one.symbol for one in release.config.peer_instruments):
        if market.symbols and symbol not in market.peers:
            notes.append(f"peer {symbol} has no bars: nobody can be compared with it")
    for symbol, one in market.symbols.items():
        if one.first_live == one.frame.height:
            notes.append(f"{symbol} has no bars in these sessions")
    return tuple(notes)
